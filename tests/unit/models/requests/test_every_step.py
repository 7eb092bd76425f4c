"""Every step changes and writes what `every_step.txt` records; read its diff whenever a rule is changed."""

from pathlib import Path

import pytest

from tests.unit.models.requests.every_step import RULES, in_words, refusals, steps_taken, swept

RECORD = Path(__file__).with_name("every_step.txt")


def recorded() -> dict[tuple[str, str], str]:
    """Return what stands under each heading: a place, or that it is refused, and an event."""
    found = {}
    for entry in RECORD.read_text().strip("\n").split("\n\n"):
        head, _, text = entry.partition("\n")
        place, _, event = head.partition(": ")
        found[place, event] = text
    return found


RECORDED = recorded()
STEPS = [(place, event) for place, event in RECORDED if place != "refused"]


@pytest.mark.parametrize(("place", "event"), STEPS)
def test_every_step_changes_and_tells_what_is_written_down(place: str, event: str) -> None:
    assert in_words(place, event) == RECORDED[place, event]


@pytest.mark.parametrize("event", RULES)
def test_every_event_is_refused_as_it_is_written_down(event: str) -> None:
    assert refusals(event) == RECORDED["refused", event]


def test_the_record_is_whole() -> None:
    assert steps_taken() + swept() == STEPS
    assert len(RECORDED) == len(STEPS) + len(RULES)
