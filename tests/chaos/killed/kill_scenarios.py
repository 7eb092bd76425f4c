"""The ways that a request can go over HTTP: what real clients do at each step, and how it must end.

A new way is one more `KillScenario`; a new action is one more line of `ACTIONS`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.integration.dispute_client import DisputeClient

Action = Callable[[DisputeClient], Awaitable[Any]]


async def dispute(disputes: DisputeClient) -> None:
    """Alice raises a new dispute."""
    disputes.id = str(uuid4())
    await disputes.raise_it()


def deciding(decision: str, share: float | None = None) -> Action:
    """Return the action of an admin who decides in this way."""

    async def decide(disputes: DisputeClient) -> None:
        await disputes.assign()
        await disputes.decide(decision, share)

    return decide


ACTIONS: Mapping[str, Action] = {
    "accept": lambda disputes: disputes.client.respond(),
    "reject": lambda disputes: disputes.client.respond("REJECTED"),
    "offer": lambda disputes: disputes.client.offer(3, 1.5),
    "take": lambda disputes: disputes.client.negotiate("ACCEPT"),
    "decline": lambda disputes: disputes.client.negotiate("REJECT"),
    "counter": lambda disputes: disputes.client.negotiate("COUNTER", estimatedHours=1.5, agreedRate=1.1),
    "start": lambda disputes: disputes.client.mark("markServiceStarted"),
    "confirm start": lambda disputes: disputes.client.mark("confirmServiceStart"),
    "finish": lambda disputes: disputes.client.mark("markServiceComplete"),
    "confirm work": lambda disputes: disputes.client.mark("confirmServiceCompletion"),
    "cancel": lambda disputes: disputes.client.end("cancelServiceRequest", by=disputes.client.alice),
    "withdraw": lambda disputes: disputes.client.end("withdrawServiceRequest", by=disputes.client.bob),
    "dispute": dispute,
    "refund": deciding("RefundToRequester"),
    "pay": deciding("PayToProvider"),
    "split": deciding("PartialRefund", 0.75),
    "dismiss": deciding("DismissDispute"),
}


@dataclass(frozen=True, slots=True)
class KillScenario:
    """One way that a request can go.

    Args:
        actions: what people do at each step, in the order of its rounds.
        status: its final status.
        spent: the hours that the provider has got in the end.
    """

    actions: Mapping[str, tuple[str, ...]]
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

KILL_SCENARIOS: Mapping[str, KillScenario] = {
    "paid": KillScenario(_WORKED, "PAID", "2"),
    "rejected": KillScenario({_ASKED: ("reject",)}, "REJECTED"),
    "negotiated": KillScenario(
        {**_WORKED, _ASKED: ("offer", "offer"), _OFFERED: ("counter", "take")}, "PAID", "4.5"
    ),
    "declined": KillScenario({_ASKED: ("offer",), _OFFERED: ("decline",)}, "REJECTED"),
    "cancelled": KillScenario({_ASKED: ("cancel",)}, "REJECTED"),
    "withdrawn": KillScenario({**_WORKED, _WORKING: ("withdraw",)}, "REJECTED"),
    "confirmed by the clock": KillScenario(
        {_ASKED: ("accept",), _BEGUN: ("start",), _WORKING: ("finish",)}, "PAID", "2"
    ),
    "refunded": KillScenario({**_WORKED, _WORKING: ("dispute",), _DECIDED: ("refund",)}, "REJECTED"),
    "decided for the provider": KillScenario({**_WORKED, _WORKING: ("dispute",), _DECIDED: ("pay",)}, "PAID", "2"),
    "split": KillScenario({**_WORKED, _BEGUN: ("dispute",), _DECIDED: ("split",)}, "PAID", "0.75"),
    "dismissed": KillScenario({**_WORKED, _WORKING: ("dispute", "finish"), _DECIDED: ("dismiss",)}, "PAID", "2"),
    "paid, then split": KillScenario({**_WORKED, "PAID": ("dispute",), _DECIDED: ("split",)}, "PAID", "0.75"),
}
