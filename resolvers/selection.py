"""What a client selected of a field, each fragment looked at once."""

from collections.abc import Iterator

from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode

from schema.amplify.answers import AnyInfo


def selects(info: AnyInfo, field: str) -> bool:
    """Tell whether `field` is selected, directly or by a fragment, of what the resolved field returns."""
    raw = info._raw_info  # noqa: SLF001 — Strawberry's own list converts the whole tree below
    pending = [node.selection_set for node in raw.field_nodes]
    spread: set[str] = set()
    while pending:
        for node in _nodes(pending.pop()):
            if isinstance(node, FieldNode):
                if node.name.value == field:
                    return True
            elif isinstance(node, InlineFragmentNode):
                pending.append(node.selection_set)
            elif node.name.value not in spread:
                spread.add(node.name.value)
                pending.append(raw.fragments[node.name.value].selection_set)
    return False


def _nodes(selection: SelectionSetNode | None) -> Iterator[FieldNode | FragmentSpreadNode | InlineFragmentNode]:
    for node in selection.selections if selection else ():
        if isinstance(node, FieldNode | FragmentSpreadNode | InlineFragmentNode):
            yield node
