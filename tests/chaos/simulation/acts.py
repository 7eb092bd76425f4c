"""What people do to a request, each thing by its name; a new one is one more line of `ACTS`."""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from io import StringIO
from typing import Any

from rich.console import Console

from models import tables
from models.errors import ContentionError
from models.identifiers import derived
from models.ledger.movements import TransactionType
from models.ledger.transfers import Transfer
from models.requests.dispute import Dispute, DisputeType
from models.requests.request import Request
from models.requests.statuses import Response, Step
from tests.chaos.faults import TROUBLE, path
from tests.chaos.simulation.http_entry import ADA, ask
from tests.chaos.simulation.world import World
from tests.unit.builders import hours
from tests.unit.places import terms
from workflows.console.redrive import Redrive
from workflows.console.redrive_prompt import restart_failed
from workflows.executions.sweep import revive

ADMIN, OTHER_ADMIN = ADA.sub, "ida"

Act = Callable[[World, Request], Awaitable[Any]]
ANSWERS: Mapping[str, tuple[Step, Response, Any]] = {
    "accept": (Step.WAIT_FOR_PROVIDER_RESPONSE, Response.ACCEPTED, None),
    "reject": (Step.WAIT_FOR_PROVIDER_RESPONSE, Response.REJECTED, None),
    "offer": (Step.WAIT_FOR_PROVIDER_RESPONSE, Response.COUNTER_OFFER, terms("3", "1.5")),
    "take": (Step.WAIT_FOR_NEGOTIATION_RESPONSE, Response.ACCEPT, None),
    "decline": (Step.WAIT_FOR_NEGOTIATION_RESPONSE, Response.REJECT, None),
    "counter": (Step.WAIT_FOR_NEGOTIATION_RESPONSE, Response.COUNTER, terms("1.5", "1.1")),
    "start": (Step.WAIT_FOR_SERVICE_START, Response.MARKED, None),
    "confirm start": (Step.CONFIRM_SERVICE_START, Response.CONFIRMED, None),
    "finish": (Step.WAIT_FOR_COMPLETION, Response.MARKED, None),
    "confirm work": (Step.CONFIRM_SERVICE_COMPLETION, Response.CONFIRMED, None),
}
_PROVIDER = frozenset({"accept", "reject", "offer", "start", "finish"})
DECISIONS = (
    Response.REFUND_TO_REQUESTER,
    Response.PAY_TO_PROVIDER,
    Response.PARTIAL_REFUND,
    Response.DISMISS_DISPUTE,
)
_RELEASE = "mutation M($input: ReleaseEscrowInput!) { releaseEscrow(input: $input) { id status } }"
_CANCEL = "mutation M($input: CancelEscrowInput!) { cancelEscrow(input: $input) { id status } }"


def _answering(name: str) -> Act:
    wait, response, offered = ANSWERS[name]

    async def act(world: World, request: Request) -> Any:
        by = request.provider_id if name in _PROVIDER else request.requester_id
        return await world.requests.answer(request.id, wait=wait, by=by, response=response, terms=offered)

    return act


def deciding(decision: Response, share: str | None = None, *, by: str = ADMIN) -> Act:
    given = None if share is None else hours(share)

    async def act(world: World, request: Request) -> Any:
        dispute_id = request.disputes[-1].id
        return await world.disputes.resolve(
            dispute_id, by=by, decision=decision, provider_hours=given, resolution="So be it"
        )

    return act


def assigning(by: str) -> Act:
    async def act(world: World, request: Request) -> Any:
        return await world.disputes.assign(request.disputes[-1].id, by=by)

    return act


def _disputing(world: World, request: Request, by: str, against: str, name: str = "") -> Awaitable[Any]:
    raised = Dispute(
        id=derived(request.id, by, name),
        request_id=request.id,
        raised_by=by,
        against_user_id=against,
        dispute_type=DisputeType.SERVICE_QUALITY,
        description="The weeds are still there",
        created_at=world.clock(),
        updated_at=world.clock(),
    )
    return world.disputes.create(raised)


async def dispute(world: World, request: Request) -> Any:
    """The requester disputes."""
    return await _disputing(world, request, request.requester_id, request.provider_id)


async def dispute_again(world: World, request: Request) -> Any:
    """The requester disputes once more."""
    return await _disputing(world, request, request.requester_id, request.provider_id, "again")


async def object_(world: World, request: Request) -> Any:
    """The provider disputes."""
    return await _disputing(world, request, request.provider_id, request.requester_id)


async def be_late(world: World, request: Request) -> None:
    """Nobody does anything until the open wait's deadline is over."""
    assert request.wait is not None
    left = request.wait.deadline - world.clock() + timedelta(seconds=30)
    await world.calls.pause(max(0.0, left.total_seconds()))


async def cancel(world: World, request: Request) -> Any:
    """The requester cancels."""
    return await world.requests.cancel(request.id, by=request.requester_id, message=None)


async def withdraw(world: World, request: Request) -> Any:
    """The provider withdraws."""
    return await world.requests.withdraw(request.id, by=request.provider_id, message=None)


async def pay_out(world: World, request: Request) -> Any:
    """An admin pays what is held to the provider."""
    return await ask(world, ADA, _RELEASE, {"input": {"escrowId": request.escrow_key}})


async def give_back(world: World, request: Request) -> Any:
    """An admin gives what is held back to the requester."""
    return await ask(world, ADA, _CANCEL, {"input": {"escrowId": request.escrow_key}})


async def lock(world: World, request: Request) -> Any:
    """An admin locks the requester's account."""
    return await world.accounts.lock(request.requester_id, by=ADMIN, reason="To be looked into")


async def unlock(world: World, request: Request) -> Any:
    """An admin unlocks the requester's account."""
    return await world.accounts.unlock(request.requester_id, by=ADMIN)


async def spend_all(world: World, request: Request) -> Any:
    """The provider gives every free hour away to the requester, as a gift."""
    gift_id = derived(request.id, "gift")
    item = await world.store.get(tables.UserBalance, request.provider_id, consistent=True)
    assert item is not None
    available = hours(item["availableBalance"]["N"])
    if available == 0:
        return None  # given already
    transfer = Transfer(
        id=gift_id,
        by=request.provider_id,
        type=TransactionType.TRANSFER,
        amount=available,
        from_user_id=request.provider_id,
        to_user_id=request.requester_id,
        description="A gift",
    )
    return await world.accounts.transfer(transfer)


async def begin_again(world: World, request: Request) -> Any:
    """The requester starts the workflow, which may run or be gone."""
    return await world.requests.start(request.id, by=request.requester_id)


def lose(world: World) -> None:
    """Every execution and token is gone, and nobody is told."""
    world.machines.forget()
    world.strike()


async def restart(world: World) -> None:
    """The local cloud is restarted: every execution and token is gone, and the server revives what lives."""
    lose(world)
    await world.persist("revive", _revived, world)


async def _lose(world: World, _request: Request) -> None:
    lose(world)


async def _restart(world: World, _request: Request) -> None:
    await restart(world)


async def _revived(world: World) -> None:
    try:
        await revive(world.sweep)
    except BaseExceptionGroup as group:
        # The server has died over it, and is started again.
        trouble, other = group.split(TROUBLE)
        if other is not None or trouble is None:
            raise
        raise ContentionError(str(trouble)) from group


async def abort(world: World, _request: Request) -> None:
    """Somebody stops the executions that run, in the console."""
    for arn in world.machines.running:
        world.machines.abort(arn)
    world.strike()


async def mend(world: World, _request: Request) -> None:
    """What could do nothing works again."""
    world.down.clear()


async def redrive(world: World, request: Request) -> None:
    """A person restarts what the dead-letter queue tells of, at the command line, until nothing is left there."""
    while is_told_of(world, request):
        path.set("redrive")
        if not await restart_failed(
            Redrive(world.services), Console(file=StringIO()), only_list=False, ask=lambda _: True
        ):
            raise ContentionError("not everything was restarted")
        await world.calls.pause(1)


def is_told_of(world: World, request: Request) -> bool:
    """Tell whether a dead letter is about a request."""
    bodies = (json.loads(letter["Body"]) for letter in world.bus.letters)
    return any(body.get("requestId") == request.id for body in bodies)


ACTS: Mapping[str, Act] = {
    **{name: _answering(name) for name in ANSWERS},
    "cancel": cancel,
    "withdraw": withdraw,
    "dispute": dispute,
    "dispute again": dispute_again,
    "object": object_,
    "assign": assigning(ADMIN),
    "assign another": assigning(OTHER_ADMIN),
    "be late": be_late,
    "grant": deciding(Response.REFUND_TO_REQUESTER),
    "award": deciding(Response.PAY_TO_PROVIDER),
    "divide": deciding(Response.PARTIAL_REFUND, "0.75"),
    "dismiss": deciding(Response.DISMISS_DISPUTE),
    "dismiss as another": deciding(Response.DISMISS_DISPUTE, by=OTHER_ADMIN),
    "pay out": pay_out,
    "give back": give_back,
    "lock": lock,
    "unlock": unlock,
    "spend all": spend_all,
    "begin again": begin_again,
    "lose": _lose,
    "restart": _restart,
    "abort": abort,
    "mend": mend,
    "redrive": redrive,
}
