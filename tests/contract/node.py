"""Node.js, the packages of `clients/`, and the scripts that run with them."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from types import MappingProxyType

import pytest

CLIENTS = Path(__file__).parent / "clients"
OLDEST = 18
_INSTALL_LIMIT = 600
_SCRIPT_LIMIT = 120


class Script:
    """A running script."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin
        assert process.stdout
        self._process = process
        self._input = process.stdin
        self._output = process.stdout

    def await_question(self) -> None:
        """Wait until the script asks for something."""
        line = self._output.readline()
        assert line.startswith("?"), line + self._process.communicate()[0]

    def answer(self, line: str) -> None:
        """Answer the script's question."""
        self._input.write(f"{line}\n")
        self._input.flush()

    def finish(self) -> None:
        """Assert that the script ends with success."""
        output, _ = self._process.communicate()
        assert self._process.returncode == 0, output


@dataclass(frozen=True, slots=True)
class Node:
    """Runs the scripts of `clients/`; created by `Node.installed()`."""

    path: str

    @classmethod
    def installed(cls) -> "Node":
        """Install the packages of the lock files; fail with a line that says what is missing."""
        path = _tool("node")
        version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 — node, by its path
        if int(version.removeprefix("v").partition(".")[0]) < OLDEST:
            pytest.fail(f"Node.js {version} is too old: install {OLDEST} or newer", pytrace=False)
        for folder in (CLIENTS, CLIENTS / "amplify_v5"):
            _install(folder)
        return cls(path)

    @contextmanager
    def started(self, *arguments: str, variables: Mapping[str, str] = MappingProxyType({})) -> Iterator[Script]:
        """Start a script with only these variables, and kill it if it takes too long."""
        with subprocess.Popen(  # noqa: S603 — node, by its path
            [self.path, *arguments],
            cwd=CLIENTS,
            env={"PATH": os.environ["PATH"], **variables},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            limit = Timer(_SCRIPT_LIMIT, process.kill)
            limit.start()
            try:
                yield Script(process)
            finally:
                limit.cancel()
                process.kill()

    def run(self, *arguments: str, variables: Mapping[str, str] = MappingProxyType({})) -> None:
        """Run a script and assert that it ends with success."""
        with self.started(*arguments, variables=variables) as script:
            script.finish()


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing: install Node.js {OLDEST} or newer, with npm", pytrace=False)
    return found


def _install(folder: Path) -> None:
    """Install what a folder's lock names, unless it is installed already; one process at a time."""
    with (folder / "package-lock.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        _install_alone(folder)


def _install_alone(folder: Path) -> None:
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".locked"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    command = [_tool("npm"), "ci", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_INSTALL_LIMIT, check=False)  # noqa: S603 — npm, by its path
    if done.returncode:
        pytest.fail(f"npm could not install {folder}:\n{done.stdout}{done.stderr}", pytrace=False)
    stamp.write_text(wanted)
