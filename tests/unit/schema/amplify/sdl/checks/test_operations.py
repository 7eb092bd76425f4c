"""Every operation has a name of its own that GraphQL knows; several changes may share a subscription."""

import pytest

from tests.unit.schema.amplify.sdl.texts import app_of, problems_of

FIELDS = "{ id: ID! }"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            f"type A @model {FIELDS} type Query {{ getA: Int }}",
            "Query.getA is the name of two operations, of type A and of the app's own type Query",
        ),
        (
            'type A @model { id: ID! n: Int @index(name: "byN", queryField: "listAS") }',
            "Query.listAS is the name of two operations, of type A and of index byN of type A",
        ),
        (
            f'type A @model(mutations: {{ create: "save", update: "save" }}) {FIELDS}',
            "Mutation.save is the name of two operations, of type A and of type A",
        ),
        (
            f'type A @model(queries: {{ get: "get A" }}) {FIELDS}',
            "'get A', which type A gives an operation, is no name of a field in GraphQL",
        ),
        (
            'type A @model { id: ID! n: Int @index(name: "byN", queryField: "") }',
            "'', which index byN of type A gives an operation, is no name of a field in GraphQL",
        ),
        (
            f"type A @model(queries: null) {FIELDS}",
            "no type has a query, and a GraphQL schema needs one",
        ),
    ],
)
def test_names_that_cannot_be_are_refused(text: str, problem: str) -> None:
    assert problems_of(text) == (f"schema.graphql: {problem}",)


def test_a_query_of_the_apps_own_is_enough() -> None:
    assert app_of(f"type A @model(queries: null) {FIELDS} type Query {{ q: Int }}").models.keys() == {"A"}


def test_several_changes_may_share_a_subscription() -> None:
    heard = 'subscriptions: { onCreate: ["onA"], onUpdate: ["onA"], onDelete: ["onA", "goneA"] }'
    operations = app_of(f"type A @model({heard}) {FIELDS}").models["A"].operations
    assert operations.on_create == operations.on_update == ("onA",)
