"""The lines of a picture: each runs along rows and columns, with as few bends as it can, and through no state."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from workflows.drawing.graph import Edge, Graph, Kind
from workflows.drawing.layout import Cell, Layout

# In pixels: a state's size, that of a choice, and the space between columns and rows.
WIDTH, HEIGHT, CHOICE_HEIGHT = 160, 38, 30
GAP_X, GAP_Y = 40, 18
MARGIN = 16
# Lines around others arrive beside those that lead straight on; those that lead up run beside the others.
_BESIDE = 7

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A state's place in the picture, in pixels."""

    left: float
    top: float
    height: float

    @property
    def center(self) -> float:
        """Return the middle from left to right."""
        return self.left + WIDTH / 2

    @property
    def middle(self) -> float:
        """Return the middle from top to bottom."""
        return self.top + self.height / 2

    def side(self, *, right: bool) -> float:
        """Return the left or the right side."""
        return self.left + WIDTH if right else self.left


@dataclass(frozen=True, slots=True)
class Line:
    """An edge and the corners of its line."""

    edge: Edge
    points: tuple[Point, ...]


class Routes:
    """Finds the lines of a graph's edges.

    Args:
        graph: the graph.
        layout: where its states stand.
    """

    def __init__(self, graph: Graph, layout: Layout) -> None:
        self._graph = graph
        self._cells = layout.cells
        self._taken = frozenset(layout.cells.values())
        self.boxes: Mapping[str, Box] = dict(_boxes(graph, layout))

    def lines(self) -> Iterator[Line]:
        """Yield the line of each edge."""
        for edge in self._graph.edges:
            yield Line(edge, tuple(self._points(edge)))

    def _points(self, edge: Edge) -> Sequence[Point]:
        source, target = self._cells[edge.source], self._cells[edge.target]
        begin, end = self.boxes[edge.source], self.boxes[edge.target]
        is_down, is_right = target[0] > source[0], target[1] > source[1]
        if is_down and source[1] == target[1] and self._is_free_column(source[1], source[0], target[0]):
            return [(begin.center, begin.top + begin.height), (end.center, end.top)]
        if is_down and source[1] != target[1]:
            across = [
                (begin.side(right=is_right), begin.middle),
                (end.center, begin.middle),
                (end.center, end.top),
            ]
            below = (begin.center, begin.top + begin.height)
            down = [below, (begin.center, end.middle), (end.side(right=not is_right), end.middle)]
            can_across = self._can_go_across(source, target)
            if can_across and (is_right or not self._can_go_down(source, target)):
                return across
            if self._can_go_down(source, target):
                return down
            if can_across:
                return across
        return self._around(source, target, begin, end)

    def _can_go_across(self, source: Cell, target: Cell) -> bool:
        """Return whether a line may run along the source's row and then down the target's column."""
        return (
            self._is_free_row(source[0], source[1], target[1])
            and (source[0], target[1]) not in self._taken
            and self._is_free_column(target[1], source[0], target[0])
        )

    def _can_go_down(self, source: Cell, target: Cell) -> bool:
        """Return whether a line may run down the source's column and then along the target's row."""
        return (
            self._is_free_column(source[1], source[0], target[0])
            and (target[0], source[1]) not in self._taken
            and self._is_free_row(target[0], source[1], target[1])
        )

    def _around(self, source: Cell, target: Cell, begin: Box, end: Box) -> Sequence[Point]:
        """Return a line through a space between two columns, beside the source or beside the target."""
        leaves_right = target[1] >= source[1]
        arrives_right = target[1] <= source[1]
        is_up = target[0] < source[0]
        leaves, arrives = (-_BESIDE, _BESIDE) if is_up else (0, -_BESIDE)
        x = GAP_X / 2 + (_BESIDE if is_up else -_BESIDE)
        if self._is_free_row(target[0], source[1], target[1]):
            x = begin.side(right=leaves_right) + (x if leaves_right else x - GAP_X)
        else:
            x = end.side(right=arrives_right) + (x if arrives_right else x - GAP_X)
        return [
            (begin.side(right=leaves_right), begin.middle + leaves),
            (x, begin.middle + leaves),
            (x, end.middle + arrives),
            (end.side(right=arrives_right), end.middle + arrives),
        ]

    def _is_free_row(self, row: int, one: int, other: int) -> bool:
        return not any((row, column) in self._taken for column in _between(one, other))

    def _is_free_column(self, column: int, one: int, other: int) -> bool:
        return not any((row, column) in self._taken for row in _between(one, other))


def _between(one: int, other: int) -> Iterable[int]:
    return range(min(one, other) + 1, max(one, other))


def _boxes(graph: Graph, layout: Layout) -> Iterator[tuple[str, Box]]:
    """Yield each state's box; a row with nothing but choices is lower than others."""
    heights = [CHOICE_HEIGHT] * layout.rows
    for name, (row, _) in layout.cells.items():
        heights[row] = max(heights[row], height_of(graph.nodes[name].kind))
    tops = [MARGIN]
    for height in heights:
        tops.append(tops[-1] + height + GAP_Y)
    for name, (row, column) in layout.cells.items():
        height = height_of(graph.nodes[name].kind)
        top = tops[row] + (heights[row] - height) / 2
        yield name, Box(MARGIN + column * (WIDTH + GAP_X), top, height)


def height_of(kind: Kind) -> int:
    """Return the height of a state's box."""
    return CHOICE_HEIGHT if kind is Kind.CHOICE else HEIGHT
