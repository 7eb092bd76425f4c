"""Every way of a definition is a line or a mark, and nothing else is."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.unit.workflows.drawing.machines import DEPLOYED, choice, machine, task
from workflows.drawing.graph import Edge, Kind, Mark, Way, graph_of


def ways(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, state in definition["States"].items():
        targets = [state.get("Next"), state.get("Default")]
        targets += [one["Next"] for one in (*state.get("Choices", ()), *state.get("Catch", ()))]
        yield from ((name, target) for target in targets if target)


@pytest.mark.parametrize("name", DEPLOYED)
def test_every_way_is_a_line_or_a_mark(name: str) -> None:
    definition = DEPLOYED[name]
    graph = graph_of(definition)
    lines = {(edge.source, edge.target) for edge in graph.edges}
    assert lines <= set(ways(definition))
    for source, target in set(ways(definition)) - lines:
        marks = {
            Mark.FAILS: target == graph.error,
            Mark.BEGINS_ANEW: target == graph.start,
            Mark.IS_RESUMED: source == graph.hub,
        }
        found = graph.nodes[source].marks | (graph.nodes[target].marks & {Mark.IS_RESUMED})
        assert any(fits and mark in found for mark, fits in marks.items()), (source, target)


def test_the_requests_machine() -> None:
    graph = graph_of(DEPLOYED["ServiceRequestWorkflow"])
    assert (graph.start, graph.error, graph.hub) == ("ResumePoint", "HandleWorkflowError", "ContinueFrom")
    assert graph.after("ContinueFrom") == ("ValidateRequest", "HandleDispute", "Superseded")
    assert graph.before("StartServiceExecution") == ("ProviderAnswered", "ProviderResponse", "NegotiationResponse")
    assert Edge("WaitForProviderResponse", "ProcessProviderResponse", Way.TIMEOUT) in graph.edges
    kinds = {name: graph.nodes[name].kind for name in ("WaitForCompletion", "ProcessPayment", "WorkflowFailed")}
    assert list(kinds.values()) == [Kind.WAIT, Kind.NESTED, Kind.FAIL]


def test_few_ways_to_a_state_are_lines() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]
    graph = graph_of(machine(A=task("B", Catch=catch), B=choice("C", default="A"), C=task(), Failed=task()))
    assert {(edge.source, edge.target) for edge in graph.edges} == {
        ("A", "B"),
        ("A", "Failed"),
        ("B", "C"),
        ("B", "A"),
    }
    assert not any(node.marks for node in graph.nodes.values())


def test_a_map_names_what_it_runs_for_each() -> None:
    node = graph_of(DEPLOYED["BalanceReconciliationWorkflow"]).nodes["ReconcileMembers"]
    assert (node.kind, node.inner) == (Kind.MAP, ("ReconcileBalances",))


def test_an_unknown_type_of_state_is_an_error() -> None:
    with pytest.raises(KeyError):
        graph_of(machine(A={"Type": "Teleport"}))
