"""Mutants that no test can catch, since they change nothing that anybody could see; each with its reason.

By module, reason and mutation, as the table prints it.
"""

from collections.abc import Mapping

_REASONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "hours": {
        "`exact`, on the next line, refuses what is not finite in the same words": (
            "from_float: not math.isfinite(value) → False",
            "from_float: raise InvalidHoursError(f'{value} is not a number of hours') → pass",
        ),
        "decimal rounds half-even unless it is told otherwise; it is said so that nobody need know": (
            "priced: rounding=ROUND_HALF_EVEN → nothing",
        ),
    },
    "ledger/movements": {
        "an adjustment by nothing has returned before": ("adjust: more > ZERO → more >= ZERO",),
    },
    "storage/store": {
        "nothing left and no word of it are the same to the next line": (
            "Store._batch: answer.get('UnprocessedKeys') or {} → answer.get('UnprocessedKeys')",
        ),
    },
    "storage/codec": {
        "what `X | None` is, up to Python 3.13, `UnionType` says; 3.14 has it as `Union`": (
            "_kind: Union → nothing",
        ),
        "what a value is if it is there stands before `None` and before the dots": (
            "_kind: arg not in (type(None), Ellipsis) → True",
            "_kind: type(None) → nothing",
            "_kind: Ellipsis → nothing",
        ),
        "PynamoDB leaves out of a map what is None": ("_plain: member is not None → True",),
        "what a field is made of is a class; the types do not know": (
            "_read: isinstance(kind, type) and issubclass(kind, StrEnum) → issubclass(kind, StrEnum)",
        ),
    },
    "requests/steps": {
        "`validate` has refused a request for no service; the types do not know": (
            "hold_hours: verdict is not request or service is None → verdict is not request",
        ),
        "a wait for the provider that nobody has answered leads to no other wait": (
            (
                "begin_wait: request.wait and request.wait.name is not Step.WAIT_FOR_PROVIDER_RESPONSE "
                "and (not request.answer) → request.wait and (not request.answer)"
            ),
        ),
    },
    "requests/endings": {
        "hours move out of an escrow only; the types do not know": (
            "end: movement is not None and escrow is not None → movement is not None",
        ),
        "without a wait nothing expires; the types do not know": (
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
        "without an escrow it has been refused before; the types do not know": (
            "_not_held_refusal: snapshot.escrow → True",
            "_not_held_refusal: snapshot.escrow.status if snapshot.escrow else None → snapshot.escrow.status",
        ),
    },
    "disputes/deciding": {
        "an alarm is the next step of an open wait only; the types do not know": (
            (
                "raise_alarm: dispute is None or request.wait is None or next_step(request, now) is not "
                "Step.RAISE_DISPUTE_ALARM "
                "→ dispute is None or next_step(request, now) is not Step.RAISE_DISPUTE_ALARM"
            ),
        ),
    },
    "disputes/resolving": {
        "no partial refund is decided without a share; the types do not know": (
            (
                "_provider_share: dispute.decision is Response.PARTIAL_REFUND "
                "and dispute.provider_hours is not None → dispute.decision is Response.PARTIAL_REFUND"
            ),
        ),
        "`resolve` has refused what is not decided, or not open; the types do not know": (
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
