"""The data of a progress bar."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.requests.progress import STRAIGHT_WAY, StepState, progress
from models.requests.statuses import RequestStatus
from tests.unit.builders import NOW, make_request
from tests.unit.places import PATHS, request_at


@pytest.mark.parametrize("place", PATHS)
def test_steps_are_done_then_here_then_to_come(place: str) -> None:
    request = request_at(place)
    shown = progress(request)
    order = [StepState.DONE, StepState.CURRENT, StepState.TO_COME]
    states = [order.index(step.state) for step in shown.steps]
    assert states == sorted(states)
    assert states.count(1) == (0 if shown.percent == 100 else 1)
    assert all((step.at is None) == (step.state is StepState.TO_COME) for step in shown.steps)
    assert (shown.request_id, shown.status, shown.status_reason) == (
        request.id,
        request.status,
        request.status_reason,
    )


def test_the_bar_only_grows() -> None:
    percents = [
        progress(request_at(place)).percent for place in ("INITIATED", "AWAITING", "ACCEPTED", "COMPLETED", "PAID")
    ]
    assert percents == [0, 38, 50, 75, 100]


def test_the_straight_way_is_shown_whole() -> None:
    for place in ("INITIATED", "AWAITING", "IN_PROGRESS", "PAID"):
        assert tuple(step.name for step in progress(request_at(place)).steps) == STRAIGHT_WAY


def test_a_request_that_has_ended_has_nothing_to_come() -> None:
    shown = progress(request_at("REJECTED"))
    assert (shown.percent, shown.steps[-1].name) == (100, RequestStatus.REJECTED)


def test_the_deadline_is_shown_while_somebody_has_to_act() -> None:
    waiting = request_at("AWAITING")
    assert waiting.wait is not None
    assert progress(waiting).deadline == waiting.wait.deadline
    assert progress(waiting).current_step == "WaitForProviderResponse"
    assert progress(request_at("AWAITING accepted")).deadline is None
    assert progress(request_at("COMPLETED")).deadline is None
    assert progress(request_at("COMPLETED")).current_step == "COMPLETED"


def test_a_request_without_history_is_where_it_is() -> None:
    updated = NOW + timedelta(hours=1)
    first, *ahead = progress(make_request(status=RequestStatus.NEGOTIATING, updated_at=updated)).steps
    assert (first.name, first.at) == (RequestStatus.NEGOTIATING, updated)
    assert tuple(step.name for step in ahead) == STRAIGHT_WAY[1:]


def test_a_step_is_dated_by_its_passage_whatever_changed_since() -> None:
    request = replace(request_at("ACCEPTED"), updated_at=NOW + timedelta(days=9))
    shown = progress(request).steps[: len(request.passages)]
    assert [(step.name, step.at) for step in shown] == [(one.status, one.at) for one in request.passages]
