"""What a status says to programs, and how durations and counts are put into words."""

from datetime import timedelta

import pytest

from tests.unit.builders import NOW
from workflows.console.status.readings import Count, Mend, Reading, Runbook, Status, Verdict, in_words

FINE = Reading(name="a", says="none", values={"number": 0})
BAD = Reading(name="b", says="two", mend=Mend(Runbook.REDRIVE, "redrive"))
UNKNOWN = Reading(name="c", says="lost", mend=Mend(Runbook.TROUBLESHOOTING))


def status(*readings: Reading, on_aws: bool = False) -> Status:
    return Status(stack="bank", at=NOW, readings=readings, on_aws=on_aws)


def test_one_reading_that_needs_a_look_is_enough() -> None:
    assert status(FINE).verdict is Verdict.OK
    assert status(FINE, BAD).verdict is Verdict.LOOK


def test_programs_get_everything() -> None:
    found = status(FINE, BAD, UNKNOWN, on_aws=True).as_json()
    assert (found["stack"], found["at"], found["verdict"]) == ("bank", "2026-01-05T12:00:00.000Z", "look")
    fine, bad, unknown = found["readings"]
    assert fine == {
        "name": "a",
        "verdict": "ok",
        "says": "none",
        "values": {"number": 0},
        "runbook": None,
        "command": None,
    }
    assert (bad["runbook"], bad["command"]) == ("docs/runbooks/redrive.md", "python server.py redrive --aws")
    assert (unknown["runbook"], unknown["command"]) == ("docs/runbooks/troubleshooting.md", None)
    assert status(BAD).as_json()["readings"][0]["command"] == "python server.py redrive"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 seconds"),
        (1, "1 second"),
        (119, "1 minute"),
        (3_600, "1 hour"),
        (86_399, "23 hours"),
        (172_800, "2 days"),
    ],
)
def test_durations_have_one_unit(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words


def test_a_count_that_met_its_bound_says_so() -> None:
    assert str(Count(3)) == "3"
    assert str(Count(3) + Count(100, is_all=False)) == "more than 103"
