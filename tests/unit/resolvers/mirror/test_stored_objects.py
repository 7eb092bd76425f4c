"""Objects inside rows, lists and moments are stored and shown as clients send them."""

from dataclasses import replace
from typing import Any

import pytest

from schema.amplify.catalogue import Catalogue
from schema.amplify.stored_fields import Field
from schema.build import MirrorSchema
from tests.unit.atlas import CATALOGUE, PLACE, PLACES
from tests.unit.mirror import ALICE, MemoryStore, app_over, execute

CREATE = """mutation ($input: CreatePlaceInput!) { createPlace(input: $input) {
    id address { street lines mood place { latitude } } corners { latitude longitude }
    tags scores sizes flags moods dateTime timestamp createdAt } }"""
GIVEN: dict[str, Any] = {
    "id": "p",
    "address": {"street": "Elm", "lines": ["a", None], "mood": "GOOD", "place": {"latitude": 1.5, "longitude": 2}},
    "corners": [{"latitude": 0, "longitude": 0.25}],
    "tags": ["x", None],
    "names": ["n"],
    "scores": [3, None],
    "sizes": [2.5],
    "flags": [True, None],
    "mood": "BAD",
    "moods": ["GOOD", None],
    "dateTime": "2026-03-01T09:30Z",
    "timestamp": 17,
}
SHOWN = {
    "id": "p",
    "address": {"street": "Elm", "lines": ["a", None], "mood": "GOOD", "place": {"latitude": 1.5}},
    "corners": [{"latitude": 0.0, "longitude": 0.25}],
    **{name: GIVEN[name] for name in ("tags", "scores", "sizes", "flags", "moods", "dateTime", "timestamp")},
}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def schema(store: MemoryStore) -> MirrorSchema:
    return app_over(store, CATALOGUE)


async def ask(schema: MirrorSchema, store: MemoryStore, query: str, **variables: Any) -> Any:
    data, errors = await execute(schema, store, ALICE, query, **variables)
    assert errors == []
    return data


async def test_what_a_client_sends_is_stored_and_shown(schema: MirrorSchema, store: MemoryStore) -> None:
    for _ in range(2):  # the second time it is there already, with the same content
        made = (await ask(schema, store, CREATE, input=GIVEN))["createPlace"]
        assert made.pop("createdAt").endswith("Z")
        assert made == SHOWN
    row = store.rows[PLACES, "p"]
    assert row["address"]["M"]["place"] == {"M": {"latitude": {"N": "1.5"}, "longitude": {"N": "2"}}}
    assert row["dateTime"] == {"S": "2026-03-01T09:30Z"}


async def test_an_update_replaces_or_removes_a_whole_object(schema: MirrorSchema, store: MemoryStore) -> None:
    await ask(schema, store, CREATE, input=GIVEN)
    update = """mutation ($i: UpdatePlaceInput!) { updatePlace(input: $i) {
        address { street mood } corners { latitude } } }"""
    data = await ask(schema, store, update, i={"id": "p", "address": {"mood": "BAD"}, "corners": None})
    assert data["updatePlace"] == {"address": {"street": None, "mood": "BAD"}, "corners": None}


async def test_a_moment_is_compared_as_it_was_sent(schema: MirrorSchema, store: MemoryStore) -> None:
    await ask(schema, store, CREATE, input=GIVEN)
    query = '{ listPlaces(filter: {dateTime: {eq: "2026-03-01T09:30Z"}}) { items { id address { street } } } }'
    assert await ask(schema, store, query) == {
        "listPlaces": {"items": [{"id": "p", "address": {"street": "Elm"}}]}
    }


async def test_timestamps_are_the_clients_where_an_input_has_them(store: MemoryStore) -> None:
    made = {"madeAt": Field.of("madeAt", "AWSDateTime")}
    model = replace(
        PLACE,
        fields={**PLACE.fields, **made},
        created_at="madeAt",
        updated_at=None,
        takes_timestamps=True,
        unwritable=frozenset({"createdAt", "updatedAt"}),
    )
    schema = app_over(store, Catalogue.of([model]))
    needed = {"address": {}, "names": [], "mood": "BAD"}
    create = "mutation ($i: CreatePlaceInput!) { createPlace(input: $i) { madeAt } }"
    sent = await ask(schema, store, create, i={**needed, "id": "a", "madeAt": "2020-01-01T00:00Z"})
    assert sent["createPlace"] == {"madeAt": "2020-01-01T00:00Z"}
    ours = await ask(schema, store, create, i={**needed, "id": "b"})
    assert ours["createPlace"]["madeAt"].endswith("Z")
    assert "updatedAt" not in store.rows[PLACES, "b"]
    update = 'mutation { updatePlace(input: {id: "b", madeAt: "2021-01-01T00:00Z"}) { madeAt } }'
    assert (await ask(schema, store, update))["updatePlace"] == {"madeAt": "2021-01-01T00:00Z"}
