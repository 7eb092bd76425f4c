"""Fields that change by steps only: which value a row may begin with, and which one follows which."""

from models.constraints.refusals import step_refusal
from models.constraints.ruled import Row, RuledType, text_of
from models.errors import Refusal


def refused_step(kind: RuledType, before: Row | None, after: Row) -> Refusal | None:
    """Return the refusal of a new or changed row whose values do not follow; None if they do.

    A row without a value may be given one that rows begin with. Nobody takes a value away.

    Args:
        kind: the row's type.
        before: the row as it is stored; None if it is new.
        after: the row as it will be.
    """
    for steps in kind.constraints.transitions:
        old, new = _value(before, steps.field), _value(after, steps.field)
        if old == new:
            continue
        possible = steps.initial if old is None else steps.allowed.get(old, ())
        if new not in possible:
            return step_refusal(kind, steps, old, new)
    return None


def _value(row: Row | None, field: str) -> str | None:
    return None if row is None or field not in row else text_of(row[field])
