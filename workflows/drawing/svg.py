"""A state machine's picture as SVG: by itself, with its own colours, or for a page that brings its own."""

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from workflows.drawing.graph import Graph, Kind, Mark, Node, graph_of
from workflows.drawing.layout import layout_of
from workflows.drawing.routing import MARGIN, WIDTH, Box, Line, Point, Routes

_RADIUS = 8
_ARROW = 4
_LEGEND_HEIGHT, _LEGEND_TOP = 20, 14
# Where a name begins, after the symbol of the kind, and how long a line of it may be.
_TEXT_LEFT, _LONGEST = 28, 17
_LINE_HEIGHT = 13
_WORDS = re.compile(r"[A-Z][a-z0-9]*|[a-z0-9]+")

# Drawn around the origin, in a square of twelve pixels.
_SYMBOLS: Mapping[Kind, str] = {
    Kind.TASK: "M-5-3L-1 0L-5 3M0 4H5",
    Kind.WAIT: "M0-5.5A5.5 5.5 0 1 0 0 5.5A5.5 5.5 0 1 0 0-5.5M0-3V0L2.5 1.5",
    Kind.NESTED: "M-5-5H2V2H-5ZM-2 2V5H5V-2H2",
    Kind.MAP: "M-5-4H5M-5 0H5M-5 4H5",
    Kind.CHOICE: "M0-5.5L5.5 0L0 5.5L-5.5 0Z",
    Kind.PASS: "M-5 0H5M2-3L5 0L2 3",
    Kind.SUCCEED: "M-5 0L-1.5 3.5L5-3.5",
    Kind.FAIL: "M-4-4L4 4M4-4L-4 4",
}
_MARKS: Mapping[Mark, tuple[str, str]] = {
    Mark.FAILS: ("M-2 0A2 2 0 1 0 2 0A2 2 0 1 0-2 0", "an error leads to {error}"),
    Mark.BEGINS_ANEW: ("M2.6-1.8A3.2 3.2 0 1 0 3.2 0.6M3.4-3.6L2.6-1.4L0.4-2", "a surprise leads to {start}"),
    Mark.IS_RESUMED: ("M-3-3L2 0L-3 3Z", "{hub} leads here, too"),
}
# For a picture by itself; a page that embeds one has rules of its own.
_STYLE = """
svg{color-scheme:light dark;--line:#8b97a8;--text:#1f2937;--quiet:#64748b;--fill:#fff;--edge:#cbd5e1;--back:#fff;
--wait:#b45309;--wait-fill:#fffbeb;--good:#047857;--bad:#b91c1c}
@media(prefers-color-scheme:dark){svg{--line:#64748b;--text:#e5e7eb;--quiet:#94a3b8;--fill:#1e293b;--edge:#475569;
--back:#0f172a;--wait:#fbbf24;--wait-fill:#2a2413;--good:#34d399;--bad:#f87171}}
.back{fill:var(--back)}text{font:12px system-ui,sans-serif;fill:var(--text)}
.choice text,.legend text{font-size:11px;fill:var(--quiet)}
.box{fill:var(--fill);stroke:var(--edge)}.choice .box{stroke-dasharray:3 3}
.wait .box{fill:var(--wait-fill);stroke:var(--wait)}
.symbol,.edge,.mark{fill:none;stroke:var(--line);stroke-width:1.4;stroke-linecap:round;stroke-linejoin:round}
.wait .symbol{stroke:var(--wait)}.succeed .symbol{stroke:var(--good)}.fail .symbol{stroke:var(--bad)}
.arrow,.is-resumed,.fails{fill:var(--line);stroke:none}.fails{fill:var(--bad)}.timeout{stroke-dasharray:4 4}
""".replace("\n", "")


def draw(definition: Mapping[str, Any], *, name: str, statuses: Mapping[str, str], has_style: bool = True) -> str:
    """Return a picture of a state machine.

    Args:
        definition: the machine in Amazon States Language.
        name: its name, for those who cannot see it.
        statuses: states by the status that a request comes to there; a page shows by them how far a request is.
        has_style: whether it brings its own colours; else the page does, and nothing in it is a style.
    """
    graph = graph_of(definition)
    routes = Routes(graph, layout_of(graph))
    of_state = {state: status for status, state in statuses.items()}
    lines = list(routes.lines())
    legend = list(_legend(graph))
    width, below = _size(routes.boxes.values(), lines)
    height = below + (_LEGEND_TOP + _LEGEND_HEIGHT * len(legend) if legend else 0)
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{escape(name)}" class="machine">'
    )
    parts = [
        opening,
        *([f'<style>{_STYLE}</style><rect class="back" width="100%" height="100%"/>'] if has_style else []),
        *(_line(line) for line in lines),
        *(_state(node, routes.boxes[state], of_state.get(state)) for state, node in graph.nodes.items()),
        *(
            _legend_line(mark, text, below + _LEGEND_TOP + _LEGEND_HEIGHT * place)
            for place, (mark, text) in enumerate(legend)
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _size(boxes: Iterable[Box], lines: Iterable[Line]) -> tuple[float, float]:
    """Return the width and the height that boxes and lines take, with the margins."""
    corners = [(box.left + WIDTH, box.top + box.height) for box in boxes]
    corners += [point for line in lines for point in line.points]
    return max(x for x, _ in corners) + MARGIN, max(y for _, y in corners) + MARGIN


def _line(line: Line) -> str:
    edge = line.edge
    names = f'data-from="{escape(edge.source)}" data-to="{escape(edge.target)}"'
    path = f'<path class="edge {edge.way.value}" d="{_rounded(line.points)}"/>'
    return f'<g class="way" {names}>{path}<path class="arrow" d="{_arrow(line.points)}"/></g>'


def _rounded(points: tuple[Point, ...]) -> str:
    """Return a path along points, with round corners."""
    path = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        begin, end = _towards(corner, before), _towards(corner, after)
        path.append(f"L{begin[0]:g} {begin[1]:g}Q{corner[0]:g} {corner[1]:g} {end[0]:g} {end[1]:g}")
    return "".join(path) + f"L{points[-1][0]:g} {points[-1][1]:g}"


def _towards(corner: Point, other: Point) -> Point:
    """Return the point at which a round corner begins, on the way to another one."""
    length = abs(other[0] - corner[0]) + abs(other[1] - corner[1])
    share = min(_RADIUS, length / 2) / length if length else 0
    return corner[0] + (other[0] - corner[0]) * share, corner[1] + (other[1] - corner[1]) * share


def _arrow(points: tuple[Point, ...]) -> str:
    """Return a triangle at the end of a line, which runs along an axis."""
    (from_x, from_y), (x, y) = points[-2:]
    along = (x > from_x) - (x < from_x), (y > from_y) - (y < from_y)
    back = x - along[0] * 2 * _ARROW, y - along[1] * 2 * _ARROW
    aside = along[1] * _ARROW, along[0] * _ARROW
    corners = ((x, y), (back[0] + aside[0], back[1] + aside[1]), (back[0] - aside[0], back[1] - aside[1]))
    return "M" + "L".join(f"{one:g} {other:g}" for one, other in corners) + "Z"


def _state(node: Node, box: Box, status: str | None) -> str:
    data = f'data-state="{escape(node.name)}"' + (f' data-status="{escape(status)}"' if status else "")
    corners = 15 if node.kind is Kind.CHOICE else 7
    return "".join(
        [
            f'<g class="state {node.kind.value}" {data} transform="translate({box.left:g} {box.top:g})">',
            f"<title>{escape(_title(node))}</title>",
            f'<rect class="box" width="{WIDTH}" height="{box.height:g}" rx="{corners}"/>',
            f'<path class="symbol" transform="translate(15 {box.height / 2:g})" d="{_SYMBOLS[node.kind]}"/>',
            *_text(node, box.height),
            *_marks(node, box.height),
            "</g>",
        ]
    )


def _title(node: Node) -> str:
    return f"{node.name}, for each: {', '.join(node.inner)}" if node.inner else node.name


def _text(node: Node, height: float) -> Iterator[str]:
    """Yield the lines of a state's name, in words."""
    lines = _broken(words_of(node.name))
    first = height / 2 + 4 - (len(lines) - 1) * _LINE_HEIGHT / 2
    for place, line in enumerate(lines):
        yield f'<text x="{_TEXT_LEFT}" y="{first + place * _LINE_HEIGHT:g}">{escape(line)}</text>'


def words_of(name: str) -> str:
    """Return a state's name in words, such as "Wait for provider response"."""
    words = _WORDS.findall(name)
    return " ".join([words[0], *(word.lower() for word in words[1:])])


def _broken(text: str) -> list[str]:
    """Return a text in two lines at most, whose longer one is as short as can be."""
    if len(text) <= _LONGEST:
        return [text]
    spaces = [place for place, letter in enumerate(text) if letter == " "]
    if not spaces:
        return [text]
    at = min(spaces, key=lambda place: max(place, len(text) - place - 1))
    return [text[:at], text[at + 1 :]]


def _marks(node: Node, height: float) -> Iterator[str]:
    places = {
        Mark.FAILS: (WIDTH - 8, 8),
        Mark.BEGINS_ANEW: (WIDTH - 9, height - 8),
        Mark.IS_RESUMED: (0, height / 2),
    }
    for mark in sorted(node.marks):
        yield _mark(mark, *places[mark])


def _mark(mark: Mark, x: float, y: float) -> str:
    return f'<path class="mark {mark.value}" transform="translate({x:g} {y:g})" d="{_MARKS[mark][0]}"/>'


def _legend(graph: Graph) -> Iterator[tuple[Mark, str]]:
    """Yield what the marks in a picture mean."""
    used = {mark for node in graph.nodes.values() for mark in node.marks}
    names = {"error": graph.error, "start": graph.start, "hub": graph.hub}
    words = {key: words_of(name) for key, name in names.items() if name is not None}
    for mark, (_, meaning) in _MARKS.items():
        if mark in used:
            yield mark, meaning.format(**words)


def _legend_line(mark: Mark, text: str, top: float) -> str:
    words = f'<text x="{MARGIN + 18}" y="{top + 4:g}">{escape(text)}</text>'
    return f'<g class="legend">{_mark(mark, MARGIN + 6, top)}{words}</g>'
