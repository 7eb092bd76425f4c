"""Under a long, steady load nothing is lost and nothing piles up, also while the database stands still."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from random import Random

import pytest

from tests.integration.conftest import Server
from tests.security.load import RATES, Load
from tests.security.measuring import Target, serving

# A machine with two cores also runs the local cloud and the clients: in the short form it need not do its utmost.
SHORT = {"seconds": 6.0, "rate": 60.0, "sockets": 60}
LONG = {"seconds": 300.0, "rate": 200.0, "sockets": 500}
PAUSE_SHORT, PAUSE_LONG = 2.5, 10.0
GROWTH = 60_000_000  # bytes
# Connections to AWS that are kept open come and go by a few.
FEW = 10
SETTLED = 30.0


@pytest.fixture(scope="module")
def loaded(home: Server) -> Iterator[Target]:
    with serving(home, **RATES) as target:
        yield target


async def settled(is_so: Callable[[], bool]) -> bool:
    """Return whether something becomes true soon."""
    for _ in range(int(SETTLED / 0.2)):
        if is_so():
            return True
        await asyncio.sleep(0.2)
    return False


@pytest.mark.long
async def test_a_steady_load_leaves_nothing_behind(loaded: Target, long: bool, seed: int) -> None:  # noqa: FBT001
    size = LONG if long else SHORT
    load = Load(loaded, Random(seed))  # noqa: S311
    await load.join()
    await load.run(seconds=3, rate=size["rate"], sockets=int(size["sockets"]))
    await asyncio.sleep(2)
    memory, descriptors, threads = loaded.memory(), loaded.descriptors(), loaded.threads()
    load.outcomes.clear()
    before = loaded.cpu()
    await load.run(seconds=size["seconds"], rate=size["rate"], sockets=int(size["sockets"]))
    cpu = loaded.cpu() - before
    print(f"{dict(load.outcomes)}, slowest {load.slowest:.2f} s, CPU {cpu:.1f} s")  # noqa: T201 — shown by -rP
    assert set(load.outcomes) <= {"200", "socket"}, load.outcomes
    assert load.outcomes["200"] > 0.8 * size["seconds"] * size["rate"]
    assert await settled(lambda: loaded.descriptors() <= descriptors + FEW), loaded.descriptors() - descriptors
    assert loaded.threads() <= threads + FEW
    assert loaded.memory() - memory < GROWTH
    assert "Traceback" not in loaded.log()


@pytest.mark.long
async def test_what_a_standstill_of_the_database_refuses_succeeds_later(
    loaded: Target,
    home: Server,
    long: bool,  # noqa: FBT001
    seed: int,
) -> None:
    pause = PAUSE_LONG if long else PAUSE_SHORT
    cloud = int(json.loads((home.directory / "cloud.json").read_text())["pid"])
    load = Load(loaded, Random(f"{seed}/standstill"))  # noqa: S311 — other ids than those of the test before
    await load.join()
    running = asyncio.create_task(load.run(seconds=pause + 4, rate=30))
    await asyncio.sleep(1)
    os.kill(cloud, signal.SIGSTOP)
    try:
        await asyncio.sleep(pause)
    finally:
        os.kill(cloud, signal.SIGCONT)
    await running
    print(dict(load.outcomes))  # noqa: T201 — shown by -rP
    assert set(load.outcomes) == {"200", "503"}, load.outcomes
    await asyncio.sleep(3)
    load.outcomes.clear()
    await load.retry()
    assert set(load.outcomes) == {"200"}, load.outcomes
    assert "Traceback" not in loaded.log()
