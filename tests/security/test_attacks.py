"""Every attack of the catalogue is refused, costs next to nothing, and keeps nobody waiting."""

import asyncio
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

import pytest

from tests.integration.conftest import Server
from tests.security.attacks import every_attack
from tests.security.attacks.catalogue import Attack, Attacker
from tests.security.attacks.running import attempt, attempt_together
from tests.security.measuring import WAIT_LIMIT, Target, serving

ATTACKS = every_attack()
QUICK = [attack for attack in ATTACKS if not attack.slow]
KINDS = {
    f"{finding} {kind}": list(attacks)
    for (finding, kind), attacks in groupby(QUICK, attrgetter("finding", "kind"))
}
SLOW = [attack for attack in ATTACKS if attack.slow]
FINDINGS = range(1, 17)
# Of each kind in the short form, beside all that wait for a deadline, which do so together.
FEW = 3

# So that the tests need not wait as long as clients may; what happens after a deadline does not depend on it.
DEADLINES = {
    "HOURBANK_CONNECTIONS_HEADER_SECONDS": "2",
    "HOURBANK_CONNECTIONS_BODY_SECONDS": "2",
    "HOURBANK_CONNECTIONS_HANDSHAKE_SECONDS": "2",
}


@pytest.fixture(scope="module")
def hurried(home: Server) -> Iterator[Target]:
    """Yield a server whose deadlines are short."""
    with serving(home, **DEADLINES) as target:
        yield target


def test_each_finding_has_its_inputs() -> None:
    counts = {finding: sum(attack.finding == finding for attack in ATTACKS) for finding in FINDINGS}
    assert min(counts.values()) >= 4, counts
    assert sum(len(attacks[:FEW]) for attacks in KINDS.values()) + len(SLOW) >= 80
    assert len({str(attack) for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("kind", KINDS)
async def test_each_is_refused_at_once(measured_server: Target, kind: str, long: bool) -> None:  # noqa: FBT001
    verdicts = await attempt(KINDS[kind] if long else KINDS[kind][:FEW], measured_server)
    assert not [str(verdict) for verdict in verdicts if not verdict.is_good]


async def test_what_waits_for_a_deadline_is_ended_by_it(hurried: Target) -> None:
    verdicts = await attempt_together(SLOW, hurried)
    assert not [str(verdict) for verdict in verdicts if not verdict.is_good]


async def test_an_attack_that_succeeds_is_seen(measured_server: Target) -> None:
    """Members may read services: an attack that counts on their being refused has an effect."""

    async def read(attacker: Attacker) -> str:
        said = await attacker.ask("{ listServices { items { id } } }")
        assert "answered" not in said
        return said

    async def stall(_attacker: Attacker) -> str:
        await asyncio.to_thread(measured_server.stall, WAIT_LIMIT + 0.4)
        return "stalled"

    async def work(attacker: Attacker) -> str:
        return await attacker.ask("{ listServices { nextToken } }")

    attacks = [
        Attack(0, "none", "reads", read),
        Attack(0, "none", "stalls", stall),
        Attack(0, "none", "works", work, cpu=0.0001),
    ]
    reads, stalls, works = await attempt(attacks, measured_server)
    assert works.is_only_dear
    assert reads.problems == ["it succeeds"]
    assert stalls.problems == [f"others wait over {1000 * WAIT_LIMIT:.0f} ms"]
