"""How long the workflows wait: each wait has its window, and its timer ends just after the deadline."""

from datetime import timedelta

import pytest

from models.requests.request import Wait
from models.requests.statuses import RequestStatus, Step
from models.requests.windows import DEFAULT_WINDOWS, Windows, seconds_to_wait, window
from tests.unit.builders import NOW, make_request

WINDOWS = Windows(
    response=timedelta(hours=1),
    negotiation=timedelta(hours=2),
    confirmation=timedelta(hours=3),
    mark=timedelta(hours=4),
    decision=timedelta(hours=5),
    dispute=timedelta(hours=6),
)


def test_the_windows_are_what_the_design_says() -> None:
    assert (
        Windows(
            response=timedelta(hours=24),
            negotiation=timedelta(hours=24),
            confirmation=timedelta(hours=48),
            mark=timedelta(days=30),
            decision=timedelta(hours=48),
            dispute=timedelta(days=30),
        )
        == DEFAULT_WINDOWS
    )


@pytest.mark.parametrize(
    ("step", "hours"),
    [
        (Step.WAIT_FOR_PROVIDER_RESPONSE, 1),
        (Step.WAIT_FOR_NEGOTIATION_RESPONSE, 2),
        (Step.CONFIRM_SERVICE_START, 3),
        (Step.CONFIRM_SERVICE_COMPLETION, 3),
        (Step.WAIT_FOR_SERVICE_START, 4),
        (Step.WAIT_FOR_COMPLETION, 4),
        (Step.WAIT_FOR_ADMIN_DECISION, 5),
    ],
)
def test_each_wait_has_its_window(step: Step, hours: int) -> None:
    assert window(make_request(), step, WINDOWS) == timedelta(hours=hours)
    assert seconds_to_wait(make_request(), step, WINDOWS, NOW) == hours * 3600 + 1


def test_the_providers_own_window_counts() -> None:
    request = make_request(response_seconds=7200)
    assert window(request, Step.WAIT_FOR_PROVIDER_RESPONSE, DEFAULT_WINDOWS) == timedelta(hours=2)


def test_the_timer_ends_just_after_the_deadline() -> None:
    wait = Wait(name=Step.WAIT_FOR_SERVICE_START, deadline=NOW + timedelta(seconds=90.2))
    request = make_request(status=RequestStatus.ACCEPTED, wait=wait)
    assert seconds_to_wait(request, Step.WAIT_FOR_SERVICE_START, DEFAULT_WINDOWS, NOW) == 92
    assert seconds_to_wait(request, Step.START_SERVICE_EXECUTION, DEFAULT_WINDOWS, NOW) == 92
    long_after = NOW + timedelta(days=2)
    assert seconds_to_wait(request, Step.WAIT_FOR_SERVICE_START, DEFAULT_WINDOWS, long_after) == 1
    two_days = 48 * 3600
    assert seconds_to_wait(request, Step.CONFIRM_SERVICE_START, DEFAULT_WINDOWS, NOW) == two_days + 1
