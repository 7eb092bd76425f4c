"""Lines run along the axes, from the border of a state to that of another, and through no third one."""

import pytest

from tests.unit.workflows.drawing.machines import DEPLOYED
from workflows.drawing.graph import graph_of
from workflows.drawing.layout import layout_of
from workflows.drawing.routing import WIDTH, Box, Line, Point, Routes


def routes_of(name: str) -> Routes:
    graph = graph_of(DEPLOYED[name])
    return Routes(graph, layout_of(graph))


def is_on_border(point: Point, box: Box) -> bool:
    x, y = point
    is_beside = x in (box.left, box.left + WIDTH) and box.top <= y <= box.top + box.height
    return is_beside or (y in (box.top, box.top + box.height) and box.left <= x <= box.left + WIDTH)


def crosses(one: Point, other: Point, box: Box) -> bool:
    left, right = sorted((one[0], other[0]))
    top, bottom = sorted((one[1], other[1]))
    return left < box.left + WIDTH and right > box.left and top < box.top + box.height and bottom > box.top


@pytest.mark.parametrize("name", DEPLOYED)
def test_no_line_runs_through_a_state(name: str) -> None:
    routes = routes_of(name)
    lines: list[Line] = list(routes.lines())
    assert lines
    for line in lines:
        for one, other in zip(line.points, line.points[1:], strict=False):
            assert one[0] == other[0] or one[1] == other[1], line
            assert [state for state, box in routes.boxes.items() if crosses(one, other, box)] == [], line


@pytest.mark.parametrize("name", DEPLOYED)
def test_a_line_begins_and_ends_at_its_states(name: str) -> None:
    routes = routes_of(name)
    for line in routes.lines():
        assert is_on_border(line.points[0], routes.boxes[line.edge.source]), line
        assert is_on_border(line.points[-1], routes.boxes[line.edge.target]), line


@pytest.mark.parametrize("name", DEPLOYED)
def test_no_two_states_overlap(name: str) -> None:
    boxes = list(routes_of(name).boxes.values())
    for place, box in enumerate(boxes):
        corners = (box.left, box.top), (box.left + WIDTH, box.top + box.height)
        assert not any(crosses(*corners, other) for other in boxes[place + 1 :])
