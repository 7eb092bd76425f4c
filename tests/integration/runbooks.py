"""The runbooks of docs/runbooks/: their commands, run one after the other in one shell, as people paste them."""

import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.conftest import REPOSITORY

FOLDER = REPOSITORY / "docs" / "runbooks"
# What every runbook asks for first.
PREPARATION = "README"
# Only there; here, it is checked that each command is one that AWS's and our own command line understand.
_ON_AWS = "on-aws"
_FENCED = re.compile(
    r"^(?P<level>#{2,3}) (?P<heading>[^\n]+)$|^```sh(?: (?P<info>\S+))?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_CONTINUED = re.compile(r"\\\n\s*")
_ASKS = re.compile(r"\b(aws|server\.py) ")
# How our command line and AWS's say that they understood a command, and nobody answers.
_NOBODY_THERE = ("Could not connect to the endpoint URL", "AWS cannot be used")
_ALONE = "AWS_ENDPOINT_URL=http://127.0.0.1:9 AWS_MAX_ATTEMPTS=1"
_SOON = 40.0
_LONGEST = 300.0


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of commands, and the heading above it."""

    heading: str
    text: str
    on_aws: bool = False


def blocks_of(name: str) -> list[Block]:
    """Return the blocks of a runbook, in their order."""
    found, heading = [], ""
    for match in _FENCED.finditer((FOLDER / f"{name}.md").read_text()):
        if match["level"]:
            heading = match["heading"]
        else:
            found.append(Block(heading, match["text"], on_aws=match["info"] == _ON_AWS))
    return found


@dataclass(slots=True)
class Shell:
    """A person's shell: what one block has set, the next one finds.

    Args:
        folder: where it runs.
        environment: its variables at first.
    """

    folder: Path
    environment: Mapping[str, str]
    functions: str = ""

    @property
    def _variables(self) -> Path:
        return self.folder / "variables.sh"

    def run(self, text: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run commands, up to the first one that fails."""
        self._variables.touch()
        given = "".join(f"{name}={shlex.quote(value)}\n" for name, value in more.items())
        script = f'set -eua\ntrap \'export -p > "{self._variables}"\' EXIT\n. "{self._variables}"\n{given}'
        # What a block leaves running in the background holds no pipe of ours open.
        output = self.folder / "output.txt"
        output.unlink(missing_ok=True)
        with output.open("a") as written:
            done = subprocess.run(  # noqa: S603 — the runbooks' own commands
                ["/bin/sh", "-c", f"{script}{self.functions}\n{text}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_LONGEST,
                check=False,
            )
        done.stdout = output.read_text()
        return done


@dataclass(slots=True)
class Runbook:
    """A runbook, its blocks, and the shell that they run in."""

    name: str
    shell: Shell
    left: list[Block] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = blocks_of(self.name)

    def run(self, heading: str, **placeholders: object) -> str:
        """Run what stands below a heading, and return what it has printed.

        Args:
            heading: the heading.
            placeholders: the values of the variables that the runbook leaves to the reader.
        """
        printed = ""
        for block in self._take(heading):
            given = {name: str(value) for name, value in placeholders.items()}
            if block.on_aws:
                self._check_form(block, given)
                continue
            done = self.shell.run(block.text, **given)
            printed += done.stdout
            assert done.returncode == 0, f"{block.text}\n{printed}"
            assert '"errors"' not in done.stdout, f"{block.text}\n{printed}"
        return printed

    def wait(self, heading: str, **placeholders: object) -> str:
        """Run what stands below a heading, again and again, until it ends well."""
        end = time.monotonic() + _SOON
        (block,) = self._take(heading)
        while True:
            done = self.shell.run(block.text, **{name: str(value) for name, value in placeholders.items()})
            if not done.returncode:
                return done.stdout
            assert time.monotonic() < end, f"{block.text}\n{done.stdout}"
            time.sleep(0.2)

    def _take(self, heading: str) -> list[Block]:
        found = [block for block in self.left if block.heading == heading]
        assert found, f"{self.name} has nothing (more) to run below {heading!r}"
        self.left = [block for block in self.left if block.heading != heading]
        return found

    def _check_form(self, block: Block, given: Mapping[str, str]) -> None:
        """Check that each command of a block is understood: it gets as far as asking AWS, which is not there."""
        for line in _CONTINUED.sub(" ", block.text).splitlines():
            if not _ASKS.search(line):
                continue
            done = self.shell.run(f"({_ALONE}; {line})", **given)
            assert any(said in done.stdout for said in _NOBODY_THERE), f"{line}\n{done.stdout}"


def environment(directory: Path, port: int) -> dict[str, str]:
    """Return the variables of a shell beside a running local server."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HOURBANK_"))}
    return {**others, "HOURBANK_LOCAL": str(directory), "PORT": str(port), "COLUMNS": "200"}


def opened(function: str, shell: Shell) -> Iterator[Runbook]:
    """Yield the runbook that a test has its name from, and of which it must run every block.

    Args:
        function: the test's name: test_stuck_request runs docs/runbooks/stuck-request.md.
        shell: where.
    """
    name = function.removeprefix("test_").replace("_", "-")
    found = Runbook(name, shell)
    yield found
    assert found.left == [], f"{name}.md has blocks that nothing runs"
