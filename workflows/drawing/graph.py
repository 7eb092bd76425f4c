"""A state machine as a graph: its states, and the ways between them that a picture shows."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

# What many states lead to in the same way would be lines everywhere: the states have a mark instead.
_MARKED_FROM = 4
# A choice among more states than these only leads back to where an execution was: its targets have a mark.
_HUB = 7


class Kind(StrEnum):
    """What a state is."""

    TASK = "task"
    WAIT = "wait"
    NESTED = "nested"
    MAP = "map"
    CHOICE = "choice"
    PASS = "pass"  # noqa: S105 — the name of a type of states
    SUCCEED = "succeed"
    FAIL = "fail"


class Way(StrEnum):
    """How a state leads to another one."""

    NEXT = "next"
    TIMEOUT = "timeout"
    ERROR = "error"
    ELSE = "else"


class Mark(StrEnum):
    """What is drawn at a state instead of a line."""

    FAILS = "fails"
    BEGINS_ANEW = "begins-anew"
    IS_RESUMED = "is-resumed"


@dataclass(frozen=True, slots=True)
class Node:
    """A state.

    Args:
        name: its name.
        kind: what it is.
        inner: the states that it runs for each item, if it is a map.
        marks: what stands for lines that are not drawn.
    """

    name: str
    kind: Kind
    inner: tuple[str, ...] = ()
    marks: frozenset[Mark] = frozenset()


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from a state to another one."""

    source: str
    target: str
    way: Way = Way.NEXT


@dataclass(frozen=True, slots=True)
class Graph:
    """A state machine.

    Args:
        start: the first state.
        nodes: its states by their names, in the order of the definition.
        edges: the lines between them, each once, in the order of the definition.
        error: the state that errors lead to, if marks stand for that.
        hub: the choice that leads to the marked states, if there is one.
    """

    start: str
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    error: str | None
    hub: str | None

    def after(self, name: str) -> tuple[str, ...]:
        """Return the states that a state leads to."""
        return tuple(dict.fromkeys(edge.target for edge in self.edges if edge.source == name))

    def before(self, name: str) -> tuple[str, ...]:
        """Return the states that lead to a state."""
        return tuple(dict.fromkeys(edge.source for edge in self.edges if edge.target == name))


def graph_of(definition: Mapping[str, Any]) -> Graph:
    """Return the graph of a definition in Amazon States Language.

    Raises:
        KeyError: a state is none of Amazon States Language's.
    """
    states: Mapping[str, Any] = definition["States"]
    nodes = {name: _node(name, state) for name, state in states.items()}
    edges = list(dict.fromkeys(edge for name, state in states.items() for edge in _edges(name, state)))
    hub = next((name for name, state in states.items() if len(_targets(edges, name)) > _HUB), None)
    sources = {way: Counter(edge.target for edge in edges if edge.way is way) for way in Way}
    failing = {target for target, count in sources[Way.ERROR].items() if count >= _MARKED_FROM}
    anew = {target for target, count in sources[Way.ELSE].items() if count >= _MARKED_FROM}
    reached = Counter(edge.target for edge in edges if edge.source != hub and edge.way is not Way.ELSE)
    kept = []
    for edge in edges:
        mark = _mark(edge, definition["StartAt"], hub, failing, anew, reached)
        if mark is None:
            kept.append(edge)
            continue
        marked = edge.target if mark is Mark.IS_RESUMED else edge.source
        nodes[marked] = replace(nodes[marked], marks=nodes[marked].marks | {mark})
    return Graph(definition["StartAt"], nodes, tuple(_once(kept)), next(iter(sorted(failing)), None), hub)


def _mark(
    edge: Edge, start: str, hub: str | None, failing: set[str], anew: set[str], reached: Counter[str]
) -> Mark | None:
    """Return the mark that stands for an edge; None if it is a line."""
    if edge.way is Way.ERROR and edge.target in failing:
        return Mark.FAILS
    if edge.target == start and edge.target in anew:
        return Mark.BEGINS_ANEW
    if edge.source == hub and reached[edge.target] and edge.target != start:
        return Mark.IS_RESUMED
    return None


def _once(edges: list[Edge]) -> Iterator[Edge]:
    """Yield one edge between two states: if one way leads there without a timeout, that one."""
    pairs: dict[tuple[str, str], Edge] = {}
    for edge in edges:
        known = pairs.get((edge.source, edge.target))
        if known is None or known.way is Way.TIMEOUT:
            pairs[edge.source, edge.target] = edge
    yield from pairs.values()


def _targets(edges: list[Edge], source: str) -> set[str]:
    return {edge.target for edge in edges if edge.source == source}


def _node(name: str, state: Mapping[str, Any]) -> Node:
    if state["Type"] == "Map":
        inner = state.get("ItemProcessor") or state["Iterator"]
        return Node(name, Kind.MAP, tuple(inner["States"]))
    return Node(name, _kind(state))


def _kind(state: Mapping[str, Any]) -> Kind:
    if state["Type"] != "Task":
        return {"Choice": Kind.CHOICE, "Pass": Kind.PASS, "Succeed": Kind.SUCCEED, "Fail": Kind.FAIL}[
            state["Type"]
        ]
    resource = state["Resource"]
    if resource.endswith(".waitForTaskToken"):
        return Kind.WAIT
    return Kind.NESTED if ":states:startExecution" in resource else Kind.TASK


def _edges(name: str, state: Mapping[str, Any]) -> Iterator[Edge]:
    if "Next" in state:
        yield Edge(name, state["Next"])
    for choice in state.get("Choices", ()):
        yield Edge(name, choice["Next"])
    if "Default" in state:
        yield Edge(name, state["Default"], Way.ELSE)
    for catch in state.get("Catch", ()):
        way = Way.TIMEOUT if catch["ErrorEquals"] == ["States.Timeout"] else Way.ERROR
        yield Edge(name, catch["Next"], way)
