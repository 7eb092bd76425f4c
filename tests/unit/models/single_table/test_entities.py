"""Rows of the single table: of which type, what they become, and what they were."""

from typing import Any

import pytest

from models.migration.former import Oddity
from models.single_table.entities import (
    MOVED_FROM,
    Entity,
    SingleTable,
    digest,
    digest_of,
    key_text,
    origin_of,
    type_of,
)
from tests.unit.single_world import APP, contractor, expense, project, user, wire, work

NOW = "2026-11-29T12:00:00.000Z"
SINGLE = SingleTable("Old", "expenseId", APP.entities())
SORTED = SingleTable("Old", "sk", APP.entities())


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (user("a"), "User"),
        (project("a", "p"), "Project"),
        (contractor("a", "c"), "Contractor"),
        (expense("a", "e", "p", "c"), "Expense"),
        (work("a", "w", "p", "c"), "Work"),
        (wire({"userId": "a", "expenseId": "x", "email": None}), None),
    ],
)
def test_a_row_is_told_by_what_only_its_type_has(row: dict[str, Any], name: str | None) -> None:
    assert type_of(row, "expenseId") == name


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("Work", ("workId", "WorkName", "TotalWorkCost")),
        ("Expense", ("expenseId", "invoiceNum", "amount", "paymentMethod")),
        ("Project", ("projectId", "startDate", "SpentAmount")),
        ("Contractor", ("contractorId", "phone")),
        ("User", ("email",)),
    ],
)
def test_any_of_them_is_enough(name: str, attributes: tuple[str, ...]) -> None:
    for attribute in attributes:
        assert type_of(wire({"userId": "a", "sk": "x", attribute: "1"}), "sk") == name


def test_another_range_key_tells_nothing() -> None:
    assert type_of(wire({"userId": "a", "sk": "x", "expenseId": "e"}), "sk") == "Expense"
    assert type_of(wire({"userId": "a", "workId": "w", "startDate": "2025-01-01"}), "workId") == "Project"


def _moved(row: dict[str, Any], single: SingleTable = SINGLE) -> dict[str, Any]:
    moved = single.moved(row, NOW)
    assert not isinstance(moved, Oddity), moved
    return moved


def _why(row: dict[str, Any]) -> str:
    moved = SINGLE.moved(row, NOW)
    assert isinstance(moved, Oddity)
    return moved.why


def test_a_row_becomes_one_of_its_type() -> None:
    row = project("a", "p", mood="good", description=None)
    moved = _moved(row)
    assert moved["projectKey"] == {"S": "a#p"}
    assert moved["SpentAmount"] == {"N": "0"}
    assert moved["status#startDate"] == {"S": "ACTIVE#2025-01-01"}
    assert moved["mood"] == {"S": "good"}
    assert "description" not in moved
    assert "expenseId" not in moved
    assert origin_of(moved) == {"userId": {"S": "a"}, "expenseId": {"S": "PROJECT#p"}}
    assert digest_of(moved) == digest(row)
    assert SINGLE.key_here(row) == ("a", "p")


def test_the_range_key_is_the_id_where_no_attribute_is() -> None:
    row = wire({"userId": "a", "sk": "c1", "name": "Builder", "phone": "+972 3 555 1234"})
    moved = _moved(row, SORTED)
    assert moved["contractorId"] == {"S": "c1"}
    assert "sk" not in moved
    assert moved["createdAt"] == moved["updatedAt"] == {"S": NOW}
    assert SORTED.key_here(row) == ("a", "c1")


@pytest.mark.parametrize(
    ("key", "id"),
    [
        ("Contractor#c#1", "c#1"),
        ("CONTRACTOR#", "CONTRACTOR#"),
        ("WORK#c", "WORK#c"),
        ("CONTRACTOR", "CONTRACTOR"),
    ],
)
def test_the_type_before_an_id_is_none_of_it(key: str, id: str) -> None:
    row = wire({"userId": "a", "sk": key, "name": "Builder", "phone": "+972 3 555 1234"})
    assert _moved(row, SORTED)["contractorId"] == {"S": id}
    assert _moved(row | {"contractorId": {"S": key}}, SORTED)["contractorId"] == {"S": key}


def test_a_user_has_no_id_beside_their_own() -> None:
    assert SINGLE.key_here(user("a")) == "a"
    assert _moved(user("a"))["email"] == {"S": "a@example.com"}


def test_what_does_not_fit_is_said() -> None:
    assert _why(wire({"userId": "a", "expenseId": "x"})) == "it is no user, project, contractor, expense or work"
    assert _why(project("a", "p", startDate=None)) == "startDate is missing"
    assert "AWSDate" in _why(project("a", "p", startDate="soon"))
    for value in ({"B": b"x"}, {"L": [{"B": b"x"}]}, {"BS": [b"x"]}):
        assert _why(project("a", "p") | {"seal": value}) == "it has binary data, which the app cannot serve"
    odd = SINGLE.oddity(wire({"userId": "a", "expenseId": "x"}), "why")
    assert (odd.table, odd.id) == ("?", '["a", "x"]')
    odd = SINGLE.oddity(wire({"userId": "é", "expenseId": "x", "phone": "1"}), "why")
    assert (odd.table, odd.id) == ("Contractor", '["é", "x"]')


def test_what_a_row_says_of_totals_and_of_its_origin_does_not_count() -> None:
    row = project("a", "p", SpentAmount="much")
    assert _moved(row)["SpentAmount"] == {"N": "0"}
    assert _moved(row | {MOVED_FROM: {"S": "there"}})[MOVED_FROM]["M"]["key"] == {"M": SINGLE.key_of(row)}


def test_any_value_has_a_digest() -> None:
    row = project("a", "p")
    states = [row, row | {"seal": {"B": b"x"}}, row | {"SS": {"S": "one"}}, row | {"SS": {"S": "two"}}]
    assert len({digest(state) for state in states}) == len(states)


def test_a_key_that_is_no_text_has_no_place() -> None:
    assert SINGLE.key_here(project("a", "p") | {"projectId": {"N": "1"}}) is None
    assert SINGLE.key_here(wire({"userId": "a", "expenseId": "x"})) is None


def test_changes_leave_totals_and_moments_that_only_the_app_knows() -> None:
    row = wire({"userId": "a", "expenseId": "CONTRACTOR#c", "contractorId": "c", "name": "B", "rank": "1"})
    stored = _moved(row) | {"createdAt": {"S": "before"}}
    assert SINGLE.changes(stored, _moved(row), row) == {}
    renamed = row | {"name": {"S": "C"}}
    del renamed["rank"]
    renamed["mood"] = {"S": "good"}
    changes = SINGLE.changes(stored, _moved(renamed), renamed)
    assert changes.keys() == {MOVED_FROM, "name", "rank", "mood"}
    assert changes["rank"] is None
    dated = project("a", "p", createdAt="2024-01-01T00:00:00.000Z")
    assert SINGLE.changes(_moved(project("a", "p")), _moved(dated), dated)["createdAt"] == dated["createdAt"]
    stored = _moved(project("a", "p")) | {"SpentAmount": {"N": "5"}}
    assert SINGLE.changes(stored, _moved(project("a", "p")), project("a", "p")) == {}


@pytest.mark.parametrize("row", [user("a"), project("a", "p"), expense("a", "e", "p", "c"), contractor("a", "c")])
def test_a_row_that_came_goes_back_where_it_was(row: dict[str, Any]) -> None:
    moved = _moved(row)
    entity = SINGLE.entities[moved["__typename"]["S"]]
    back = SINGLE.returned(entity, moved, "other")
    assert SINGLE.key_of(back) == SINGLE.key_of(row)
    assert SINGLE.changes(moved, _moved(back), back).keys() <= {MOVED_FROM}
    assert not {"__typename", MOVED_FROM, "projectKey", "status#startDate"} & back.keys()


def test_a_row_that_was_made_in_the_app_goes_where_its_id_says() -> None:
    moved = _moved(work("a", "w", "p", "c"))
    del moved[MOVED_FROM]
    assert origin_of(moved) == {}
    assert digest_of(moved) is None
    for prefix in ("", "WORK#"):
        back = SINGLE.returned(SINGLE.entities["Work"], moved, prefix)
        assert key_text(SINGLE.key_of(back)) == f'["a", "{prefix}w"]'


def test_rows_that_came_say_what_their_range_keys_begin_with() -> None:
    for row, prefix in (
        (work("a", "w", "p", "c"), "WORK#"),
        (expense("a", "e", "p", "c"), ""),
        (user("a"), ""),
        (user("a") | {"expenseId": {"S": "USER#a"}}, "USER#"),
    ):
        moved = _moved(row)
        assert SINGLE.prefix_of(SINGLE.entities[moved["__typename"]["S"]], moved) == prefix


def test_the_order_of_parts_and_of_sets_does_not_count() -> None:
    row = project("a", "p") | {"tags": {"SS": ["x", "y"]}, "SS": {"S": "text"}, "all": {"L": [{"NS": ["1", "2"]}]}}
    other = dict(reversed(row.items())) | {"tags": {"SS": ["y", "x"]}, "all": {"L": [{"NS": ["2", "1"]}]}}
    assert digest(other) == digest(row)
    assert digest(row | {"seals": {"BS": [b"x", b"y"]}}) == digest(row | {"seals": {"BS": [b"y", b"x"]}})
    assert SINGLE.changes(_moved(row), _moved(other), other).keys() == set()
    key = SINGLE.key_of(row)
    assert key_text(dict(reversed(key.items()))) == key_text(key) == '["a", "PROJECT#p"]'


def test_an_app_may_lack_what_a_row_would_be() -> None:
    alone = SingleTable("Old", "expenseId", dict[str, Entity]())
    assert isinstance(alone.moved(user("a"), NOW), Oddity)
