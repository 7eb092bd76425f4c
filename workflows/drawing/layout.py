"""Where each state of a picture stands: in a grid, whose first column is the way that a definition names first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from workflows.drawing.graph import Edge, Graph

Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """The cells of a graph's states: row and column, from the top left."""

    cells: Mapping[str, Cell]

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return 1 + max(row for row, _ in self.cells.values())

    @property
    def columns(self) -> int:
        """Return the number of columns."""
        return 1 + max(column for _, column in self.cells.values())


def layout_of(graph: Graph) -> Layout:
    """Return the cells of a graph's states.

    A state stands below all that lead to it, apart from those that lead back. The states of the first way, which
    takes the first branch of each choice, stand in the first column; every other branch has the first column that
    is free from where it leaves its way to where it ends.
    """
    backward = set(_backward(graph))
    rows = _rows(graph, backward)
    cells: dict[str, Cell] = {}
    taken: list[list[range]] = []
    for chain in _chains(graph, rows):
        column = _free_column(taken, _span(graph, chain, rows, backward)) if cells else 0
        while len(taken) <= column:
            taken.append([])
        taken[column].append(_span(graph, chain, rows, backward))
        cells.update({name: (rows[name], column) for name in chain})
    return Layout(cells)


def _backward(graph: Graph) -> Iterator[Edge]:
    """Yield the edges that lead back to a state on the way to them, in the order of a search in depth."""
    edges: dict[str, list[Edge]] = {name: [] for name in graph.nodes}
    for edge in graph.edges:
        edges[edge.source].append(edge)
    done: set[str] = set()
    for first in (graph.start, *graph.nodes):
        path, ahead = [first], [iter(edges[first])]
        while path and first not in done:
            following = next(ahead[-1], None)
            if following is None:
                done.add(path.pop())
                ahead.pop()
            elif following.target in path:
                yield following
            elif following.target not in done:
                path.append(following.target)
                ahead.append(iter(edges[following.target]))


def _rows(graph: Graph, backward: set[Edge]) -> dict[str, int]:
    """Return the length of the longest way to each state."""
    before: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for edge in graph.edges:
        if edge not in backward:
            before[edge.target].append(edge.source)
    rows: dict[str, int] = {}

    def row(name: str) -> int:
        if name not in rows:
            rows[name] = max((row(one) + 1 for one in before[name]), default=0)
        return rows[name]

    for name in graph.nodes:
        row(name)
    return rows


def _chains(graph: Graph, rows: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield ways down the picture that have no state in common: first the first way, then the branches."""
    # What no way from the first state leads to is put where there is room left.
    reached = _reached(graph)
    left = dict.fromkeys(sorted(graph.nodes, key=lambda name: (name not in reached, rows[name])))
    while left:
        chain = [next(iter(left))]
        del left[chain[0]]
        while (follower := _follower(graph, chain[-1], rows, left)) is not None:
            chain.append(follower)
            del left[follower]
        yield chain


def _reached(graph: Graph) -> set[str]:
    """Return the states that a line leads to from the first one, over whichever others."""
    reached, ahead = {graph.start}, [graph.start]
    while ahead:
        new = set(graph.after(ahead.pop())) - reached
        reached |= new
        ahead += new
    return reached


def _follower(graph: Graph, name: str, rows: Mapping[str, int], left: Mapping[str, None]) -> str | None:
    return next((one for one in graph.after(name) if one in left and rows[one] > rows[name]), None)


def _span(graph: Graph, chain: Sequence[str], rows: Mapping[str, int], backward: set[Edge]) -> range:
    """Return the rows that a chain takes in its column, with the lines to its first and from its last state."""
    into = [rows[edge.source] for edge in graph.edges if edge.target == chain[0] and edge not in backward]
    out = [rows[edge.target] for edge in graph.edges if edge.source == chain[-1] and edge not in backward]
    return range(min([rows[chain[0]], *into]), max([rows[chain[-1]], *out]) + 1)


def _free_column(taken: Sequence[Sequence[range]], wanted: range) -> int:
    """Return the first column beside the first way where nothing stands in these rows."""
    for column in range(1, len(taken)):
        if all(wanted.stop <= one.start or one.stop <= wanted.start for one in taken[column]):
            return column
    return max(1, len(taken))
