"""docs/cost.md says what one request's life uses, as it is counted now."""

from pathlib import Path

from models import tables
from tests.cost import units
from tests.cost.life import one_life
from tests.cost.page import cost, life_table, units_table
from workflows.definitions import read_definitions
from workflows.deployment.template.machines import called_by_machines
from workflows.deployment.template.monitoring.performance import TRANSITIONS_PER_CALL
from workflows.handlers import FUNCTIONS

_PAGE = (Path(__file__).parents[2] / "docs" / "cost.md").read_text()
_MAKE_IT = "python -m tests.cost.page > docs/cost.md makes the page as it is now"
_ROW = {"id": {"S": "r" * 36}, "dueShard": {"S": "1"}, "dueAt": {"S": "2026-01-01T00:00:00.000Z"}}
_LATER = {**_ROW, "dueAt": {"S": "2026-01-02T00:00:00.000Z"}, "message": {"S": "m" * 2000}}


def test_the_page_says_what_a_life_uses() -> None:
    life = one_life()
    assert life_table(life) in _PAGE, _MAKE_IT
    assert units_table(life) in _PAGE, _MAKE_IT


def test_what_the_dashboard_estimates_transitions_by_is_what_a_life_uses() -> None:
    life = one_life()
    stepped = called_by_machines(FUNCTIONS, read_definitions())
    calls = sum(count for name, count in life.functions.items() if name in stepped)
    assert abs(life.transitions / calls - TRANSITIONS_PER_CALL) < 0.05


def test_a_life_costs_a_tenth_of_a_cent() -> None:
    assert cost(one_life()) < 0.0012


def test_a_row_counts_by_its_names_and_values() -> None:
    assert units.size({"id": {"S": "é"}}) == 4
    assert units.size({"n": {"N": "-12.50"}}) == 1 + 4
    assert units.size({"m": {"M": {"a": {"BOOL": True}}}, "l": {"L": [{"S": "xy"}]}}) == 1 + 3 + 3 + 1 + 3 + 3


def test_a_key_that_changes_is_written_twice_in_its_index_and_a_row_twice_in_a_transaction() -> None:
    written = dict(units.written(tables.ServiceRequest, _ROW, _LATER, times=2))
    assert written == {"ServiceRequest": 6, "ServiceRequest/byDueAt": 2}
    assert dict(units.written(tables.ServiceRequest, None, _ROW, times=1)) == {
        "ServiceRequest": 1,
        "ServiceRequest/byDueAt": 1,
    }
    # What an index of keys does not hold is not written there.
    told = {**_ROW, "message": {"S": "m"}}
    assert dict(units.written(tables.ServiceRequest, _ROW, told, times=1)) == {"ServiceRequest": 1}


def test_a_batch_rounds_each_row_up_and_a_page_all_together() -> None:
    assert units.read([_ROW, _ROW], consistent=True, each=True) == 2
    assert units.read([_ROW, _ROW], consistent=False, each=False) == 0.5
    assert units.read([], consistent=False, each=False) == 0.5
