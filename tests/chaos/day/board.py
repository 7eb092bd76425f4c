"""What operators see of a running HourBank, and how long it takes until they see something."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.integration.runbooks import Shell

_LOOK_EVERY = 1.0
_STATUS = ".venv/bin/python server.py status --json || test $? -eq 1"
_ALARMS = 'aws cloudwatch describe-alarms --state-value ALARM --query "MetricAlarms[].AlarmName" --output json'

Reading = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Board:
    """The operators' screen.

    Args:
        shell: a shell beside the running server, as the runbooks prepare it.
    """

    shell: Shell

    async def readings(self) -> dict[str, Reading]:
        """Return the lines of `status`, by their names."""
        said = json.loads(await self._printed(_STATUS))
        return {one["name"]: one for one in said["readings"]}

    async def alarms(self) -> list[str]:
        """Return the names of the alarms that are on."""
        names: list[str] = json.loads(await self._printed(_ALARMS))
        return names

    async def until(self, what: str, is_so: Callable[[Reading], bool], *, within: float) -> float:
        """Wait until a line of `status` is as it should be, and return how many seconds that took.

        Args:
            what: the line's name.
            is_so: what is waited for.
            within: seconds.
        """
        began = time.monotonic()
        while not is_so(found := (await self.readings())[what]):
            assert time.monotonic() - began < within, f"after {within:g} s still {found}"
            await asyncio.sleep(_LOOK_EVERY)
        return time.monotonic() - began

    async def until_alarm(self, name: str, *, within: float) -> float:
        """Wait until an alarm is on whose name has this in it, and return how many seconds that took."""
        began = time.monotonic()
        while name not in " ".join(found := await self.alarms()):
            assert time.monotonic() - began < within, f"after {within:g} s there are only {found}"
            await asyncio.sleep(_LOOK_EVERY)
        return time.monotonic() - began

    async def _printed(self, command: str) -> str:
        done = await asyncio.to_thread(self.shell.run, command)
        assert done.returncode == 0, done.stdout
        return done.stdout


def needs_look(naming: str = "") -> Callable[[Reading], bool]:
    """Return a test of a line: somebody must look into it, and it names something."""
    return lambda reading: reading["verdict"] == "look" and naming in reading["says"]


def is_fine(without: str = "") -> Callable[[Reading], bool]:
    """Return a test of a line: nobody must look into it, or at least not because of what it named."""
    return lambda reading: reading["verdict"] == "ok" or bool(without and without not in reading["says"])
