"""Metrics become lines that CloudWatch reads, whatever the environment says to the library."""

import json
from collections.abc import Iterator

import pytest

from tests.unit.workflows.metrics.lines import all_values
from workflows.metrics.declared import DISPUTE_TIME, HOURS_MOVED, MEMBERS, RATING, REQUESTS_ENDED
from workflows.metrics.emission import emit, write_lines_to


@pytest.fixture
def lines() -> Iterator[list[str]]:
    written: list[str] = []
    before = write_lines_to(written.append)
    yield written
    write_lines_to(before)


def test_values_of_the_same_dimensions_share_a_line(lines: list[str]) -> None:
    emit("a", [REQUESTS_ENDED.at(1, "PAID"), DISPUTE_TIME.at(5), REQUESTS_ENDED.at(1, "EXPIRED"), MEMBERS.at(7)])
    emit("a", [])
    found = {(one.name, one.unit, one.dimensions, one.value) for one in all_values(lines)}
    of_stack = ("Stack", "a")
    assert found == {
        ("RequestsEnded", "Count", frozenset({of_stack, ("Outcome", "PAID")}), 1),
        ("RequestsEnded", "Count", frozenset({of_stack, ("Outcome", "EXPIRED")}), 1),
        ("DisputeTime", "Seconds", frozenset({of_stack}), 5),
        ("Members", "Count", frozenset({of_stack}), 7),
    }
    assert len(lines) == 3
    assert {one.namespace for one in all_values(lines)} == {"HourBank"}


def test_many_values_are_written_by_us_and_none_is_lost(
    lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    emit("a", [HOURS_MOVED.at(number, "HELD") for number in range(230)])
    assert sorted(one.value for one in all_values(lines)) == [float(number) for number in range(230)]
    assert max(len(json.loads(line)["HoursMoved"]) for line in lines) < 100
    assert capsys.readouterr().out == ""


def test_a_service_in_the_environment_is_no_dimension(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "other")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Other")
    emit("a", [RATING.at(4.5)])
    (value,) = all_values(lines)
    assert (value.namespace, value.dimensions) == ("HourBank", frozenset({("Stack", "a")}))


def test_lambda_takes_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    emit("a", [RATING.at(3)])
    assert [one.value for one in all_values(capsys.readouterr().out.splitlines())] == [3]
