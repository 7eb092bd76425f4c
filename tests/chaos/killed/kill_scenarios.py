"""The ways that a request can go over HTTP: what real clients do at each step, and where that must lead.

A new way is one more `Plot`; a new thing that people can do is one more line of `ACTS`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.integration.dispute_client import Quarrel

Act = Callable[[Quarrel], Awaitable[Any]]


async def dispute(quarrel: Quarrel) -> None:
    """Alice raises a dispute that was not there before."""
    quarrel.id = str(uuid4())
    await quarrel.raise_it()


def deciding(decision: str, share: float | None = None) -> Act:
    """Return what an admin does who decides so."""

    async def decide(quarrel: Quarrel) -> None:
        await quarrel.assign()
        await quarrel.decide(decision, share)

    return decide


ACTS: Mapping[str, Act] = {
    "accept": lambda quarrel: quarrel.deal.respond(),
    "reject": lambda quarrel: quarrel.deal.respond("REJECTED"),
    "offer": lambda quarrel: quarrel.deal.offer(3, 1.5),
    "take": lambda quarrel: quarrel.deal.negotiate("ACCEPT"),
    "decline": lambda quarrel: quarrel.deal.negotiate("REJECT"),
    "counter": lambda quarrel: quarrel.deal.negotiate("COUNTER", estimatedHours=1.5, agreedRate=1.1),
    "start": lambda quarrel: quarrel.deal.mark("markServiceStarted"),
    "confirm start": lambda quarrel: quarrel.deal.mark("confirmServiceStart"),
    "finish": lambda quarrel: quarrel.deal.mark("markServiceComplete"),
    "confirm work": lambda quarrel: quarrel.deal.mark("confirmServiceCompletion"),
    "cancel": lambda quarrel: quarrel.deal.end("cancelServiceRequest", by=quarrel.deal.alice),
    "withdraw": lambda quarrel: quarrel.deal.end("withdrawServiceRequest", by=quarrel.deal.bob),
    "dispute": dispute,
    "refund": deciding("RefundToRequester"),
    "pay": deciding("PayToProvider"),
    "split": deciding("PartialRefund", 0.75),
    "dismiss": deciding("DismissDispute"),
}


@dataclass(frozen=True, slots=True)
class Plot:
    """One way of a request's.

    Args:
        acts: what people do at each step, in the order of its turns.
        status: where it ends.
        spent: the hours that the provider has of it then.
    """

    acts: Mapping[str, tuple[str, ...]]
    status: str
    spent: str = "0"


_ASKED, _OFFERED, _DECIDED = "WaitForProviderResponse", "WaitForNegotiationResponse", "WaitForAdminDecision"
_BEGUN, _WORKING = "WaitForServiceStart", "WaitForCompletion"
_WORKED: Mapping[str, tuple[str, ...]] = {
    _ASKED: ("accept",),
    _BEGUN: ("start",),
    "ConfirmServiceStart": ("confirm start",),
    _WORKING: ("finish",),
    "ConfirmServiceCompletion": ("confirm work",),
}

PLOTS: Mapping[str, Plot] = {
    "paid": Plot(_WORKED, "PAID", "2"),
    "rejected": Plot({_ASKED: ("reject",)}, "REJECTED"),
    "negotiated": Plot({**_WORKED, _ASKED: ("offer", "offer"), _OFFERED: ("counter", "take")}, "PAID", "4.5"),
    "declined": Plot({_ASKED: ("offer",), _OFFERED: ("decline",)}, "REJECTED"),
    "cancelled": Plot({_ASKED: ("cancel",)}, "REJECTED"),
    "withdrawn": Plot({**_WORKED, _WORKING: ("withdraw",)}, "REJECTED"),
    "confirmed by the clock": Plot({_ASKED: ("accept",), _BEGUN: ("start",), _WORKING: ("finish",)}, "PAID", "2"),
    "refunded": Plot({**_WORKED, _WORKING: ("dispute",), _DECIDED: ("refund",)}, "REJECTED"),
    "decided for the provider": Plot({**_WORKED, _WORKING: ("dispute",), _DECIDED: ("pay",)}, "PAID", "2"),
    "split": Plot({**_WORKED, _BEGUN: ("dispute",), _DECIDED: ("split",)}, "PAID", "0.75"),
    "dismissed": Plot({**_WORKED, _WORKING: ("dispute", "finish"), _DECIDED: ("dismiss",)}, "PAID", "2"),
    "paid, then split": Plot({**_WORKED, "PAID": ("dispute",), _DECIDED: ("split",)}, "PAID", "0.75"),
}
