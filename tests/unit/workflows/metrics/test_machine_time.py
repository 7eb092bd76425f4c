"""The machine's time begins with somebody's act, or a deadline, and ends when it waits or the request is over."""

from dataclasses import replace
from datetime import timedelta

from models.requests.request import Answer, DisputeRef, Passage, Request, Wait
from models.requests.statuses import RequestStatus, Response, Step
from tests.unit.builders import BOB, NOW, make_request
from workflows.metrics.machine_time import machine_time


def later(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def wait(
    name: Step = Step.WAIT_FOR_PROVIDER_RESPONSE, *, until: float = 1000, answered: float | None = None
) -> Wait:
    answer = None
    if answered is not None:
        answer = Answer(wait=name, round=0, response=Response.ACCEPTED, by=BOB, at=NOW + later(answered))
    return Wait(name=name, deadline=NOW + later(until), answer=answer)


def stepped(
    before: Request, at: float, *, of_dispute: bool = False, **changes: object
) -> tuple[float, str | None] | None:
    after = replace(before, version=before.version + 1, updated_at=NOW + later(at), **changes)  # type: ignore[arg-type]  # any field
    point = machine_time(before, after, of_dispute=of_dispute)
    return None if point is None else (point.value, point.label)


BEGUN = make_request(created_at=NOW)


def test_it_begins_with_the_request_and_ends_with_the_first_wait() -> None:
    assert stepped(BEGUN, 2, status=RequestStatus.VALIDATING) is None
    assert stepped(BEGUN, 3, wait=wait()) == (3, "ServiceRequestWorkflow")


def test_it_begins_again_with_each_answer() -> None:
    answered = replace(BEGUN, wait=wait(answered=60))
    assert stepped(answered, 61.5, wait=wait(Step.WAIT_FOR_SERVICE_START)) == (1.5, "ServiceRequestWorkflow")
    answer = wait(answered=60).answer
    assert answer is not None
    earlier = replace(BEGUN, answers=(answer,))
    assert stepped(earlier, 64, status=RequestStatus.PAID) == (4, "ServiceRequestWorkflow")


def test_an_answer_that_was_there_already_lets_the_machine_go_on() -> None:
    assert stepped(BEGUN, 3, wait=wait(answered=2)) is None


def test_it_begins_with_a_deadline_that_nobody_met() -> None:
    assert stepped(replace(BEGUN, wait=wait(until=100)), 107, status=RequestStatus.EXPIRED, wait=None) == (
        7,
        "ServiceRequestWorkflow",
    )


def test_a_new_token_or_a_step_that_was_taken_already_is_no_end() -> None:
    waiting = replace(BEGUN, wait=wait())
    assert stepped(waiting, 50, wait=replace(wait(), token="t")) is None  # noqa: S106 — no password
    assert machine_time(waiting, waiting, of_dispute=False) is None
    paid = replace(BEGUN, status=RequestStatus.PAID)
    assert stepped(paid, 50) is None


def test_a_dispute_has_a_machine_of_its_own() -> None:
    raised = DisputeRef(id="d", by=BOB, at=NOW + later(10), generation=1)
    disputed = replace(BEGUN, status=RequestStatus.DISPUTED, disputes=(raised,))
    heard = stepped(disputed, 12, of_dispute=True, wait=wait(Step.WAIT_FOR_ADMIN_DECISION))
    assert heard == (2, "DisputeResolutionWorkflow")


def test_what_nobody_confirmed_is_paid_from_its_deadline_on() -> None:
    completed = Passage(status=RequestStatus.COMPLETED, at=NOW + later(600))
    by_the_clock = replace(BEGUN, status=RequestStatus.COMPLETED, passages=(completed,))
    assert stepped(by_the_clock, 602, status=RequestStatus.PAID) == (2, "ServiceRequestWorkflow")
    confirmed = wait(Step.CONFIRM_SERVICE_COMPLETION, answered=599).answer
    assert confirmed is not None
    by_people = replace(by_the_clock, answers=(confirmed,))
    assert stepped(by_people, 602, status=RequestStatus.PAID) == (3, "ServiceRequestWorkflow")
