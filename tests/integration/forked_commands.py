"""Servers and commands, forked from a process that has imported them: each begins at once, and can be killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Self

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.integration.forked_imports", __name__])
# Seconds; a run of ten thousand members takes minutes, beside other tests many.
_LONGEST = 3_600.0
SERVER = "server"


def _run(module: str, arguments: tuple[str, ...], environment: Mapping[str, str], output: str) -> None:
    """Run a module's `cli` in this process, which ends with its exit code."""
    os.environ.clear()
    os.environ.update(environment)
    printing = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard, opened in ((0, os.open(os.devnull, os.O_RDONLY)), (1, printing), (2, printing)):
        os.dup2(opened, standard)
    import_module(module).cli(list(arguments))


class Forked:
    """A running process, with those methods of subprocess's `Popen` that the tests use.

    Args:
        module: what has the `cli` that it runs; whatever it imports should be among `forked_imports`.
        arguments: those after `python server.py`.
        environment: all of its environment variables.
        output: the file that it prints to, after what is there.
    """

    def __init__(self, module: str, *arguments: str, environment: Mapping[str, str], output: Path) -> None:
        given = module, arguments, dict(environment), str(output)
        self._process = _FORKS.Process(target=_run, args=given, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """Return its id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Return its exit code, None while it runs; if a signal has ended it, the signal's number below 0."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code once it has ended.

        Raises:
            TimeoutExpired: it takes longer.
        """
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired("server.py", timeout)
        return code

    def send_signal(self, sign: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, sign)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Command:
    """A command of `server.py`.

    Args:
        arguments: those after `python server.py`.
        environment: its environment variables, beside those of the tests.
        output: the file that it prints to, after what is there.
    """

    def __init__(self, *arguments: str, environment: Mapping[str, str], output: Path) -> None:
        self._arguments = arguments
        self._environment = environment
        self._output = output
        self._process: Forked | None = None

    def start(self) -> Self:
        """Start it."""
        environment = {**os.environ, **self._environment}
        self._process = Forked(SERVER, *self._arguments, environment=environment, output=self._output)
        return self

    @property
    def is_running(self) -> bool:
        """Return whether it runs."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        assert self._process
        self._process.kill()
        self._process.wait(_LONGEST)

    def ended(self) -> tuple[int, str]:
        """Wait for its end, and return its exit code and what it has printed."""
        code = self.exit_code()
        printed = self._output.read_text()
        assert "Traceback" not in printed, printed
        sys.stdout.write(printed)  # pytest shows it if the test fails
        return code, printed

    def exit_code(self) -> int:
        """Wait for its end, and return its exit code."""
        assert self._process
        return self._process.wait(_LONGEST)


def printed(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run a command of `server.py`, and return its exit code and what it has printed, errors included.

    Args:
        arguments: those after `python server.py`.
        environment: its environment variables, beside those of the tests.
    """
    with NamedTemporaryFile() as output:
        code = Command(*arguments, environment=environment, output=Path(output.name)).start().exit_code()
        return code, output.read().decode()
