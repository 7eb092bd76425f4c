"""Names that other people read: none can pass for another's, and none makes a terminal obey."""

import io
from typing import Any
from uuid import uuid4

import pytest
from rich.console import Console

from models import tables
from models.storage.store import Item
from resolvers.identity.callers import Caller
from tests.security import own_states
from tests.security.backends import CloudBackend
from tests.security.cases import item_of
from tests.security.samples import SAMPLES
from tests.unit.mirror import execute
from tests.unit.processor_time import least_seconds_async
from workflows.console import books
from workflows.console.books import UnknownMemberError

pytestmark = pytest.mark.asyncio(loop_scope="package")

DEAREST = 0.05  # seconds of the processor
JOIN = "mutation ($input: CreateUserInput!) { it: createUser(input: $input) { id } }"
UPDATE = "mutation ($input: UpdateUserInput!) { it: updateUser(input: $input) { id username bio } }"
STAMP = "2026-01-01T00:00:00.000Z"


def caller() -> Caller:
    return Caller(str(uuid4()), f"name-{uuid4().hex[:12]}")


def profile(of: Caller, **changes: Any) -> dict[str, Any]:
    sample = {name: value for name, value in SAMPLES["User"].given.items() if name != "cognitoId"}
    return {**sample, "id": of.sub, "username": of.username, "email": f"{of.username}@example.org", **changes}


ODD = [
    *[("username", f"al{odd}ice") for odd in ("\u0007", "\n", "\r", "\t", "\x1b[2J", "\x7f", "\x9b", "\u0000")],
    *[("username", f"al{odd}ice") for odd in ("\u202e", "\u2066", "\u200e", "\u061c", "\u206a")],
    *[("username", f"al{odd}ice") for odd in ("\u200b", "\u200d", "\ufeff", "\u00ad", "\u2060", "\U000e0041")],
    *[
        ("username", f"al{odd}ice")
        for odd in ("\u00a0", "\u2003", "\u3000", "\u3164", "\u2800", "\u2028", "\u2029")
    ],
    *[("username", odd) for odd in (" alice", "alice ", " ", "a" * 101)],
    *[("email", f"{odd}@example.org") for odd in ("a\u202eb", "a\u200bb", "a b", "a\nb", " a", "a\u0000")],
    *[("firstName", odd) for odd in ("A\u202e", "A\n", "\u200bA", "A\u2028")],
    *[("lastName", odd) for odd in ("B\x1b]0;x\x07", "\u2067B", "B\ufeff", "B ")],
]


@pytest.mark.parametrize(("field", "odd"), ODD)
async def test_a_name_that_cannot_be_seen_for_what_it_is_is_refused(
    cloud_backend: CloudBackend, field: str, odd: str
) -> None:
    schema, store, dora = cloud_backend.schema, cloud_backend.store, caller()

    async def refused(query: str, **given: Any) -> Any:
        data, (error,) = await execute(schema, store, dora, query, input=given)
        assert data == {"it": None}
        return error

    joining = profile(dora, **{field: odd})
    error = await refused(JOIN, **joining)
    # What JSON may not hold at all is refused earlier, by its place.
    assert error["errorType"] == "BadRequest"
    assert error["message"].startswith(field)
    assert await store.get(tables.User, dora.sub, consistent=True) is None
    _, errors = await execute(schema, store, dora, JOIN, input=profile(dora))
    assert errors == []
    before = await store.get(tables.User, dora.sub, consistent=True)
    error = await refused(UPDATE, id=dora.sub, **{field: odd})
    assert (error["errorType"], error["errorInfo"]) == ("BadRequest", {"field": field})
    assert await store.get(tables.User, dora.sub, consistent=True) == before
    assert await least_seconds_async(lambda: refused(UPDATE, id=dora.sub, **{field: odd})) < DEAREST


@pytest.mark.parametrize("pair", [("caf\u00e9", "cafe\u0301"), ("Zo", "\uff3ao"), ("ﬁn", "fin"), ("Å", "\u212b")])
async def test_two_spellings_are_one_name(cloud_backend: CloudBackend, pair: tuple[str, str]) -> None:
    suffix = uuid4().hex[:8]
    codes = []
    for name in pair:
        joining = profile(caller(), username=f"{name}-{suffix}")
        of = Caller(joining["id"], joining["username"])
        _, errors = await execute(cloud_backend.schema, cloud_backend.store, of, JOIN, input=joining)
        codes.append([error["errorType"] for error in errors])
    assert codes == [[], ["DUPLICATE_USERNAME"]]


@pytest.mark.parametrize("name", ["Zoë", "李小龍", "o'Neil-Smith jr.", "محمد", "a.b+c", "☕"])
async def test_names_of_all_languages_are_taken(cloud_backend: CloudBackend, name: str) -> None:
    dora = caller()
    joining = profile(dora, username=f"{name} {uuid4().hex[:8]}", firstName=name, lastName=name)
    _, errors = await execute(cloud_backend.schema, cloud_backend.store, dora, JOIN, input=joining)
    assert errors == []


async def stored(backend: CloudBackend, user_id: str, username: str) -> Item:
    """Store a member as rows are that are older than the rules."""
    dates = {"createdAt": STAMP, "updatedAt": STAMP}
    row = item_of({**SAMPLES["User"].given, **dates, "id": user_id, "username": username})
    for table, item in own_states.banked("", user_id)[:1]:
        await backend.store.put(table, item)
    await backend.store.put(tables.User, row)
    return row


async def test_an_older_name_stays_readable_and_its_row_can_be_saved(cloud_backend: CloudBackend) -> None:
    dora = caller()
    odd = f"do\u202era {dora.username}"
    await stored(cloud_backend, dora.sub, odd)
    changes = {"id": dora.sub, "username": odd, "bio": "Hello"}
    data, errors = await execute(cloud_backend.schema, cloud_backend.store, dora, UPDATE, input=changes)
    assert errors == []
    assert data["it"] == {"id": dora.sub, "username": odd, "bio": "Hello"}


async def audited(backend: CloudBackend, member: str, *, by_id: bool = False) -> str:
    """Return what `server.py audit` prints."""
    shown = io.StringIO()
    await books.audit(member, backend.store.names, Console(file=shown, width=400), by_id=by_id)
    return shown.getvalue()


async def test_a_name_that_fits_several_is_asked_about(cloud_backend: CloudBackend) -> None:
    name = f"dora-{uuid4().hex[:8]}"
    await stored(cloud_backend, f"{name}-1", name)
    assert name in await audited(cloud_backend, name)
    for user_id, username in (
        (f"{name}-2", name.upper()),
        (name, "somebody else"),
        (f"{name}-3", f" {name}\u3000"),
        (f"{name}-4", name),
    ):
        await stored(cloud_backend, user_id, username)
        with pytest.raises(UnknownMemberError, match="give an id with --id") as refused:
            await audited(cloud_backend, name)
        assert user_id in str(refused.value)
    assert name in await audited(cloud_backend, name, by_id=True)
    with pytest.raises(UnknownMemberError, match="no member with the id"):
        await audited(cloud_backend, f"{name}-5", by_id=True)


async def test_a_terminal_obeys_no_name(cloud_backend: CloudBackend) -> None:
    odd = "[bold]\x1b[2J\x1b]0;x\x07\u202e\r\x9b1m"
    name = f"do{odd}ra-{uuid4().hex[:8]}"
    await stored(cloud_backend, str(uuid4()), name)
    shown = await audited(cloud_backend, name)
    assert [character for character in "\x1b\x07\x9b\r\u202e" if character in shown] == []
    assert "The log of do[bold]\\" in shown
