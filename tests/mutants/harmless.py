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
    "ledger": {
        "an adjustment by nothing has returned before": ("adjust: more > ZERO → more >= ZERO",),
    },
}

HARMLESS: Mapping[tuple[str, str], str] = {
    (module, mutation): reason
    for module, reasons in _REASONS.items()
    for reason, mutations in reasons.items()
    for mutation in mutations
}
