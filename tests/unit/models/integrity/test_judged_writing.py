"""A transaction in which each part says what it means if its condition does not hold."""

from pynamodb.expressions.operand import Path

from models import clock
from models.integrity.judged_writing import JudgedWriting, stale
from models.integrity.ruled_tables import GUARDS, UNIQUE
from tests.unit.models.integrity.shop_tables import NAMES, TABLES


def writing(*parts: tuple[str, str]) -> JudgedWriting:
    """Return a transaction that puts rows: into a table, with an id."""
    made = JudgedWriting(NAMES, clock.now())
    for name, key in parts:
        made.put(TABLES[name], {"id": {"S": key}})
        made.judged_by(stale)
    return made


def test_each_row_is_written_once() -> None:
    assert writing(("Shop", "a"), ("Shop", "b"), ("Page", "a")).is_possible
    assert not writing(("Shop", "a"), ("Shop", "a")).is_possible


def test_a_row_is_removed_once() -> None:
    twice = writing()
    for _ in range(2):
        twice.remove(GUARDS, ("a", UNIQUE), Path(["id"]).exists())
        twice.judged_by(stale)
    assert not twice.is_possible
