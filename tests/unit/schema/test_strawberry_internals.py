"""What Strawberry does not show is found where this version of it keeps it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry import Info
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext
from strawberry.types.field import StrawberryField

from schema.strawberry_internals import (
    ErrorReplacement,
    RememberedHooks,
    enum_name,
    fields_of,
    graphql_schema,
    make_object_type,
    resolved_field,
    selected_nodes,
)


class Wish:
    """An input type that is made from data."""


make_object_type(
    Wish,
    [
        StrawberryField(python_name=name, graphql_name=name, type_annotation=StrawberryAnnotation(str | None))
        for name in ("colour", "size")
    ],
    description="A wish.",
    is_input=True,
)


class Colour(Enum):
    """An enum with another name in GraphQL."""

    RED = "RED"


@strawberry.type
class Inner:
    """What a field leads to."""

    name: str = "inner"


@strawberry.type
class Query:
    """The root."""

    @strawberry.field
    def seen(self, info: Info) -> Inner:
        nodes, fragments = selected_nodes(info)
        SEEN.update(field=resolved_field(info), nodes=[node.name.value for node in nodes], fragments=[*fragments])
        return Inner()

    @strawberry.field
    def wished(self, wish: Wish) -> str:
        SEEN.update(wish=wish)
        return "done"

    @strawberry.field
    def failing(self) -> str:
        raise ValueError("a secret")


SEEN: dict[str, Any] = {}
SCHEMA = strawberry.Schema(
    Query, extensions=[lambda: ErrorReplacement(lambda error: GraphQLError(f"replaced at {error.path}"))]
)


def result(query: str) -> Mapping[str, Any] | None:
    SEEN.clear()
    return SCHEMA.execute_sync(query).data


def test_a_field_knows_its_parent_type_and_what_is_selected() -> None:
    assert result("{ a: seen { ...F } } fragment F on Inner { name }") == {"a": {"name": "inner"}}
    assert SEEN == {"field": ("Query", "seen"), "nodes": ["seen"], "fragments": ["F"]}


def test_an_input_is_a_mapping_without_what_was_left_out() -> None:
    assert result('{ wished(wish: {colour: "red"}) }') == {"wished": "done"}
    assert SEEN["wish"] == {"colour": "red"}
    made = graphql_schema(SCHEMA).type_map["Wish"]
    assert made.description == "A wish."


class Noting(SchemaExtension):
    """Notes when its hooks run."""

    def on_operation(self) -> Iterator[None]:
        yield from self._noted("operation")

    def on_parse(self) -> Iterator[None]:
        yield from self._noted("parsing")

    def on_validate(self) -> None:  # type: ignore[override]  # which yields nothing, as hooks may
        NOTED.append("validates")

    async def on_execute(self) -> AsyncIterator[None]:
        for _ in self._noted("executing"):
            yield

    def _noted(self, stage: str) -> Iterator[None]:
        NOTED.append(f"{self.execution_context.query} begins {stage}")
        yield
        NOTED.append(f"ends {stage}")


class Remembering(strawberry.Schema):
    """A schema that remembers hooks."""

    def create_extensions_runner(
        self, execution_context: ExecutionContext, extensions: list[SchemaExtension]
    ) -> RememberedHooks:
        return RememberedHooks(execution_context, extensions)


NOTED: list[str] = []


@pytest.mark.parametrize("query", ["{ seen { name } }", "{ failing }", "{ nothing }", "{"])
async def test_hooks_run_as_strawberry_runs_them(query: str) -> None:
    noted = []
    for schema in (strawberry.Schema, Remembering):
        NOTED.clear()
        made = schema(Query, extensions=[Noting, lambda: ErrorReplacement(lambda _: GraphQLError("replaced"))])
        results = [str(await made.execute(query)) for _ in range(2)]
        noted.append([*NOTED, *results])
    assert noted[0] == noted[1]
    assert f"{query} begins operation" in noted[0]


def test_every_error_is_replaced() -> None:
    for query, path in (("{ failing }", ["failing"]), ("{ nothing }", None)):
        errors = SCHEMA.execute_sync(query).errors or []
        assert [error.message for error in errors] == [f"replaced at {path}"]


def test_the_names_of_types_and_enums_are_known() -> None:
    assert [field.name for field in fields_of(Query)] == ["seen", "wished", "failing"]
    with pytest.raises(TypeError):
        fields_of(int)
    strawberry.enum(Colour, name="Paint")
    assert enum_name(Colour) == "Paint"
