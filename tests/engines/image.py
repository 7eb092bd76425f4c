"""Replays the Dockerfile's steps without Docker: the same commands over the same files, in a folder of their own.

What a container has beside them is not replayed: the base image, the user, the network. The Python that runs the
tests takes the place of the image's.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.integration.conftest import REPOSITORY

_HOME = "/srv/hourbank"
_CONTINUED = re.compile(r"\\\n\s*")


class Image:
    """What the Dockerfile's last stage consists of, once `build` has run.

    Args:
        directory: an empty folder, in which the image's root is made.
    """

    def __init__(self, directory: Path) -> None:
        self.home = directory / _HOME.lstrip("/")
        self.environment: dict[str, str] = {}
        self.user = "root"
        self.health: list[str] = []
        self.command: list[str] = []
        self._entrypoint: list[str] = []

    def build(self) -> None:
        """Run every step; the stages share one folder, because the last one takes all of the first."""
        for instruction, rest in instructions():
            match instruction:
                case "COPY" if not rest.startswith("--from="):
                    self._copy(*rest.split())
                case "RUN" if "useradd" not in rest:
                    self._run(rest)
                case "ENV":
                    self.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
                case "USER":
                    self.user = rest
                case "HEALTHCHECK":
                    self.health = json.loads(rest[rest.index("[") :])
                case "ENTRYPOINT":
                    self._entrypoint = json.loads(rest)
                case "CMD":
                    self.command = [*self._entrypoint, *json.loads(rest)]

    def _copy(self, source: str, target: str) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        for path in context(source):
            is_file = path == Path(source)
            place = self.home / target / (path if is_file else path.relative_to(source))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / path, place)

    def _run(self, script: str) -> None:
        # The image's Python is this one; whatever else the shell finds is the machine's.
        shell = ["/bin/bash", "-euo", "pipefail", "-c", f'python() {{ {sys.executable} "$@"; }}\n{script}']
        done = subprocess.run(shell, cwd=self.home, capture_output=True, text=True, check=False)  # noqa: S603 — our own Dockerfile
        assert done.returncode == 0, done.stderr

    def started(self, **variables: str) -> "subprocess.Popen[bytes]":
        """Start the image's command, with its variables and these."""
        return subprocess.Popen(  # noqa: S603 — our own Dockerfile
            self._resolved(self.command),
            cwd=self.home,
            env={"PATH": os.environ["PATH"], **self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def is_healthy(self, **variables: str) -> bool:
        """Return what the image's own health check says."""
        environment = {**self.environment, **variables}
        command = self._resolved(self.health)
        check = subprocess.run(command, cwd=self.home, env=environment, capture_output=True, check=False)  # noqa: S603 — our own Dockerfile
        return check.returncode == 0

    def _resolved(self, command: list[str]) -> list[str]:
        return [str(self.home / command[0]), *command[1:]]


def instructions() -> Iterator[tuple[str, str]]:
    """Yield the Dockerfile's instructions, each as its word and what follows."""
    text = _CONTINUED.sub(" ", (REPOSITORY / "Dockerfile").read_text())
    for line in text.splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest


def context(source: str) -> Iterator[Path]:
    """Yield the files at a path that .dockerignore leaves to the build, relative to the repository."""
    lines = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    start = REPOSITORY / source
    for path in [start] if start.is_file() else sorted(start.rglob("*")):
        relative = path.relative_to(REPOSITORY)
        kept = True
        for line in lines:  # the last that matches decides
            if _matches(relative, line.lstrip("!")):
                kept = line.startswith("!")
        if kept and path.is_file():
            yield relative


def _matches(path: Path, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatch(part, pattern[3:]) for part in path.parts)
    if pattern.endswith("/**"):
        return path.parts[0] == pattern[:-3]
    return pattern == "*" or path == Path(pattern)
