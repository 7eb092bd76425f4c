"""Any filter: DynamoDB evaluates it as `tests.property.filters` says, and so as our predicates do in memory."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import example, given, settings

from models.ledger.balances import EscrowStatus
from models.storage.store import expressions
from resolvers.mirror.filtering.conditions import condition_of
from resolvers.mirror.filtering.filters import compile_filter
from tests.integration.conftest import Cloud
from tests.property.filters import Filter, Row, comparisons, filters, passes, some_rows

ROWS: dict[str, Row] = {f"{number:02}": row for number, row in enumerate(some_rows(7))}


class FilteredTable:
    """A table with only these rows."""

    def __init__(self, cloud: Cloud) -> None:
        self._dynamodb = cloud.client("dynamodb")
        self.name = f"filters-{uuid4()}"

    def open(self) -> None:
        self._dynamodb.create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        for key, row in ROWS.items():
            self._dynamodb.put_item(TableName=self.name, Item={"id": {"S": key}, **row})

    def close(self) -> None:
        self._dynamodb.delete_table(TableName=self.name)

    def found(self, filter_: Filter) -> set[str]:
        """Return the keys of the rows that pass the filter."""
        answer = self._dynamodb.scan(TableName=self.name, **expressions(filter=condition_of(filter_)))
        assert answer["ScannedCount"] == len(ROWS)
        return {item["id"]["S"] for item in answer["Items"]}

    def allows(self, key: str, condition: Filter) -> bool:
        """Return whether a row meets the condition of a write, which leaves the row as it is."""
        item = {"id": {"S": key}, **ROWS[key]}
        try:
            self._dynamodb.put_item(
                TableName=self.name, Item=item, **expressions(condition=condition_of(condition))
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


@pytest.fixture(scope="module")
def table(cloud: Cloud) -> Iterator[FilteredTable]:
    table = FilteredTable(cloud)
    table.open()
    yield table
    table.close()


def meant(filter_: Filter) -> set[str]:
    return {key for key, row in ROWS.items() if passes(filter_, row)}


def test_dynamodb_compares_as_it_is_written_down(table: FilteredTable) -> None:
    assert [filter_ for filter_ in comparisons() if table.found(filter_) != meant(filter_)] == []


def test_our_predicates_pass_the_rows_that_dynamodb_finds(table: FilteredTable) -> None:
    for filter_ in comparisons():
        test = compile_filter(filter_)
        assert table.found(filter_) == {key for key, row in ROWS.items() if test(row)}, filter_


@settings(max_examples=250)
@given(filters())
@example({})
@example({"status": {"eq": EscrowStatus.ESCROWED}})
@example({"title": {"size": {"eq": 2}}})
@example({"rating": {"between": [-1e-7, 0.1]}})
def test_dynamodb_finds_what_a_filter_means(table: FilteredTable, filter_: Filter) -> None:
    assert table.found(filter_) == meant(filter_)


@settings(max_examples=60)
@given(filters())
def test_a_write_is_made_where_its_condition_holds(table: FilteredTable, filter_: Filter) -> None:
    assert table.allows("07", filter_) is passes(filter_, ROWS["07"])


@pytest.mark.parametrize(
    "filter_",
    [
        {"or": [{"title": {"eq": "a"}}] * 150},
        {"and": [{"title": {"size": {"ge": 0}}}] * 100},
        {"not": {"or": [{"title": {"between": ["a", "b"]}}] * 140}},
    ],
)
def test_what_we_let_through_is_not_too_large_for_dynamodb(table: FilteredTable, filter_: dict[str, Any]) -> None:
    assert table.found(filter_) == meant(filter_)
