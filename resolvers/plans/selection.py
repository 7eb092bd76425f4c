"""What a document selects, merged as graphql-core merges it."""

from collections.abc import Iterable, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
)

Fragments = Mapping[str, FragmentDefinitionNode]
TYPENAME = "__typename"


class UnplannedError(Exception):
    """Something is unusual, so that the operation is executed by graphql-core."""


def merged(selections: Iterable[SelectionSetNode | None], fragments: Fragments) -> Mapping[str, list[FieldNode]]:
    """Return the fields of a selection by their names in the answer, in its order.

    All types here are objects, so in a valid document every fragment applies.

    Args:
        selections: those of one value.
        fragments: the document's by name.

    Raises:
        UnplannedError: a directive may leave something out.
    """
    grouped: dict[str, list[FieldNode]] = {}
    spread: set[str] = set()

    def add(selection: SelectionSetNode | None) -> None:
        for node in selection.selections if selection is not None else ():
            if node.directives:
                raise UnplannedError
            if isinstance(node, FieldNode):
                grouped.setdefault((node.alias or node.name).value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                add(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and (name := node.name.value) not in spread:
                spread.add(name)
                if fragments[name].directives:
                    raise UnplannedError
                add(fragments[name].selection_set)

    for selection in selections:
        add(selection)
    return grouped
