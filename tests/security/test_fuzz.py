"""Whatever comes in, the server answers or closes, by no error of its own, and stays as large as it was."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from tests.integration.conftest import Server
from tests.security.attacks.catalogue import Attacker
from tests.security.fuzz.documents import Documents
from tests.security.fuzz.messages import frame, message, raw
from tests.security.measuring import Target, serving
from tests.security.wire import APPSYNC, TRANSPORT_WS, connected, upgraded

SHORT, LONG = 4.0, 200.0  # seconds for each of the three
# An answer or the end of a connection; what has no end by itself ends by the server's deadlines.
DEADLINE = 25.0
GROWTH = 80_000_000  # bytes
AT_ONCE = 6
# The deadline of an unfinished request, so that one that breaks off is over soon.
HURRIED = {"HOURBANK_CONNECTIONS_HEADER_SECONDS": "1", "HOURBANK_CONNECTIONS_BODY_SECONDS": "1"}
# Nobody's rates are in the way of what is to be tried.
_EACH = 40

Try = Callable[[Random, Attacker], Awaitable[None]]


@pytest.fixture(scope="module")
def fuzzed(home: Server) -> Iterator[Target]:
    with serving(home, **HURRIED) as target:
        yield target


@asynccontextmanager
async def fuzzing(target: Target, seed: int, *, seconds: float, attempt: Try) -> AsyncIterator[None]:
    """Make attempts, several at once, each worker by its own seed; then look at what they have left behind."""
    end = time.monotonic() + seconds
    tracebacks = target.tracebacks()
    memory: list[int] = []

    async def work(number: int) -> int:
        random, tries = Random(f"{seed}/{number}"), 0  # noqa: S311 — to be repeated, not to be secret
        while time.monotonic() < end:
            if tries % _EACH == 0:
                attacker = Attacker(target)
                await attacker.join()
            async with asyncio.timeout(DEADLINE):
                await attempt(random, attacker)
            tries += 1
            if time.monotonic() > end - seconds / 2 and not memory:
                memory.append(target.memory())
        return tries

    try:
        tries = await asyncio.gather(*(work(number) for number in range(AT_ONCE)))
        print(f"{sum(tries)} attempts")  # noqa: T201 — shown by -rP
        yield
        assert target.tracebacks() == tracebacks, target.log().rpartition("Traceback")[2][:3_000]
        assert target.memory() - memory[0] < GROWTH
        async with target.client() as client:
            assert (await client.get("/healthz")).is_success
    except BaseException as error:
        error.add_note(f"seed {seed}: repeat it with --seed {seed}")
        raise


def length(long: bool) -> float:  # noqa: FBT001 — as the option
    return LONG if long else SHORT


async def test_documents(fuzzed: Target, long: bool, seed: int) -> None:  # noqa: FBT001
    documents: dict[int, Documents] = {}

    async def attempt(random: Random, attacker: Attacker) -> None:
        made = documents.setdefault(id(random), Documents(random))
        operation = made.valid() if random.random() < 0.5 else made.mutated()
        try:
            await attacker.ask(operation.query, operation.variables)
        except AssertionError as error:
            error.add_note(f"{operation}")
            raise

    async with fuzzing(fuzzed, seed, seconds=length(long), attempt=attempt):
        pass


async def test_messages_and_frames(fuzzed: Target, long: bool, seed: int) -> None:  # noqa: FBT001
    documents: dict[int, Documents] = {}

    async def attempt(random: Random, attacker: Attacker) -> None:
        made = documents.setdefault(id(random), Documents(random))
        protocol = random.choice((TRANSPORT_WS, APPSYNC))
        path = "/graphql" if protocol == TRANSPORT_WS else "/graphql/realtime"
        token = random.choice((attacker.token, attacker.token, "", "x.y.z"))
        sent = [message(random, made, token, protocol) for _ in range(random.randint(1, 12))]
        if random.random() < 0.7:
            sent.insert(0, b'{"type":"connection_init","payload":{"Authorization":"' + token.encode() + b'"}}')
        async with upgraded(fuzzed, protocol, path, source=attacker.source) as wire:
            for one in sent:
                await wire.send(frame(random, one))
            said = await wire.rest(within=0.2)
            assert b"InternalFailure" not in said, (said[-500:], sent)

    async with fuzzing(fuzzed, seed, seconds=length(long), attempt=attempt):
        pass


async def test_bytes(fuzzed: Target, long: bool, seed: int) -> None:  # noqa: FBT001
    documents: dict[int, Documents] = {}

    async def attempt(random: Random, attacker: Attacker) -> None:
        made = documents.setdefault(id(random), Documents(random))
        sent = raw(random, fuzzed, made, attacker.token)
        async with connected(fuzzed, source=attacker.source) as wire:
            await wire.send(sent)
            if random.random() < 0.7 and wire.writer.can_write_eof():
                wire.writer.write_eof()
            said = await wire.rest(within=1.5)
        statuses = [int(line[9:12]) for line in said.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        assert all(status < 500 or status in (501, 503, 505) for status in statuses), (said[-500:], sent)
        assert b"InternalFailure" not in said, (said[-500:], sent)

    async with fuzzing(fuzzed, seed, seconds=length(long), attempt=attempt):
        pass
