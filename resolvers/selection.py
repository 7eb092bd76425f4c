"""What a client selected of a field."""

from schema.amplify.answers import AnyInfo
from schema.selections import fields_in


def selects(info: AnyInfo, field: str) -> bool:
    """Tell whether `field` is selected, directly or by a fragment, of what the resolved field returns."""
    raw = info._raw_info  # noqa: SLF001 — Strawberry's own list converts the whole tree below
    selected = fields_in((node.selection_set for node in raw.field_nodes), raw.fragments)
    return any(node.name.value == field for node in selected)
