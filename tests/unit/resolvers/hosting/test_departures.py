"""A server goes on with deletions that others left unfinished, whatever goes wrong meanwhile."""

import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from structlog.testing import capture_logs

from models.errors import UnavailableError
from resolvers.hosting.departures import watch

if TYPE_CHECKING:
    from models.integrity.departures import Departures


class Unfinished:
    """Departures of which one look fails."""

    def __init__(self) -> None:
        self.looks = 0

    async def resume(self) -> int:
        """Count the look."""
        self.looks += 1
        if self.looks == 1:
            raise UnavailableError
        if self.looks == 3:
            raise asyncio.CancelledError
        return 0


async def test_a_look_that_fails_is_logged_and_the_next_one_comes() -> None:
    unfinished = Unfinished()
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await watch(cast("Departures", unfinished), interval=0)
    assert unfinished.looks == 3
    assert [line["event"] for line in logs] == ["a deletion is not finished yet"]
