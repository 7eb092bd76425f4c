"""Runs attacks against a server, one by one or, those that wait for its deadlines, together."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.security.attacks.catalogue import Attack, Attacker
from tests.security.measuring import WAIT_LIMIT, Cost, Target, measuring, watching

_BREATH = 0.03  # seconds
_MORE_TRIES = 2
_LONGEST = 90.0  # seconds that an attack may take; what takes longer hangs


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an attack.

    Attributes:
        attack: that was tried.
        refused: how it was refused, or what it achieved.
        cost: what it cost; of those that ran together, what all of them cost.
        allowed: seconds of CPU that it may have cost.
        succeeded: whether it had an effect that it must not have.
    """

    attack: Attack
    refused: str
    cost: Cost
    allowed: float
    succeeded: bool

    @property
    def problems(self) -> list[str]:
        """Return what is wrong, in words."""
        others = self.cost.others
        found = {
            "it succeeds": self.succeeded,
            f"over {1000 * self.allowed:.0f} ms of CPU": self._is_dear,
            f"others wait over {1000 * WAIT_LIMIT:.0f} ms": others.p99 > WAIT_LIMIT,
            "others are not answered": others.lost + others.refused > 0,
        }
        return [problem for problem, is_so in found.items() if is_so]

    @property
    def _is_dear(self) -> bool:
        return self.cost.cpu > self.allowed

    @property
    def is_good(self) -> bool:
        """Return whether nothing is wrong."""
        return not self.problems

    @property
    def is_only_dear(self) -> bool:
        """Return whether it took too much CPU, and nothing else is wrong."""
        return self._is_dear and len(self.problems) == 1

    def __str__(self) -> str:
        return f"{self.attack}: {', '.join(self.problems) or 'refused'} ({self.refused}; {self.cost})"


async def attempt(attacks: Sequence[Attack], target: Target) -> list[Verdict]:
    """Try attacks, one after the other; of one that only takes too much CPU, the cheapest of several tries counts.

    What the rest of the machine does adds to the CPU that an attack takes, and never takes from it.
    """
    verdicts = await _attempt(attacks, target, 0)
    for tries in range(1, 1 + _MORE_TRIES):
        dear = [verdict.attack for verdict in verdicts if verdict.is_only_dear]
        again = {verdict.attack: verdict for verdict in await _attempt(dear, target, tries)} if dear else {}
        verdicts = [_counting(one, again.get(one.attack, one)) for one in verdicts]
    return verdicts


def _counting(one: Verdict, again: Verdict) -> Verdict:
    """Return which of two verdicts of an attack counts: the cheaper one, unless the second has another problem."""
    if not again.is_good and not again.is_only_dear:
        return again
    return min(one, again, key=lambda verdict: verdict.cost.cpu)


async def _attempt(attacks: Sequence[Attack], target: Target, tries: int) -> list[Verdict]:
    attackers = [await _ready(attack, target, tries) for attack in attacks]
    tried = []
    async with watching(target) as watch:
        for attack, attacker in zip(attacks, attackers, strict=True):
            # Whatever the one before left behind is not this one's.
            await asyncio.sleep(_BREATH)
            with watch.costing() as cost:
                refused, succeeded = await _try(attack, attacker)
                await asyncio.sleep(_BREATH)  # for what it has started, and has not waited for
            tried.append((attack, refused, cost, attack.cpu, succeeded))
    return [Verdict(*one) for one in tried]


async def attempt_together(attacks: Sequence[Attack], target: Target) -> list[Verdict]:
    """Try attacks at the same time."""
    attackers = [await _ready(attack, target) for attack in attacks]
    async with measuring(target) as cost:
        tried = await asyncio.gather(*(map(_try, attacks, attackers)))
    allowed = sum(attack.cpu for attack in attacks)
    return [
        Verdict(attack, refused, cost, allowed, succeeded)
        for attack, (refused, succeeded) in zip(attacks, tried, strict=True)
    ]


async def _ready(attack: Attack, target: Target, tries: int = 0) -> Attacker:
    attacker = Attacker(target, tries)
    if attack.joined:
        await attacker.join()
    return attacker


async def _try(attack: Attack, attacker: Attacker) -> tuple[str, bool]:
    """Return how an attack was refused, and whether it was not."""
    try:
        async with asyncio.timeout(_LONGEST):
            return await attack.run(attacker), False
    except TimeoutError:
        return "it hangs", True
    except Exception as error:  # noqa: BLE001 — whatever it is, it is the verdict
        return f"{type(error).__name__}: {error}"[:300], True
