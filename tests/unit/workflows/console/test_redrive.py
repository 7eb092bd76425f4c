"""Dead letters are grouped by their requests."""

from tests.unit.workflows.console.letters import FAILED, SENT, message
from workflows.console.dead_letters import DeadLetter
from workflows.console.redrive import failed_requests


def test_letters_about_one_request_are_one_failure() -> None:
    bodies = [FAILED, "poison", {**FAILED, "requestId": "s"}, {**FAILED, "generation": 3}]
    letters = [DeadLetter.read(message(body, number)) for number, body in enumerate(bodies)]
    first, second = failed_requests(letters)
    assert (first.request_id, len(first.letters), first.generation, first.since) == ("r", 2, 3, SENT)
    assert first.latest is letters[3]
    assert (second.request_id, len(second.letters)) == ("s", 1)
