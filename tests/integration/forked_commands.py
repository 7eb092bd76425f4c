"""Commands of `server.py`, forked from a process that has imported it: each begins at once, and can be killed."""

import os
import sys
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path
from typing import Self

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.integration.forked_imports", __name__])
# Seconds; a run of ten thousand members takes minutes, beside other tests many.
_LONGEST = 3_600.0


def _run(arguments: tuple[str, ...], environment: Mapping[str, str], output: str) -> None:
    """Run a command in this process, which ends with its exit code."""
    os.environ.update(environment)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    from server import cli  # noqa: PLC0415 — imported in the process that is forked

    cli(list(arguments))


class Command:
    """A running command.

    Args:
        arguments: those after `python server.py`.
        environment: its environment variables, beside those of the tests.
        output: the file that it prints to, after what is there.
    """

    def __init__(self, *arguments: str, environment: Mapping[str, str], output: Path) -> None:
        self._output = output
        self._process = _FORKS.Process(target=_run, args=(arguments, dict(environment), str(output)))

    def start(self) -> Self:
        """Start it."""
        self._process.start()
        return self

    @property
    def is_running(self) -> bool:
        """Return whether it runs."""
        return self._process.is_alive()

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._process.kill()
        self._process.join(_LONGEST)

    def ended(self) -> tuple[int | None, str]:
        """Wait for its end, and return its exit code and what it has printed."""
        code = self.exit_code()
        printed = self._output.read_text()
        assert "Traceback" not in printed, printed
        sys.stdout.write(printed)  # pytest shows it if the test fails
        return code, printed

    def exit_code(self) -> int | None:
        """Wait for its end, and return its exit code."""
        self._process.join(_LONGEST)
        return self._process.exitcode
