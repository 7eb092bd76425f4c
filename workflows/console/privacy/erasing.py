"""`python server.py erase`: a member's name and words go, and what they had part in stays under their id.

It may be killed anywhere and run again: the account is closed first, each row is erased in a write of its own,
which a second run finds done, and the member's own row goes last.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from models import hours
from models.clock import from_text
from models.errors import ExpectedError, Refusal
from models.privacy.hindrances import hindrances
from models.privacy.remains import named
from models.privacy.traces import OPEN_MATTERS, OpenMatter
from models.storage.store import ConditionFailedError, Item, Store
from models.tables import EventLog, User, UserBalance
from models.transactions.leaving import erased_at
from models.transactions.members import ERASED, ERASURE_BEGUN, Members
from models.transactions.writing import event_id
from workflows.console.privacy.accounts import SignInAccounts
from workflows.console.privacy.answers import forget_answers
from workflows.console.privacy.rows import pages, table_of
from workflows.console.privacy.walks import Walk

# In seconds: longer than servers remember that a member is active (5 s), and than an index lags behind its table.
SETTLING = 10.0
# Walks until one finds nothing left to do. The first does all of it, unless an index lagged behind for longer.
MOST_WALKS = 5


class HinderedError(ExpectedError):
    """A member cannot be erased now; the message says why, a line for each reason, and what to do."""


class Steps(Protocol):
    """Shows how far a command is."""

    def begin(self, what: str, total: int | None) -> Callable[[int], None]:
        """Begin a step, and return what is told of each part of it that is done."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure has done.

    Args:
        written: rows that were changed or deleted.
        sealed: ids of entries that keep a text, because the chain of hashes covers it.
        has_account: whether there was an account to sign in with, which is deleted; None if no user pool is known.
        picture: where their picture is, which is not kept here.
    """

    written: int
    sealed: frozenset[str]
    has_account: bool | None
    picture: str | None


async def hindering(store: Store, member: str) -> list[str]:
    """Return why a member cannot be erased now, a line each."""
    user, balance = await store.batch_get([(User, member), (UserBalance, member)], consistent=True)
    return list(
        hindrances(
            available=_hours(balance, "availableBalance"),
            escrowed=_hours(balance, "escrowedBalance"),
            is_here=named(user or {}, "custody") is None,
            open_ids={matter: await _open_ids(store, matter, member) for matter in OPEN_MATTERS},
        )
    )


def _hours(balance: Item | None, name: str) -> hours.Hours:
    return hours.ZERO if balance is None else hours.exact(balance[name]["N"])


async def _open_ids(store: Store, matter: OpenMatter, member: str) -> list[str]:
    found: dict[str, None] = {}
    for field in matter.fields:
        async for page in pages(store, table_of(matter.table), field, member):
            found.update(
                (item["id"]["S"], None) for item in page.items if named(item, "status") not in matter.over
            )
    return list(found)


async def erased_on(store: Store, member: str) -> datetime | None:
    """Return when a member was erased, None if they are not, or not yet."""
    event = await store.get(EventLog, event_id(member, ERASED, member), consistent=True)
    return None if event is None else from_text(event["timestamp"]["S"])


async def begun_on(store: Store, member: str) -> datetime | None:
    """Return since when a member is being erased, None if they are not."""
    return erased_at(await store.get(UserBalance, member, consistent=True))


async def unfinished(store: Store) -> AsyncIterator[tuple[str, datetime]]:
    """Yield the members whose erasure has begun and has not ended, each with when it began."""
    async for page in pages(store, EventLog, "eventType", ERASURE_BEGUN):
        for member, since in (await unfinished_of(store, page.items)).items():
            yield member, since


async def unfinished_of(store: Store, begun: Sequence[Item]) -> dict[str, datetime]:
    """Return whose erasure has not ended, each with when it began, of the events that say that one has begun."""
    members = {event["entityId"]["S"]: from_text(event["timestamp"]["S"]) for event in begun}
    ends = await store.batch_get(
        [(EventLog, event_id(member, ERASED, member)) for member in members], consistent=True
    )
    return {member: members[member] for member, end in zip(members, ends, strict=True) if end is None}


async def erase(
    store: Store, members: Members, accounts: SignInAccounts | None, member: str, steps: Steps
) -> Erased:
    """Erase a member, or go on with it.

    Args:
        store: the tables.
        members: closes the account, and lets the member leave.
        accounts: the accounts with which members sign in; None if they are not known.
        member: the member's id.
        steps: shows how far it is.

    Raises:
        HinderedError: something must be settled first, or has begun meanwhile, or there is still something to do.
        TooManyRowsError: more rows are theirs than are read.
        ContentionError: rows kept changing for 20 s.
    """
    user = await store.get(User, member, consistent=True)
    if user is not None:
        await _close(store, members, member)
    walked = await _walk(store, member, steps)
    if user is not None:
        walked.written += await forget_answers(store, user, steps.begin("kept answers read", None))
    has_account = None if accounts is None else await accounts.delete(member)
    refusal = await members.end_erasure(member)
    if refusal is not None:
        raise HinderedError(f"{refusal.message}\nThe account is closed; run this again then.")
    return Erased(walked.written, frozenset(walked.sealed), has_account, named(user or {}, "profilePicture"))


async def _close(store: Store, members: Members, member: str) -> None:
    """Close the account, so that nothing begins any more, and wait until that is known everywhere."""
    try:
        closed = await members.begin_erasure(member)
    except ConditionFailedError:
        return  # an administrator has deleted the member's row meanwhile
    if isinstance(closed, Refusal):
        raise HinderedError(closed.message)
    await store.calls.pause(SETTLING)
    if found := await hindering(store, member):
        raise HinderedError("\n".join((*found, "The account is closed; run this again when that is settled.")))


async def _walk(store: Store, member: str, steps: Steps) -> Walk:
    """Walk until nothing is left to do; return the last walk, with all that was written."""
    progress, written = steps.begin("rows read", None), 0
    for _ in range(MOST_WALKS):
        walk = await Walk(store, member, progress).run()
        written += walk.written
        if walk.written == 0:
            walk.written = written
            return walk
    raise HinderedError(f"After {MOST_WALKS} walks there are still rows to erase; run this again.")
