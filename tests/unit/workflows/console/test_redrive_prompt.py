"""Failed requests are shown without harm, and restarted when the operator agrees."""

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from tests.unit.workflows.console.letters import FAILED, message
from workflows.console.dead_letters import DeadLetter
from workflows.console.redrive import FailedRequest, Redrive, RedriveOutcome
from workflows.console.redrive_prompt import restart_failed


class Queue(Redrive):
    """A redrive over letters in memory."""

    def __init__(self, *bodies: object, outcome: RedriveOutcome = RedriveOutcome.RESTARTED) -> None:
        self._read = [DeadLetter.read(message(body, number)) for number, body in enumerate(bodies)]
        self._outcome = outcome
        self.restarted: list[str] = []
        self.back: list[str] | None = None

    async def letters(self) -> list[DeadLetter]:
        return self._read

    async def put_back(self, letters: Sequence[DeadLetter]) -> None:
        self.back = [letter.id for letter in letters]

    async def restart(self, failed: FailedRequest) -> RedriveOutcome:
        self.restarted.append(failed.request_id)
        return self._outcome


async def shown(queue: Queue, *, only_list: bool = False, answer: bool = True) -> tuple[str, bool]:
    output = io.StringIO()
    console = Console(file=output, width=160)
    done = await restart_failed(queue, console, only_list=only_list, ask=lambda _: answer)
    return output.getvalue(), done


async def test_a_list_restarts_nothing() -> None:
    queue = Queue(FAILED, FAILED, "poison")
    text, done = await shown(queue, only_list=True)
    assert done
    expected = ("CreateEscrow", "TypeError: no username", "2026-01-01T00:00:00.000Z", "poison")
    assert all(part in text for part in expected)
    assert (queue.restarted, queue.back) == ([], ["m0", "m1", "m2"])


async def test_nothing_is_restarted_that_was_not_agreed_to() -> None:
    queue = Queue(FAILED)
    await shown(queue, answer=False)
    assert (queue.restarted, queue.back) == ([], ["m0"])


async def test_what_is_restarted_is_told_and_what_is_not_stays() -> None:
    queue = Queue(FAILED, "poison")
    text, done = await shown(queue)
    assert done
    assert "r restarted" in text
    assert (queue.restarted, queue.back) == (["r"], ["m1"])
    queue = Queue(FAILED, outcome=RedriveOutcome.FAILED)
    assert (await shown(queue))[1] is False
    assert queue.back == ["m0"]


async def test_an_interruption_puts_everything_back() -> None:
    queue = Queue(FAILED, "poison")

    def interrupt(_question: str) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await restart_failed(queue, Console(file=io.StringIO()), only_list=False, ask=interrupt)
    assert queue.back == ["m0", "m1"]


async def test_poison_does_nothing_to_the_console() -> None:
    wild = ["[/]", "[red]", "\x1b[2J\x07", "\u202e", "x" * 100_000]
    text, done = await shown(Queue(*wild, *({**FAILED, "error": one, "requestId": one} for one in wild)))
    assert done
    assert "[/]" in text
    assert "[red]" in text
    assert not set("\x1b\x07\u202e") & set(text)
    assert len(text) < 10_000


async def test_an_empty_queue_is_said_to_be_empty() -> None:
    assert "Nothing has failed" in (await shown(Queue()))[0]
