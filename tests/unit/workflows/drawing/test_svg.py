"""Pictures are well-formed, the same each time, name every state, and have no style where a page has its own."""

import re
from xml.etree import ElementTree as ET

import pytest

from tests.unit.workflows.drawing.machines import DEPLOYED, machine, task
from workflows.drawing.statuses import STATES
from workflows.drawing.svg import draw, words_of

SVG = "{http://www.w3.org/2000/svg}"


def drawn(name: str, *, has_style: bool = True) -> str:
    return draw(DEPLOYED[name], name=name, statuses=STATES, has_style=has_style)


@pytest.mark.parametrize("name", DEPLOYED)
def test_every_state_is_drawn_once(name: str) -> None:
    picture = ET.fromstring(drawn(name))  # noqa: S314 — our own picture
    states = [one.get("data-state") for one in picture.iter(f"{SVG}g") if one.get("data-state")]
    assert states == list(DEPLOYED[name]["States"])
    assert picture.get("aria-label") == name
    assert drawn(name) == drawn(name)


@pytest.mark.parametrize("name", DEPLOYED)
def test_everything_is_inside(name: str) -> None:
    picture = ET.fromstring(drawn(name))  # noqa: S314 — our own picture
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    for path in picture.iter(f"{SVG}path"):
        if "edge" in path.get("class", ""):
            numbers = [float(one) for one in re.findall(r"-?\d+\.?\d*", path.attrib["d"])]
            assert all(0 < x < width for x in numbers[::2])
            assert all(0 < y < height for y in numbers[1::2])


def test_a_page_may_bring_its_own_style() -> None:
    bare = drawn("ServiceRequestWorkflow", has_style=False)
    assert "style" not in bare
    assert "<style>" in drawn("ServiceRequestWorkflow")
    assert 'data-state="ProcessPayment" data-status="PAID"' in bare


def test_marks_are_explained() -> None:
    picture = drawn("ServiceRequestWorkflow")
    for explained in ("an error leads to Handle workflow error", "a surprise leads to Resume point"):
        assert explained in picture
    assert "legend" not in drawn("EscrowManagementWorkflow", has_style=False)


def test_a_name_is_words_and_never_markup() -> None:
    assert words_of("WaitForProviderResponse") == "Wait for provider response"
    picture = draw(machine(**{"A<b>&": task()}), name='"<x>', statuses={})
    ET.fromstring(picture)  # noqa: S314 — our own picture
    assert "<b>" not in picture


def test_a_long_name_has_two_lines() -> None:
    picture = draw(machine(ProcessServiceCompletion=task()), name="x", statuses={})
    assert re.findall(r"<text[^>]*>([^<]+)</text>", picture) == ["Process service", "completion"]
