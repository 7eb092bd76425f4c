"""Finishes deletions that a server began and did not finish: it was killed, or they were of too many rows."""

import asyncio

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models.errors import HourBankError
from models.integrity.departures import Departures

_log = structlog.get_logger(__name__)

# An idle server asks for one key of one table as often as this.
INTERVAL_SECONDS = 10.0


async def watch(departures: Departures, *, interval: float = INTERVAL_SECONDS) -> None:
    """Finish unfinished deletions again and again; several servers may do so at once.

    Args:
        departures: finishes them.
        interval: the seconds between two looks.
    """
    while True:
        try:
            await departures.resume()
        except (HourBankError, ClientError, BotoCoreError) as error:
            _log.warning("a deletion is not finished yet", exc_info=error)
        await asyncio.sleep(interval)
