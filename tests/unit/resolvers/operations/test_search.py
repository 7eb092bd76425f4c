"""The search for services, over tables in memory."""

from functools import cache
from typing import Any

import pytest

from models import clock, tables
from resolvers.identity.callers import GUEST, Caller
from resolvers.mirror.mutations import Mutations
from resolvers.mirror.paging import PageTokens
from resolvers.mirror.queries import Queries
from resolvers.mirror.resolver import Mirror
from resolvers.mirror.type_rules import TypeRules
from resolvers.operations import search
from schema.build import MirrorSchema, build_schema
from schema.types import CATALOGUE
from tests.unit.mirror import ALICE, MemoryStore, StoredRowEvents, execute

QUERY = """query ($text: String, $category: String, $minRating: Float, $maxHourlyDuration: Float, $tags: [String],
        $isActive: Boolean, $limit: Int, $nextToken: String) {
    found: searchServices(query: $text, category: $category, minRating: $minRating, tags: $tags, limit: $limit,
        maxHourlyDuration: $maxHourlyDuration, isActive: $isActive, nextToken: $nextToken) {
        items { id } nextToken total } }"""
SERVICES: dict[str, dict[str, Any]] = {
    "garden": {
        "title": "Garden help",
        "description": "Weeding",
        "tags": ["Outdoors", "hedge"],
        "hourlyDuration": 2,
    },
    "shelf": {
        "title": "Shelves",
        "description": "For your GARDEN shed",
        "category": "crafts",
        "userId": "sub-eve",
    },
    "bike": {"title": "Fahrräder", "description": "Brakes", "category": "crafts", "tags": ["outdoors"]},
    "old": {"title": "Garden, once", "isActive": False},
    "gone": {"title": "Of nobody", "description": "Any more", "userId": "sub-gone", "hourlyDuration": 2.5},
}
ACTIVE = ["gone", "bike", "shelf", "garden"]


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for name, rating in (("bob", 4.5), ("eve", 0)):
        store.add(tables.User, id=f"sub-{name}", username=name, rating=rating, createdAt="2026", updatedAt="2026")
    for number, (key, changes) in enumerate(SERVICES.items()):
        given = {
            "userId": "sub-bob",
            "description": "",
            "category": "garden",
            "isActive": True,
            "tags": [],
        } | changes
        dates = {"createdAt": f"2026-01-0{number + 1}", "updatedAt": "2026"}
        store.add(tables.Service, id=key, hourlyRate=1, **given, **dates, __typename="Service")
    return store


@cache
def built() -> MirrorSchema:
    """Return a schema whose search finds its store in the first one's place: it is filled before each question."""
    store, tokens = MemoryStore(), PageTokens(b"secret")
    mirror = Mirror(
        CATALOGUE, Queries(store, tokens), Mutations(store, clock.now, TypeRules()), StoredRowEvents(store)
    )
    schema = build_schema(CATALOGUE, mirror, extra_queries=[search.queries(store, tokens)])
    schema.searched = store  # type: ignore[attr-defined]  # for the tests
    return schema


async def run(store: MemoryStore, caller: Caller | None, **variables: Any) -> Any:
    searched: MemoryStore = built().searched  # type: ignore[attr-defined]  # see `built`
    searched.rows, searched.reads = store.rows, store.reads
    return await execute(built(), searched, caller, QUERY, **variables)


async def found(store: MemoryStore, **variables: Any) -> list[str]:
    data, errors = await run(store, ALICE, **variables)
    assert errors == []
    assert data["found"]["nextToken"] is None
    assert data["found"]["total"] == len(data["found"]["items"])
    return [item["id"] for item in data["found"]["items"]]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ACTIVE),
        (
            dict.fromkeys(("text", "category", "minRating", "tags", "isActive")),
            ACTIVE,
        ),
        ({"text": "", "category": "", "tags": []}, ACTIVE),
        ({"text": "gARDEN"}, ["shelf", "garden"]),
        ({"text": " garden  help "}, ["garden"]),
        ({"text": "hedge"}, ["garden"]),
        ({"text": "FAHRRA\u0308DER"}, ["bike"]),
        ({"text": "garden brakes"}, []),
        ({"isActive": True, "text": "garden"}, ["shelf", "garden"]),
        ({"isActive": False}, ["old"]),
        ({"category": "crafts"}, ["bike", "shelf"]),
        ({"category": "crafts", "text": "garden"}, ["shelf"]),
        ({"category": "none"}, []),
        ({"tags": ["OUTDOORS"]}, ["bike", "garden"]),
        ({"tags": ["outdoors", "Hedge", None]}, ["garden"]),
        ({"maxHourlyDuration": 2}, ["bike", "shelf", "garden"]),
        ({"maxHourlyDuration": 1}, ["bike", "shelf"]),
        ({"minRating": 4.5}, ["bike", "garden"]),
        ({"minRating": 0}, ["bike", "shelf", "garden"]),
        ({"minRating": 4.6}, []),
        ({"minRating": 4, "maxHourlyDuration": 1, "category": "crafts", "tags": ["outdoors"]}, ["bike"]),
    ],
)
async def test_it_finds_what_is_meant(store: MemoryStore, variables: dict[str, Any], expected: list[str]) -> None:
    assert await found(store, **variables) == expected
    assert {kind for kind, _ in store.reads} <= {"query", "batch_get"}


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("variables", [{}, {"text": "garden"}, {"minRating": 1}, {"category": "crafts"}])
async def test_pages_lead_through_everything_once(
    store: MemoryStore, variables: dict[str, Any], limit: int
) -> None:
    expected, seen, token = await found(store, **variables), list[str](), None
    while True:
        data, errors = await run(store, ALICE, limit=limit, nextToken=token, **variables)
        assert errors == []
        page = data["found"]
        assert len(page["items"]) <= limit
        seen += [item["id"] for item in page["items"]]
        assert (page["total"] is None) is (token is not None or page["nextToken"] is not None)
        if (token := page["nextToken"]) is None:
            break
    assert seen == expected


async def test_a_page_reads_a_bounded_number_of_services(store: MemoryStore) -> None:
    for number in range(1_500):
        row = dict(store.rows[tables.Service, "bike"])
        row |= {"id": {"S": f"n{number}"}, "createdAt": {"S": f"2025-{number:05}"}}
        store.rows[tables.Service, f"n{number}"] = row
    data, errors = await run(store, ALICE, text="weeding nowhere")
    assert errors == []
    assert data["found"]["items"] == []
    assert data["found"]["nextToken"] is not None
    assert data["found"]["total"] is None
    assert len(store.reads) <= 10


async def test_a_token_is_of_its_search(store: MemoryStore) -> None:
    data, _ = await run(store, ALICE, limit=1)
    token = data["found"]["nextToken"]
    for variables in ({"text": "garden"}, {"category": "crafts"}, {"isActive": False}):
        _, (error,) = await run(store, ALICE, limit=1, nextToken=token, **variables)
        assert error["errorInfo"] == {"field": "nextToken"}


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"text": "x" * 201}, "query"),
        ({"tags": ["x"] * 51}, "tags"),
        ({"tags": ["x" * 101]}, "tags"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"nextToken": "forged"}, "nextToken"),
    ],
)
async def test_what_is_too_much_is_named(store: MemoryStore, variables: dict[str, Any], field: str) -> None:
    _, (error,) = await run(store, ALICE, **variables)
    assert (error["errorType"], error["errorInfo"]) == ("BadRequest", {"field": field})


async def test_a_guest_may_search_and_nobody_else_without_a_name(store: MemoryStore) -> None:
    data, errors = await run(store, GUEST)
    assert (len(data["found"]["items"]), errors) == (4, [])
    _, (error,) = await run(store, None)
    assert error["errorType"] == "Unauthorized"
