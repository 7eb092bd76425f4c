"""What needs a look: from facts to readings. Pure rules.

Every rule returns a reading; a reading that has a `Mend` needs a look.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.clock import to_text
from models.ledger.reconciliation import AuditReport
from workflows.console.status.readings import Count, Mend, Reading, Runbook, counted, in_words

# The sweep runs each minute, and looks after whatever is due: three minutes late, it does not run.
OVERDUE_AFTER = timedelta(minutes=3)
# A first failure is mended within a minute by the execution that replaces the failed one.
STUCK_AFTER = timedelta(minutes=5)
# The books are reconciled daily, which takes less than an hour.
RECONCILED_WITHIN = timedelta(hours=26)
RECONCILES_FOR = timedelta(hours=1)
# Milliseconds behind a stream, as the alarm has it.
LARGEST_AGE = 60_000
# Changes that wait for a server: as many are passed on in some seconds.
MOST_WAITING = 1_000
# A server tells its queue each minute that it lives.
SILENT_AFTER = timedelta(minutes=3)
APPROVED_WITHIN = timedelta(days=1)
# An erasure takes minutes; one that began longer ago was interrupted, or waits until something is settled.
ERASED_WITHIN = timedelta(hours=1)

_REDRIVE = Mend(Runbook.REDRIVE, "redrive")
_STUCK = Mend(Runbook.STUCK_REQUEST, "redrive --list")
_RECONCILE = Mend(Runbook.RECONCILE, "reconcile")
# It lists what is unfinished, each with the command that goes on with it.
_ERASE = Mend(Runbook.TROUBLESHOOTING, "erase")
_UNKNOWN = Mend(Runbook.TROUBLESHOOTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedQueue:
    """A server's queue of changes: how many wait in it, and when its server last said that it lives."""

    name: str
    waiting: int
    beat: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """A request whose executions fail.

    Args:
        since: when they began to fail; None if that is not known.
        is_given_up: whether nobody resumes it any more.
    """

    id: str
    since: datetime | None
    is_given_up: bool


def unreadable(name: str, error: Exception) -> Reading:
    """Judge what could not be read."""
    return Reading(name=name, says=f"cannot be read: {error}", values={"error": str(error)}, mend=_UNKNOWN)


def dead_letters(name: str, visible: int, hidden: int) -> Reading:
    """Judge the dead-letter queue: whoever looks at letters hides them for a while."""
    says = counted(visible + hidden, "letter") if visible + hidden else "empty"
    return Reading(
        name=name,
        says=says + (f", {hidden} of them being read" if hidden else ""),
        values={"letters": visible + hidden, "beingRead": hidden},
        mend=_REDRIVE if visible + hidden else None,
    )


def feed_queues(name: str, queues: Sequence[FeedQueue], now: datetime, *, is_needed: bool) -> Reading:
    """Judge the servers' queues of changes.

    Args:
        name: the reading's name.
        queues: the queues that were found.
        now: the time.
        is_needed: whether servers hear of changes by queues, so that there is one for each server.
    """
    if not queues and not is_needed:
        return Reading(name=name, says="none: the server reads the streams itself", values={"queues": 0})
    silent = [one.name for one in queues if one.beat is not None and now - one.beat > SILENT_AFTER]
    full = [one.name for one in queues if one.waiting > MOST_WAITING]
    waiting = sum(one.waiting for one in queues)
    parts = [f"{counted(len(queues), 'server')}, {counted(waiting, 'change')} waiting"]
    parts += [f"no sign of life from {', '.join(silent)}"] if silent else []
    parts += [f"too many wait for {', '.join(full)}"] if full else []
    return Reading(
        name=name,
        says="; ".join(parts) if queues else "none: no server hears of changes",
        values={"queues": len(queues), "waiting": waiting, "silent": silent, "full": full},
        mend=_UNKNOWN if silent or full or not queues else None,
    )


def feed_lag(name: str, ages: Mapping[str, float]) -> Reading:
    """Judge how far functions are behind the streams that they read, in milliseconds by their names."""
    if not ages:
        return Reading(name=name, says="no function reports any", values={"milliseconds": None})
    slowest = max(ages, key=lambda function: ages[function])
    largest = ages[slowest]
    return Reading(
        name=name,
        says=f"{in_words(timedelta(milliseconds=largest))} at most, {slowest}",
        values={"milliseconds": largest, "function": slowest},
        mend=_UNKNOWN if largest > LARGEST_AGE else None,
    )


def waits(name: str, live: Count, overdue: Count, oldest: tuple[str, datetime] | None, now: datetime) -> Reading:
    """Judge the requests that should have moved on by now.

    Args:
        name: the reading's name.
        live: the requests that the sweep looks after.
        overdue: those of them that are due.
        oldest: the one that has been due for the longest, and since when; None if none is due.
        now: the time.
    """
    if oldest is None:
        return Reading(name=name, says=f"none of {live} live requests", values={"live": live.number, "overdue": 0})
    request_id, since = oldest
    return Reading(
        name=name,
        says=f"{overdue} of {live} live requests; {request_id} since {in_words(now - since)}",
        values={
            "live": live.number,
            "overdue": overdue.number,
            "oldest": request_id,
            "since": to_text(since),
        },
        mend=_STUCK if now - since > OVERDUE_AFTER else None,
    )


def stuck(name: str, found: Sequence[Stuck], now: datetime, *, is_all: bool) -> Reading:
    """Judge the requests whose executions fail; the sweep resumes them for a day, and then gives them up."""
    given_up = [one.id for one in found if one.is_given_up]
    failing = [one for one in found if not one.is_given_up]
    late = [one for one in failing if one.since is not None and now - one.since > STUCK_AFTER]
    listed = [*given_up, *(one.id for one in late)]
    says = f"{Count(len(given_up), is_all)} given up, {Count(len(failing), is_all)} failing" if found else "none"
    if not found and not is_all:
        says = "none of those that were looked at"
    return Reading(
        name=name,
        says=says + (f": {_some(listed)}" if listed else ""),
        values={"givenUp": given_up, "failing": [one.id for one in failing], "isAll": is_all},
        mend=_STUCK if listed else None,
    )


def executions(name: str, ended: Mapping[str, Count], left: Sequence[str], within: timedelta) -> Reading:
    """Judge the executions that have ended badly.

    Args:
        name: the reading's name.
        ended: how many have, by how they ended, such as FAILED.
        left: the ids of the requests, disputes and reports that no other execution has moved on since.
        within: for how long they are looked back at.
    """
    values = {"ended": {how: count.number for how, count in ended.items()}, "left": list(left)}
    bad = [f"{count} {how}" for how, count in ended.items() if count.number or not count.is_all]
    if not bad:
        return Reading(name=name, says=f"none in {in_words(within)}", values=values)
    rest = f"not moved on since: {_some(left)}" if left else "all have moved on since"
    return Reading(
        name=name,
        says=f"{', '.join(bad)} in {in_words(within)}; {rest}",
        values=values,
        mend=_STUCK if left else None,
    )


def reconciliation(
    name: str, last: AuditReport | None, running: AuditReport | None, deployed_at: datetime, now: datetime
) -> Reading:
    """Judge the books: whether they were reconciled lately, and what was found.

    Args:
        name: the reading's name.
        last: the last complete report; None if there is none.
        running: the report in progress; None if there is none.
        deployed_at: when there were tables first.
        now: the time.
    """
    finished = last.finished_at if last is not None else None
    is_late = now - (finished or deployed_at) > RECONCILED_WITHIN
    has_stopped = running is not None and now - running.created_at > RECONCILES_FOR
    parts = [] if running is None else [f"one {'has not ended' if has_stopped else 'runs'} since {_time(running)}"]
    if last is None or finished is None:
        parts.insert(0, "none yet")
        return Reading(
            name=name,
            says="; ".join(parts),
            values={"at": None},
            mend=_RECONCILE if is_late or has_stopped else None,
        )
    parts.insert(
        0,
        f"{in_words(now - finished)} ago: {counted(last.members_checked, 'member')}, "
        f"{counted(last.discrepancy_count, 'discrepancy', 'discrepancies')}, "
        f"{last.total_hours} hours of {last.issued_hours} issued",
    )
    # The two sums may differ if hours moved meanwhile; a discrepancy is one of a single member's books.
    return Reading(
        name=name,
        says="; ".join(parts),
        values={
            "at": to_text(finished),
            "membersChecked": last.members_checked,
            "discrepancies": last.discrepancy_count,
            "totalHours": str(last.total_hours),
            "issuedHours": str(last.issued_hours),
        },
        mend=_RECONCILE if last.discrepancy_count or is_late or has_stopped else None,
    )


def _time(report: AuditReport) -> str:
    return f"{report.created_at:%H:%M} UTC"


def disputes(
    name: str, count: Count, oldest: tuple[str, datetime] | None, window: timedelta, now: datetime
) -> Reading:
    """Judge the disputes that wait for an admin.

    Args:
        name: the reading's name.
        count: how many do.
        oldest: the one that waits longest, and since when; None if none waits.
        window: for how long an admin may take.
        now: the time.
    """
    if oldest is None:
        return Reading(name=name, says="none", values={"open": 0})
    dispute_id, since = oldest
    return Reading(
        name=name,
        says=f"{count}; {dispute_id} since {in_words(now - since)}",
        values={"open": count.number, "oldest": dispute_id, "since": to_text(since)},
        mend=Mend(Runbook.STUCK_DISPUTE) if now - since > window else None,
    )


def approvals(name: str, waiting: Mapping[str, datetime], now: datetime, *, is_all: bool) -> Reading:
    """Judge the transfers that wait for a second admin, by their ids, with when they were asked for."""
    if not waiting:
        return Reading(name=name, says="none", values={"waiting": []})
    oldest = min(waiting, key=lambda transfer: waiting[transfer])
    age = now - waiting[oldest]
    return Reading(
        name=name,
        says=f"{Count(len(waiting), is_all)}; transfer {oldest} since {in_words(age)}",
        values={"waiting": sorted(waiting), "oldest": oldest, "since": to_text(waiting[oldest])},
        mend=_UNKNOWN if age > APPROVED_WITHIN else None,
    )


def erasures(name: str, left: Mapping[str, datetime], now: datetime, *, is_all: bool) -> Reading:
    """Judge the erasures that have begun and have not ended, by the members' ids, with when they began."""
    values = {"unfinished": sorted(left), "isAll": is_all}
    if not left:
        says = "none unfinished" if is_all else "none unfinished of those that were looked at"
        return Reading(name=name, says=says, values=values)
    oldest = min(left, key=lambda member: left[member])
    age = now - left[oldest]
    return Reading(
        name=name,
        says=f"{Count(len(left), is_all)} unfinished; {oldest} since {in_words(age)}",
        values={**values, "oldest": oldest, "since": to_text(left[oldest])},
        mend=_ERASE if age > ERASED_WITHIN else None,
    )


# Ids that a line names; the others are counted.
_NAMED = 3


def _some(ids: Iterable[str]) -> str:
    """Return some ids as a line names them."""
    listed = list(ids)
    more = len(listed) - _NAMED
    return ", ".join(listed[:_NAMED]) + (f" and {more} more" if more > 0 else "")
