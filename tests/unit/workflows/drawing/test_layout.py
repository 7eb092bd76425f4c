"""Where states stand: each in a cell of its own, below what leads to it, the first way in the first column."""

import pytest

from tests.unit.workflows.drawing.machines import DEPLOYED, choice, machine, task
from workflows.drawing.graph import graph_of
from workflows.drawing.layout import layout_of


@pytest.mark.parametrize("name", DEPLOYED)
def test_each_state_has_a_cell_of_its_own(name: str) -> None:
    graph = graph_of(DEPLOYED[name])
    layout = layout_of(graph)
    assert layout.cells.keys() == graph.nodes.keys()
    assert len(set(layout.cells.values())) == len(graph.nodes)
    assert layout.cells[graph.start] == (0, 0)
    assert layout_of(graph) == layout


@pytest.mark.parametrize("name", DEPLOYED)
def test_lines_lead_down_but_for_the_few_that_lead_back(name: str) -> None:
    graph = graph_of(DEPLOYED[name])
    cells = layout_of(graph).cells
    back = {(edge.source, edge.target) for edge in graph.edges if cells[edge.target][0] <= cells[edge.source][0]}
    expected = {
        "ServiceRequestWorkflow": {("NegotiationResponse", "WaitForProviderResponse")},
        "BalanceReconciliationWorkflow": {("ReconcileMembers", "PageMembers")},
    }
    assert back == expected.get(name, set())


def test_the_first_way_is_the_first_column() -> None:
    cells = layout_of(graph_of(DEPLOYED["DisputeResolutionWorkflow"])).cells
    first = sorted((row, name) for name, (row, column) in cells.items() if column == 0)
    assert [name for _, name in first] == [
        "InitiateDispute",
        "ContinueFrom",
        "FreezeRelatedTransactions",
        "Frozen",
        "WaitForAdminDecision",
        "ProcessResolution",
        "RefundToRequester",
        "ResolutionOutcome",
        "NotifyDisputeParties",
        "CompleteDisputeResolution",
    ]


def test_branches_stand_beside_each_other() -> None:
    cells = layout_of(
        graph_of(machine(A=choice("B", "C", default="D"), B=task("E"), C=task("E"), D=task("E"), E=task()))
    ).cells
    assert cells == {"A": (0, 0), "B": (1, 0), "C": (1, 1), "D": (1, 2), "E": (2, 0)}


def test_a_state_that_leads_to_itself_and_one_that_nothing_leads_to_have_places() -> None:
    cells = layout_of(graph_of(machine(A=task("A"), B=task()))).cells
    assert cells == {"A": (0, 0), "B": (0, 1)}
