"""Whatever a stranger filters by, what they get does not depend on what is hidden from them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from models import tables
from resolvers.identity.callers import GUEST, Caller
from tests.unit.mirror import ALICE, MemoryStore, execute, schema_over

Filter = Mapping[str, Any]
TEXTS = ("", "a", "b", "ab", "sub-alice", "alice")
FIELDS = ("email", "cognitoId", "username", "bio")
QUERIES = (
    """query ($f: ModelUserFilterInput) {
        listUsers(filter: $f, limit: 2) { items { id email cognitoId } nextToken } }""",
    'query ($f: ModelUserFilterInput) { usersByUsername(username: "b", filter: $f) { items { id } nextToken } }',
    """query ($f: ModelUserFilterInput) {
        usersByEmail(email: "a", filter: $f, sortDirection: DESC) { items { id } nextToken } }""",
)


def filters() -> st.SearchStrategy[Filter]:
    """Return filters with operators on hidden and on shown fields, in every connective."""
    text = st.sampled_from(TEXTS)
    words: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(
        ("eq", "ne", "lt", "ge", "contains", "notContains", "beginsWith"), text
    )
    words |= {"attributeExists": st.booleans()}
    operator = st.sampled_from(sorted(words)).flatmap(lambda word: st.fixed_dictionaries({word: words[word]}))
    size = st.fixed_dictionaries({"email": st.fixed_dictionaries({"size": st.just({"ge": 2})})})
    comparing = st.dictionaries(st.sampled_from(FIELDS), operator, min_size=1, max_size=2) | size

    def connected(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        several = st.lists(inner, max_size=3)
        joined = st.sampled_from(["and", "or"]).flatmap(lambda word: st.fixed_dictionaries({word: several}))
        return joined | inner.map(lambda one: {"not": one})

    return st.recursive(comparing, connected, max_leaves=5)


def bank(hidden: list[tuple[str, str]]) -> MemoryStore:
    """Return members of whom only the first is Alice, with what is hidden of the others."""
    store = MemoryStore()
    dates = {"createdAt": "2026", "updatedAt": "2026"}
    store.add(tables.User, id=ALICE.sub, username="alice", email="ab", cognitoId=ALICE.sub, bio="a", **dates)
    for number, (email, cognito_id) in enumerate(hidden):
        names = {"id": f"m{number}", "username": "ab"[number % 2], "bio": "b" * number}
        store.add(tables.User, **names, email=email, **({"cognitoId": cognito_id} if cognito_id else {}), **dates)
    return store


async def seen(store: MemoryStore, caller: Caller, filter_: Filter) -> list[Any]:
    """Return the answers to every query, without the tokens' text, and what was read for them."""
    answers = []
    for query in QUERIES:
        if caller is GUEST:
            query = query.replace(" email cognitoId", "")  # noqa: PLW2901 — a guest is refused them
        data, errors = await execute(schema_over(store), store, caller, query, f=filter_)
        (page,) = data.values()
        answers.append((page["items"], page["nextToken"] is None, errors))
    return [*answers, store.reads]


hidden_values = st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from(TEXTS)), min_size=4, max_size=4)


@settings(max_examples=60, deadline=None)
@given(filters(), hidden_values, hidden_values)
def test_a_stranger_learns_nothing_of_what_is_hidden(
    filter_: Filter, here: list[tuple[str, str]], there: list[tuple[str, str]]
) -> None:
    async def compare() -> None:
        for caller in (ALICE, GUEST):
            assert await seen(bank(here), caller, filter_) == await seen(bank(there), caller, filter_)

    asyncio.run(compare())
