"""The health checks: `/healthz` for load balancers and supervisors, `/readyz` for monitoring and for people.

A balancer must not ask for `/readyz`: when AWS does not answer, no server is ready, and to take all of them away
would also end the sockets that go on as soon as AWS answers again.
"""

import asyncio
import time
from collections.abc import Awaitable, Collection, Iterable
from itertools import cycle

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from models.errors import ExpectedError, UnavailableError
from models.storage.outages import is_silence, is_throttling, reason_of
from models.storage.store import Store
from models.tables import Table
from resolvers.feed.change_feed import ChangeFeed

_log = structlog.get_logger(__name__)

# Seconds for which a result is reused, because AWS limits how often an account may describe its state machines.
_CACHED_SECONDS = 1.0
_TIMEOUT_SECONDS = 1.5
# For so long a server that starts asks again, because AWS may be slow right after a deployment.
_START_SECONDS = 10.0
_FEED = "change feed"


class Health:
    """Serves `GET /healthz` and `GET /readyz`.

    Args:
        store: where the tables are.
        feed: the change feed.
        tables: the tables that must exist.
        machines: the names of the state machines that must exist.
    """

    def __init__(
        self, store: Store, feed: ChangeFeed, *, tables: Iterable[type[Table]], machines: Collection[str]
    ) -> None:
        self._store = store
        self._feed = feed
        names = store.names
        self._tables = {f"table {names.table(table)}": names.table(table) for table in tables}
        self._machines = {f"state machine {names.state_machine(name)}": name for name in machines}
        # One of each is looked at by each check.
        self._turns = [cycle(parts) for parts in (self._tables, self._machines) if parts]
        self._checking = asyncio.Lock()
        self._missing: list[str] = []
        self._silence: Exception | None = None
        self._checked_at = float("-inf")

    @property
    def routes(self) -> list[BaseRoute]:
        """Return the two routes."""
        return [Route("/healthz", self.alive), Route("/readyz", self.ready)]

    async def alive(self, _request: Request) -> Response:
        """Answer 200, which shows that the event loop is running."""
        return JSONResponse({"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        """Answer 200 if what the server needs can be reached, else 503 with what is missing.

        A server that has a queue of changes also says for how many seconds the last of them had waited in it.
        """
        missing = await self.missing()
        if missing:
            return JSONResponse({"status": "not ready", "missing": missing}, status_code=503)
        lag = self._feed.lag
        return JSONResponse({"status": "ready"} | ({} if lag is None else {"changeFeedLag": round(lag, 3)}))

    async def check_deployment(self) -> None:
        """Check that everything that the server needs can be reached, before it starts.

        Raises:
            ExpectedError: AWS does not answer, or the stack is not deployed.
        """
        end = time.monotonic() + _START_SECONDS
        while True:
            missing = self._missing = await self._check([*self._tables, *self._machines, _FEED])
            if self._silence is None:
                break
            if time.monotonic() > end:
                raise _silence_error(self._silence)
            await asyncio.sleep(_CACHED_SECONDS)
        if missing:
            raise ExpectedError(f"Run `python server.py deploy` first; {missing[0]} and others do not exist.")

    async def missing(self) -> list[str]:
        """Return the tables and state machines, and the change feed, that cannot be reached now.

        Each check asks for one table and one machine, in turn, and for whatever was missing before: AWS limits how
        often an account may describe its tables and machines, and every server is asked every few seconds.
        """
        async with self._checking:
            if time.monotonic() - self._checked_at > _CACHED_SECONDS:
                in_turn = [next(turn) for turn in self._turns]
                self._missing = await self._check(list(dict.fromkeys([*in_turn, *self._missing, _FEED])))
                self._checked_at = time.monotonic()
            return self._missing

    async def _check(self, parts: Collection[str]) -> list[str]:
        """Return those of the parts, named as `/readyz` does, that cannot be reached."""
        self._silence = None
        results = await asyncio.gather(*(self._reached(self._asked(part)) for part in parts))
        return [name for name, reached in zip(parts, results, strict=True) if not reached]

    def _asked(self, part: str) -> Awaitable[bool]:
        if part in self._tables:
            return self._has_table(self._tables[part])
        if part in self._machines:
            return self._has_machine(self._machines[part])
        return self._feed.healthy()

    async def _reached(self, part: Awaitable[bool]) -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                return await part
        except (ClientError, BotoCoreError, UnavailableError, TimeoutError) as error:
            # A table may exist that AWS has no capacity to describe.
            if not isinstance(error, ClientError) or is_silence(error) or is_throttling(error):
                self._silence = error
            _log.debug("not reached", error=repr(error))
            return False

    async def _has_table(self, name: str) -> bool:
        answer = await self._store.calls.call("dynamodb", "describe_table", TableName=name)
        # A table that is being updated can be read and written.
        return answer["Table"]["TableStatus"] in ("ACTIVE", "UPDATING")

    async def _has_machine(self, name: str) -> bool:
        arn = self._store.names.state_machine_arn(name)
        answer = await self._store.calls.call("stepfunctions", "describe_state_machine", stateMachineArn=arn)
        return bool(answer["status"] == "ACTIVE")


def _silence_error(silence: Exception) -> ExpectedError:
    reason = reason_of(silence) or f"nothing came within {_TIMEOUT_SECONDS:g} s"
    return ExpectedError(
        f"AWS does not answer; check AWS_ENDPOINT_URL, AWS_REGION and the network, and start again: {reason}"
    )
