"""Any life of several requests, by the pure rules alone: the books stay right."""

from typing import Any

from hypothesis import settings

from models.requests.statuses import Step
from tests.property.lives import HANDLERS, STEPS, Lives

TestLives: Any = Lives.TestCase
TestLives.settings = settings(max_examples=150, stateful_step_count=40)


def test_every_step_has_a_handler_or_is_an_end() -> None:
    ends = {Step.HANDLE_DISPUTE, Step.NOTIFY_DISPUTE_PARTIES, Step.SUPERSEDED}
    elsewhere = {Step.CREATE_ESCROW, Step.FREEZE_RELATED_TRANSACTIONS}
    assert set(HANDLERS) == set(Step) - elsewhere - ends
    assert {name for names in HANDLERS.values() for name in names} | {"validate"} == set(STEPS)
