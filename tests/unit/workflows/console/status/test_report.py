"""The status as people and programs see it, once and again."""

import io
import json
from collections.abc import AsyncIterator

import pytest
from rich.console import Console

from tests.unit.workflows.console.status.deployments import Deployment, deployment
from workflows.console.status.report import print_status, watch


@pytest.fixture
async def there() -> AsyncIterator[Deployment]:
    async with deployment() as opened:
        opened.aws.letters = (2, 0)
        yield opened


def console(*, is_terminal: bool = False) -> tuple[Console, io.StringIO]:
    output = io.StringIO()
    return Console(file=output, width=200, force_terminal=is_terminal, highlight=False), output


async def test_a_person_reads_what_was_found_and_what_mends_it(there: Deployment) -> None:
    to, output = console()
    print_status(to, await there.look.status(), as_json=False)
    lines = [line.rstrip() for line in output.getvalue().splitlines()]
    assert lines[0] == "unit at 2026-01-05 12:00:00 UTC"
    assert "look  dead letters       2 letters" in lines
    assert "dead letters: python server.py redrive --aws   (docs/runbooks/redrive.md)" in lines


async def test_a_program_reads_json(there: Deployment) -> None:
    to, output = console()
    print_status(to, await there.look.status(), as_json=True)
    assert json.loads(output.getvalue())["verdict"] == "look"


class EnoughError(Exception):
    """The watcher has seen enough."""


@pytest.mark.parametrize("is_terminal", [True, False])
async def test_a_watcher_sees_what_changes(
    there: Deployment, monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool
) -> None:
    async def pause(seconds: float) -> None:
        assert seconds == 5
        if there.aws.letters == (9, 0):
            raise EnoughError
        there.aws.letters = (9, 0)

    monkeypatch.setattr(there.aws, "pause", pause)
    to, output = console(is_terminal=is_terminal)
    with pytest.raises(EnoughError):
        await watch(to, there.look, every=5)
    shown = output.getvalue()
    assert shown.index("2 letters") < shown.index("9 letters")
    assert ("Ctrl-C" in shown) == is_terminal


async def test_what_others_wrote_cannot_deceive_the_terminal(there: Deployment) -> None:
    there.aws.queues = {"\x1b[2J[red]": (0, "1")}
    to, output = console()
    print_status(to, await there.look.status(), as_json=False)
    assert "\x1b" not in output.getvalue()
    assert "[red]" in output.getvalue()
