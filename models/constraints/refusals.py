"""What a client is told when a rule of the app refuses a write."""

from collections.abc import Iterable, Mapping

from models.constraints.declared import Reference, Transitions, Unique
from models.constraints.ruled import Incoming, RuledType
from models.errors import Code, Refusal


def duplicate_refusal(kind: RuledType, unique: Unique) -> Refusal:
    """Return the refusal of a row that has the same values as another one."""
    values = "this value" if len(unique.fields) == 1 else "these values"
    message = f"{', '.join(unique.fields)}: another {kind.name} has {values} already; give another."
    return Refusal(Code.DUPLICATE_VALUE, message, {"fields": list(unique.fields)})


def reference_refusal(reference: Reference) -> Refusal:
    """Return the refusal of a row whose parent is missing or is not as it must be; it does not tell which."""
    wanted = [f"whose {name} is {value}" for name, value in reference.where.items()]
    wanted += [f"whose {name} is the same as here" for name in reference.same]
    which = "".join(f" {text}" if n == 0 else f" and {text}" for n, text in enumerate(wanted))
    fields = ", ".join(reference.fields)
    message = f"{fields}: there is no {reference.target} with this key{which}; create it first, or name another."
    return Refusal(Code.REFERENCE_NOT_FOUND, message, {"fields": list(reference.fields)})


def referenced_refusal(kind: RuledType, by: Iterable[Incoming]) -> Refusal:
    """Return the refusal to delete a row to which others refer."""
    counters = [one.counter for one in by]
    message = f"This {kind.name} is referred to by {', '.join(counters)}; delete those rows first, or change them."
    return Refusal(Code.STILL_REFERENCED, message, {"by": counters})


def step_refusal(kind: RuledType, steps: Transitions, before: str | None, after: str | None) -> Refusal:
    """Return the refusal of a value that does not follow from the stored one."""
    possible = steps.initial if before is None else steps.allowed.get(before, ())
    values = " or ".join(possible) or "nothing else"
    message = (
        f"{steps.field}: a new {kind.name} begins with {values}, not with {after or 'nothing'}."
        if before is None
        else f"{steps.field}: from {before} it goes to {values}, not to {after or 'nothing'}."
    )
    facts: Mapping[str, object] = {"field": steps.field, "is": before, "possible": list(possible)}
    return Refusal(Code.INVALID_TRANSITION, message, facts)


def departing_refusal(kind: RuledType) -> Refusal:
    """Return the refusal to create a row whose predecessor's rows are still being deleted."""
    message = (
        f"{', '.join(kind.key)}: the {kind.name} with this key was deleted, and the rows that referred to it are "
        "still being changed; send this again in a moment."
    )
    return Refusal(Code.CONTENTION, message, {"fields": list(kind.key)})


def sum_refusal(parent: str, into: Iterable[str]) -> Refusal:
    """Return the refusal of a row by whose values a sum would be more than an Int can hold."""
    fields = [f"{parent}.{name}" for name in into]
    message = f"{' or '.join(fields)} would be more than an Int can hold."
    return Refusal(Code.BAD_REQUEST, message, {"sums": fields})


def size_refusal(most: int) -> Refusal:
    """Return the refusal of a write that would touch more rows than one transaction can."""
    message = f"The rules would change more than {most} rows at once; change fewer fields in one mutation."
    return Refusal(Code.BAD_REQUEST, message)
