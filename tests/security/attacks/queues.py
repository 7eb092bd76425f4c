"""One member's refused requests that stand in another's way."""

import asyncio
import time
from typing import Any

from resolvers.hosting.demo_data import sub_of
from tests.security.attacks.catalogue import Attacker, Kind, UnrefusedError, worst
from tests.unit.processor_time import CROWDED

KIND = Kind(7, "others' queues", {"joined": True, "cpu": 3.0})

_TRANSFER = "mutation($input: ProcessDirectTransferInput!) { processDirectTransfer(input: $input) { id } }"
_MANY = 100
_SOON = 2.0 * CROWDED

INPUTS: dict[str, dict[str, Any]] = {
    "more hours than there are": {"amount": 9_999.0},
    "no hours": {"amount": 0.0},
    "hours of a stranger's": {"amount": 1.0, "fromUserId": sub_of("alice")},
    "hours issued by no admin": {"amount": 1.0, "transactionType": "ADMIN_ADJUSTMENT"},
    "fractions of hours": {"amount": 0.000001},
    "a text of 100 KB": {"amount": 9_999.0, "description": "x" * 100_000},
}


@KIND.each(INPUTS)
async def _give_to_bob(attacker: Attacker, given: dict[str, Any]) -> str:
    sent = {"transactionType": "TRANSFER", "toUserId": sub_of("bob"), **given}
    giving = [asyncio.create_task(attacker.ask(_TRANSFER, {"input": sent})) for _ in range(_MANY)]
    await asyncio.sleep(0.05)
    bob = Attacker(attacker.target)
    began = time.perf_counter()
    # Refused only for its amount, which is known after everything that has to be waited for.
    to_alice = {"transactionType": "TRANSFER", "toUserId": sub_of("alice"), "amount": 900.0}
    await bob.ask(_TRANSFER, {"input": to_alice}, token=attacker.target.token("bob"))
    waited = time.perf_counter() - began
    outcomes = await asyncio.gather(*giving)
    if waited > _SOON:
        raise UnrefusedError(f"bob waited {waited:.1f} s")
    return f"bob waited {waited:.2f} s; {worst(outcomes)}"
