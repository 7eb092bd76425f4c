"""Mutants that no test can catch, because they change nothing that can be observed; each with its reason.

Keyed by module, reason and mutation, as the table prints it.
"""

from collections.abc import Mapping

_REASONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "hours": {
        "`exact`, on the next line, rejects non-finite values with the same message": (
            "from_float: not math.isfinite(value) → False",
            "from_float: raise InvalidHoursError(f'{value} is not a number of hours') → pass",
        ),
        "half-even is decimal's default; it is explicit for readers": (
            "priced: rounding=ROUND_HALF_EVEN → nothing",
        ),
    },
    "changes": {
        "no message without a row is so large; the check is for the type checker": (
            "Change._text: len(text) > LARGEST_ROW and self.row is not None → len(text) > LARGEST_ROW",
        ),
    },
    "identifiers": {
        "only a Python in FIPS mode looks at it": (
            "derived: False → True",
            "derived: usedforsecurity=False → nothing",
        ),
        "a single hexadecimal digit has the same value in base 17": ("derived: 16 → 17",),
    },
    "spans": {
        "nobody asks without a correlation id; the empty one is for the type checker": (
            "root_span: correlation_id() or '' → correlation_id()",
        ),
    },
    "bookings/terms": {
        "half-even is decimal's default; it is explicit for readers": (
            "length: rounding=ROUND_HALF_EVEN → nothing",
            "agreed: rounding=ROUND_HALF_EVEN → nothing",
        ),
        "the tolerance is a float that no difference of a client's figures is equal to": (
            (
                "agreed: abs(duration - span.minutes / HOUR_MINUTES) > _TOLERANCE "
                "→ abs(duration - span.minutes / HOUR_MINUTES) >= _TOLERANCE"
            ),
            (
                "agreed: min(abs(total_cost - float(cost)), abs(total_cost - as_shown)) > _TOLERANCE "
                "→ min(abs(total_cost - float(cost)), abs(total_cost - as_shown)) >= _TOLERANCE"
            ),
        ),
    },
    "constraints/planning": {
        "a row that refers to another is there; the check is for the type checker": (
            "_refer: new is not None and after is not None → new is not None",
            (
                "_contributions: row is not None and key is not None and (aggregate.of in row) "
                "→ key is not None and aggregate.of in row"
            ),
        ),
        "a new row refers to another than none did, which is asked first; `{}` is for the type checker": (
            "_refer: before or {} → before",
        ),
    },
    "integrity/composing": {
        "a row that is changed or deleted was there; `{}` is for the type checker": (
            "row_condition: change.before or {} → change.before",
            "departure: change.before or {} → change.before",
        ),
        "a sum that stays as it is is not written": ("_stays_whole: delta > 0 → delta >= 0",),
    },
    "integrity/departures": {
        "a reference has as many fields as the key that it holds; `strict` only says so": (
            "Departures._followers: strict=True → nothing",
            "Departures._followers: True → False",
        ),
        "no rows fill that many pages": ("module: 1000000 → 1000001",),
        "a batch read returns as many rows as it was asked for; `strict` only says so": (
            "Departures._check_none_follow: strict=True → nothing",
            "Departures._check_none_follow: True → False",
        ),
        "`referred` returns None for a row that is gone; the check is for the type checker": (
            (
                "Departures._followers: one is not None and referred(fields, one) == key "
                "→ referred(fields, one) == key"
            ),
        ),
    },
    "bookings/times": {
        "None has been refused before; the check is for the type checker": ("span_of: minutes or 0 → minutes",),
    },
    "integrity/ruled_rows": {
        "a batch read returns as many rows as it was asked for; `strict` only says so": (
            "RuledRows._tallies: strict=True → nothing",
            "RuledRows._tallies: True → False",
        ),
    },
    "transactions/approvals": {
        "an approval that the same administrator has asked for anew, for the same, is as good": (
            (
                "_is_still: (table.requestedBy == pending.requested_by) & (table.content == pending.content) "
                "& (table.createdAt == pending.created_at) "
                "→ (table.requestedBy == pending.requested_by) & (table.content == pending.content)"
            ),
        ),
    },
    "transactions/calendars": {
        "`Day.of_bookings` leaves other days out as well; the filter saves sending them": (
            "Calendars.day: takes_time & between(booking.bookingDate, day, day) → takes_time",
        ),
    },
    "ledger/movements": {
        "an adjustment by zero has returned before": ("adjust: more > ZERO → more >= ZERO",),
    },
    "transactions/accounts": {
        "a batch read returns as many rows as it was asked for; `strict` only says so": (
            "Accounts._posting: strict=True → nothing",
            "Accounts._posting: True → False",
        ),
    },
    "storage/lines": {
        "a place without a gate is behind none; the check is for the type checker": (
            (
                "Lines._check_room: place.gate is not None and (gated := self._gates.get(place.gate)) "
                "→ (gated := self._gates.get(place.gate))"
            ),
        ),
        "who waits for a key that is taken is not served below; leaving them out only saves looking": (
            "Lines._serve: key not in self._taken → True",
        ),
        "no two places have the same rank, and who is given a turn has left the line": (
            "Lines._give: one.rank < place.rank → one.rank <= place.rank",
        ),
    },
    "storage/outages": {
        "neither is the status of a server's error": ("is_silence: 0 → 1",),
    },
    "storage/calls": {
        "the second look, under the lock, finds the client as well; the first only saves taking the lock": (
            "BlockingCalls._client: (client := self._clients.get(service)) is None → True",
        ),
    },
    "storage/store": {
        "the next line treats an absent and an empty value alike": (
            "Store._batch: answer.get('UnprocessedKeys') or {} → answer.get('UnprocessedKeys')",
        ),
    },
    "storage/parsing": {
        "an answer's conversion is kept; making it again only costs time": (
            "RowParser._conversion: shape.name not in self._conversions → True",
        ),
    },
    "storage/json_calls": {
        "what converts nothing makes of an answer what the rest does": (
            (
                "conversion: _converting(found.keys(), converted) if converted else None "
                "→ _converting(found.keys(), converted)"
            ),
            "conversion: converted → True",
        ),
    },
    "storage/posts_blocking": {
        "an answer does not begin with an empty line": (
            ("_read: (end := received.find(b'\\r\\n\\r\\n')) < 0 → (end := received.find(b'\\r\\n\\r\\n')) <= 0"),
            "_read: 0 → 1",
        ),
        "`int` passes over the blank behind the status": ("_read: 12 → 13",),
    },
    "storage/direct": {
        "a session is opened once; asking for it again only costs time": (
            "DirectCalls._attempt: self._posts or await self._open() → await self._open()",
        ),
    },
    "storage/codec": {
        "up to Python 3.13 `X | None` is a `UnionType`; only in 3.14 is it a `Union`": ("_kind: Union → nothing",),
        "the value's type comes before `None` and before the ellipsis": (
            "_kind: arg not in (type(None), Ellipsis) → True",
            "_kind: type(None) → nothing",
            "_kind: Ellipsis → nothing",
        ),
        "a field's type is always a class; the check is for the type checker": (
            "_reader: isinstance(kind, type) and issubclass(kind, StrEnum) → issubclass(kind, StrEnum)",
        ),
        "the longer way comes to the same value": (
            "module: str → nothing",
            "_reader: members.get(wire[letter]) or kind(wire[letter]) → kind(wire[letter])",
            "_reader: type(attribute).deserialize is Attribute.deserialize → False",
        ),
    },
    "single_table/entities": {
        "no type has the name None; the empty one is for the type checker": (
            "SingleTable.entity_of: type_of(row, self.range_key) or '' → type_of(row, self.range_key)",
        ),
    },
    "transactions/members": {
        "a row's moments have milliseconds": ("Members.sign_out: 0 → 1",),
    },
    "transactions/unique_names": {
        "a batch read returns as many rows as it was asked for; `strict` only says so": (
            "UniqueNames._holders: strict=True → nothing",
            "UniqueNames._holders: True → False",
        ),
        "at most one of two rows is the member's own, so two are enough while the index is up to date": (
            "UniqueNames._is_taken_without_guard: 2 → 3",
        ),
        "only the first row is looked at; the limit saves reading others": ("UniqueNames.holder: 1 → 2",),
    },
    "transactions/migration/copies": {
        "a batch read returns as many rows as it was asked for; `strict` only says so": (
            "Copies._copy.attempt: strict=True → nothing",
            "Copies._copy.attempt: True → False",
        ),
    },
    "transactions/audits": {
        "a batch read returns as many rows as it was asked for; `strict` only says so": (
            "Audits.members: strict=True → nothing",
            "Audits.members: True → False",
        ),
    },
    "requests/steps": {
        "`validate` has refused a request without a service; the check is for the type checker": (
            "hold_hours: verdict is not request or service is None → verdict is not request",
        ),
        "an unanswered wait for the provider leads to no other wait": (
            (
                "begin_wait: request.wait and request.wait.name is not Step.WAIT_FOR_PROVIDER_RESPONSE "
                "and (not request.answer) → request.wait and (not request.answer)"
            ),
        ),
    },
    "requests/endings": {
        "hours move only out of an escrow; the check is for the type checker": (
            "end: movement is not None and escrow is not None → movement is not None",
        ),
        "without a wait nothing expires; the check is for the type checker": (
            (
                "expire: request.wait is None or next_step(request, now) is not Step.EXPIRE_REQUEST "
                "→ next_step(request, now) is not Step.EXPIRE_REQUEST"
            ),
        ),
    },
    "requests/recovery": {
        "the longest pause is reached long before": ("Recovery.resumed: 10 → 11",),
    },
    "requests/admin": {
        "without an escrow it has been refused before; the check is for the type checker": (
            "_not_held_refusal: snapshot.escrow → True",
            "_not_held_refusal: snapshot.escrow.status if snapshot.escrow else None → snapshot.escrow.status",
        ),
    },
    "disputes/deciding": {
        "an alarm is the next step only of an open wait; the check is for the type checker": (
            (
                "raise_alarm: dispute is None or request.wait is None or next_step(request, now) is not "
                "Step.RAISE_DISPUTE_ALARM "
                "→ dispute is None or next_step(request, now) is not Step.RAISE_DISPUTE_ALARM"
            ),
        ),
    },
    "disputes/resolving": {
        "no partial refund is decided without a share; the check is for the type checker": (
            (
                "_provider_share: dispute.decision is Response.PARTIAL_REFUND "
                "and dispute.provider_hours is not None → dispute.decision is Response.PARTIAL_REFUND"
            ),
        ),
        "`resolve` has refused a dispute that is not decided or not open; the check is for the type checker": (
            "_request_after: decision is None or before is None → before is None",
            (
                "_resumed_with_shifted_deadline: request.set_aside is not None and request.dispute is not None "
                "→ request.set_aside is not None"
            ),
        ),
    },
}

HARMLESS: Mapping[tuple[str, str], str] = {
    (module, mutation): reason
    for module, reasons in _REASONS.items()
    for reason, mutations in reasons.items()
    for mutation in mutations
}
