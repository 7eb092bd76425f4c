"""Every step from every place in words: all that it changes and announces.

    python -m tests.unit.models.requests.every_step > tests/unit/models/requests/every_step.txt

writes what the rules do now. Review what has changed there as carefully as the rules themselves.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import Any

from models.errors import Refusal
from models.events import Event
from models.exchanges.record import count_of, record_change
from models.hours import Hours
from models.requests import recovery
from models.requests.decision import Change, GuardAction
from models.requests.dispute import escrow_key
from models.requests.request import Passage, Request
from tests.unit.builders import ALICE, BOB, REQUEST_ID, SERVICE_ID, Bank, Rule, make_dispute
from tests.unit.places import ADMIN_RULES, DISPUTE_RULES, PATHS, REQUEST_RULES, bank_at, moved_to

RULES: dict[str, Rule] = {**REQUEST_RULES, **DISPUTE_RULES, **ADMIN_RULES}


def dispute_of(event: str) -> str | None:
    """Return the id of the dispute that an event raises, which has to be read with its request."""
    rule = RULES.get(event)
    raised = rule.keywords.get("dispute") if isinstance(rule, partial) else None
    return raised.id if raised else None


def decided(bank: Bank, event: str) -> Any:
    """Return what a rule decides about the bank's request."""
    return {**RULES, **SWEEP}[event](bank.snapshot(bank.requests[REQUEST_ID], dispute_of(event)), bank.now)


def steps_taken() -> list[tuple[str, str]]:
    """Return every place with every event that changes anything there."""
    return [
        (place, event) for place in PATHS for event in RULES if isinstance(decided(bank_at(place), event), Change)
    ]


# The rules of the sweep and of failed executions, and the conditions under which they are applied.
SWEEP: dict[str, Rule] = {
    "resume": partial(recovery.resume, execution_arn="next"),
    "restart": partial(recovery.redrive, execution_arn="next"),
    "fail": partial(recovery.note_failure, error="Timeout", cause="It took too long"),
    "look": recovery.look_later,
    "give up": recovery.give_up,
}
SWEPT = ("ESCROWED", "AWAITING", "COMPLETED", "PAID", "DISPUTED heard", "REJECTED")
CONDITIONS: dict[str, dict[str, Any]] = {
    "well": {},
    "due": {"due_at": -1},
    "failed": {"failing_since": -3600},
    "resumed": {"failing_since": -3600, "resumptions": 2, "due_at": -1},
    "failing for a day": {"failing_since": -86_400, "resumptions": 20},
    "failing for longer": {"failing_since": -86_401, "resumptions": 20},
    "resumed out of nothing": {"resumptions": 2, "due_at": None},
}


def swept() -> list[tuple[str, str]]:
    """Return every place and condition in which the sweep finds a request, with every rule of the sweep."""
    places = [f"{place}, {condition}" for place in SWEPT for condition in CONDITIONS]
    return [(place, event) for place in places for event in SWEEP]


def in_words(place: str, event: str) -> str:
    """Return all that a step changes and announces, taken a second after the place was reached."""
    place, _, condition = place.partition(", ")
    bank = bank_at(place)
    bank.pass_time(1)
    moved_to(bank, step_function_execution_arn="execution", generation=bank.requests[REQUEST_ID].generation + 5)
    for name, given in CONDITIONS[condition or "well"].items():
        at = given if given is None or name == "resumptions" else bank.now + timedelta(seconds=given)
        moved_to(bank, **{name: at})
    change = decided(bank, event)
    lines = list(_changed(bank, change)) if isinstance(change, Change) else ["nothing"]
    text = "\n".join(f"  {line}" for line in lines)
    for name, known in _NAMES.items():
        text = text.replace(known, name)
    return text


def refusals(event: str) -> str:
    """Return every refusal of an event, wherever it is refused, and the places where it changes nothing."""
    found: set[str] = set()
    done: list[str] = []
    for place in PATHS:
        bank = bank_at(place)
        verdict, request = decided(bank, event), bank.requests[REQUEST_ID]
        if verdict is request:
            done.append(place)
        if not isinstance(verdict, Refusal):
            continue
        own = {"status": request.status.value, "statusReason": request.status_reason}
        facts = {name: "…" if name in own and own[name] == fact else fact for name, fact in verdict.facts.items()}
        words = " ".join(f"{name}={fact}" for name, fact in sorted(facts.items()))
        message = verdict.message.replace(f"request is {request.status}", "request is …")
        found.add(f"  {verdict.code}{' passing' * verdict.is_transient} “{message}” {words}".rstrip())
    text = "\n".join([*sorted(found), f"  has been done already: {', '.join(done) or 'nowhere'}"])
    for name, known in _NAMES.items():
        text = text.replace(known, name)
    return text


_NAMES = {
    "<request>": REQUEST_ID,
    "<service>": SERVICE_ID,
    **{f"<dispute of {by}>": make_dispute(by).id for by in (ALICE, BOB)},
    **{
        f"<hours held for the dispute of {by}>": escrow_key(REQUEST_ID, make_dispute(by).id) for by in (ALICE, BOB)
    },
    "<hours held>": bank_at("PAID").requests[REQUEST_ID].escrow_key,
}


def _changed(bank: Bank, change: Change) -> Iterator[str]:
    before = bank.requests[REQUEST_ID]
    snapshot = bank.snapshot(before, change.dispute.id if change.dispute else None)
    yield from _difference("request", before, change.request, bank.now)
    if change.request.passages != _passages(before, change.request, bank.now):
        yield f"passages: {change.request.passages}"
    if change.escrow is not None:
        yield from _difference("escrow", snapshot.held(change.escrow.id), change.escrow, bank.now)
    if change.dispute is not None:
        yield from _difference("dispute", snapshot.dispute, change.dispute, bank.now)
    if change.movement is not None:
        kind = "spends" if change.movement.spends else "settles"
        yield f"movement {kind} for {change.movement.related_entity_id}"
        for leg in change.movement.legs:
            hours = f"available {leg.available:+} escrowed {leg.escrowed:+} issued {leg.issued:+}"
            yield f"  {leg.user_id} {leg.type}: {hours} “{leg.description}”"
    if change.guard is not GuardAction.KEEP:
        yield f"guard {change.guard.name}"
    yield from _exchange(bank, change)
    yield from (f"event {_event(event, change.request)}" for event in change.events)
    for notice in change.notices:
        yield f"notice to {notice.user_id} {notice.type} “{notice.title}” “{notice.message}”"


def _exchange(bank: Bank, change: Change) -> Iterator[str]:
    """Yield what a change writes to the exchange, and what it counts for both members."""
    before = bank.requests[REQUEST_ID]
    if (recorded := record_change(bank.snapshot(before), change.request)) is not None:
        known = bank.exchanges[recorded.record.id]
        for field in dataclasses.fields(recorded.record):
            old, new = getattr(known, field.name), getattr(recorded.record, field.name)
            is_kept = field.name == "hours_spent" and recorded.keeps_hours
            if old != new and field.name != "updated_at" and not is_kept:
                yield f"exchange.{field.name}: {_told(old, bank.now)} → {_told(new, bank.now)}"
    if (count := count_of(before, change.request)) is not None:
        yield f"count {count.hours:+} hours, {count.exchanges:+} exchanges"


def _told(value: Any, now: datetime) -> str:
    return "None" if value is None else _word(value, now)


def _passages(before: Request, after: Request, now: datetime) -> tuple[Passage, ...]:
    """Return the passages that a request should have after a change."""
    if after.status is before.status:
        return before.passages
    return (*before.passages, Passage(status=after.status, at=now))


def _event(event: Event, after: Request) -> str:
    facts = {
        "requestId": after.id,
        "serviceId": after.service_id,
        "requesterId": after.requester_id,
        "providerId": after.provider_id,
        "status": after.status.value,
        "statusReason": after.status_reason,
    }
    data = dict(event.data)
    if facts.items() <= data.items():
        data = {"the request": "…"} | {name: value for name, value in data.items() if name not in facts}
    words = " ".join(f"{name}={value}" for name, value in data.items())
    about = f"{event.source} {event.entity_type} {event.entity_id}"
    return f"“{event.type}” by {event.actor} about {about} with {words}"


def _difference(what: str, before: Any, after: Any, now: datetime) -> Iterator[str]:
    """Yield the changed fields of a row; those that must change at every step only if they have not."""
    was = {"version": "0"} if before is None else dict(_flat(before, now))
    is_ = dict(_flat(after, now))
    usual = {"version": str(int(was["version"]) + 1), "updated_at": "+0 s"}
    for name in [*is_, *(name for name in was if name not in is_)]:
        old, new = was.get(name), is_.get(name)
        if usual.get(name, old) != new:
            yield f"{what}.{name}: {new}" if before is None else f"{what}.{name}: {old} → {new}"


def _flat(value: Any, now: datetime, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the names and texts of a row's fields, without absent ones; members' names follow a dot."""
    members: Mapping[str, Any] | None = None
    if dataclasses.is_dataclass(value):
        fields = (field.name for field in dataclasses.fields(value) if field.name != "passages")
        members = {field: getattr(value, field) for field in fields}
    elif isinstance(value, tuple):
        members = {str(number): member for number, member in enumerate(value)}
    if members is not None:
        for key, member in members.items():
            yield from _flat(member, now, f"{name}.{key}" if name else key)
    elif value is not None:
        yield name, _word(value, now)


def _word(value: Any, now: datetime) -> str:
    if isinstance(value, datetime):
        return f"{(value - now).total_seconds():+g} s"
    if isinstance(value, Enum | Hours):
        return str(value)
    return repr(value) if not isinstance(value, str) else value


def record() -> Iterator[tuple[str, str]]:
    """Yield the record's headings, each with its text."""
    for place, event in steps_taken() + swept():
        yield f"{place}: {event}", in_words(place, event)
    for event in RULES:
        yield f"refused: {event}", refusals(event)


def main() -> None:
    """Print the record."""
    for head, text in record():
        print(f"{head}\n{text}\n")  # noqa: T201 — the output is the record


if __name__ == "__main__":
    main()
