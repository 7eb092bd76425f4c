"""The fields of a selection, whether they are written there or in fragments."""

from collections.abc import Iterable, Iterator, Mapping

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode

Fragments = Mapping[str, FragmentDefinitionNode]


def fields_in(selections: Iterable[SelectionSetNode | None], fragments: Fragments) -> Iterator[FieldNode]:
    """Yield the fields of the first level; each fragment is followed once, and unknown ones are skipped.

    Args:
        selections: the selection sets of one value.
        fragments: the document's fragments by name.
    """
    pending = list(selections)
    spread: set[str] = set()
    while pending:
        selection = pending.pop()
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                pending.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and (name := node.name.value) not in spread:
                spread.add(name)
                if name in fragments:
                    pending.append(fragments[name].selection_set)
