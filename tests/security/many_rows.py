"""Tables in memory with as many rows as a page may have, and with long texts and lists."""

from typing import Any

from models import tables
from resolvers.context import RequestContext
from schema.build import MirrorSchema
from tests.unit.mirror import ALICE, MemoryStore

LONGEST = 40_000
DATE = "2026-01-01T00:00:00.000Z"


def filled(rows: int = 1_000, **more: Any) -> MemoryStore:
    """Return a store with services of 500 members, each with 50 tags."""
    store = MemoryStore()
    for number in range(rows):
        service = {
            "title": f"title {number}",
            "description": "d" * 200,
            "category": "music",
            "isActive": True,
            "tags": [f"tag{tag}" for tag in range(50)],
            "hourlyDuration": 2,
            "hourlyRate": 1,
            "createdAt": f"2026-01-01T00:00:00.{number:03}Z",
            "updatedAt": DATE,
            "typename": "Service",
        }
        store.add(tables.Service, id=f"s{number:04}", userId=f"u{number % 500}", **{**service, **more})
    for number in range(500):
        names = dict.fromkeys(("email", "firstName", "lastName"), "x")
        dates = {"createdAt": DATE, "updatedAt": DATE}
        store.add(
            tables.User, id=f"u{number}", username=f"n{number}", rating=4, totalTransactions=1, **names, **dates
        )
    return store


async def answer(schema: MirrorSchema, store: MemoryStore, query: str, **variables: Any) -> tuple[Any, list[Any]]:
    """Return an operation's data, and its errors in their wire form."""
    context = RequestContext(store, ALICE, {})
    result = await schema.execute(query, variable_values=variables, context_value=context)
    return result.data, [error.formatted for error in result.errors or ()]


def only(errors: list[Any], error_type: str, *words: str) -> None:
    """Assert that there is one error, of a type, which says some words."""
    (error,) = errors
    assert error["errorType"] == error_type
    assert all(word in error["message"] for word in words), error["message"]
