"""What people and operators do to a request, by name; a new action is one more line of `ACTIONS`.

The names of the members' and admins' actions are those of the events in `tests/unit/places.py`, whose docstring
shows which step each belongs to. Here each goes through the server's own code. There are a few more: what
operators do (restart, abort, redrive), and what happens around a request (an account is locked, hours are spent).
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from io import StringIO
from typing import Any

from rich.console import Console

from models import tables
from models.errors import ContentionError, Refusal
from models.identifiers import derived
from models.ledger.movements import TransactionType
from models.ledger.transfers import Transfer
from models.requests.dispute import Dispute, DisputeType
from models.requests.request import Request
from models.requests.statuses import Response, Step, TransactionStatus
from resolvers.actions.exchanges import Wish
from tests.chaos.faults import CALL_ERRORS, current_purpose
from tests.chaos.simulation.http_entry import ADA, ask
from tests.chaos.simulation.world import World
from tests.unit.builders import hours
from tests.unit.places import terms
from workflows.console.redrive import Redrive
from workflows.console.redrive_prompt import restart_failed
from workflows.executions.sweep import revive

ADMIN, OTHER_ADMIN = ADA.sub, "ida"

Action = Callable[[World, Request], Awaitable[Any]]
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


def _answering(name: str) -> Action:
    wait, response, offered = ANSWERS[name]

    async def action(world: World, request: Request) -> Any:
        by = request.provider_id if name in _PROVIDER else request.requester_id
        return await world.requests.answer(request.id, wait=wait, by=by, response=response, terms=offered)

    return action


def deciding(decision: Response, share: str | None = None, *, by: str = ADMIN) -> Action:
    given = None if share is None else hours(share)

    async def action(world: World, request: Request) -> Any:
        dispute_id = request.disputes[-1].id
        return await world.disputes.resolve(
            dispute_id, by=by, decision=decision, provider_hours=given, resolution="So be it"
        )

    return action


def assigning(by: str) -> Action:
    async def action(world: World, request: Request) -> Any:
        return await world.disputes.assign(request.disputes[-1].id, by=by)

    return action


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
    """The requester raises a dispute."""
    return await _disputing(world, request, request.requester_id, request.provider_id)


async def dispute_again(world: World, request: Request) -> Any:
    """The requester raises a second dispute."""
    return await _disputing(world, request, request.requester_id, request.provider_id, "again")


async def dispute_as_provider(world: World, request: Request) -> Any:
    """The provider raises a dispute."""
    return await _disputing(world, request, request.provider_id, request.requester_id)


async def be_late(world: World, request: Request) -> None:
    """Nobody acts until the open wait's deadline has passed."""
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
    """An admin releases the held hours to the provider."""
    return await ask(world, ADA, _RELEASE, {"input": {"escrowId": request.escrow_key}})


async def give_back(world: World, request: Request) -> Any:
    """An admin refunds the held hours to the requester."""
    return await ask(world, ADA, _CANCEL, {"input": {"escrowId": request.escrow_key}})


def sending(wanted: TransactionStatus, *, by_provider: bool) -> Action:
    """Return how a party sends a status as the app does, again while the request is about to move on."""

    async def action(world: World, request: Request) -> Any:
        by = request.provider_id if by_provider else request.requester_id
        item = await world.store.get(tables.Transaction, request.id, consistent=True)
        assert item is not None
        outcome = await world.exchanges.update(item, Wish(by=by, status=wanted))
        if isinstance(outcome, Refusal) and outcome.is_transient:
            raise ContentionError(outcome.message)
        return outcome

    return action


async def lock(world: World, request: Request) -> Any:
    """An admin locks the requester's account."""
    return await world.accounts.lock(request.requester_id, by=ADMIN, reason="To be looked into")


async def unlock(world: World, request: Request) -> Any:
    """An admin unlocks the requester's account."""
    return await world.accounts.unlock(request.requester_id, by=ADMIN)


async def spend_all(world: World, request: Request) -> Any:
    """The provider transfers every available hour to the requester."""
    transfer_id = derived(request.id, "gift")
    item = await world.store.get(tables.UserBalance, request.provider_id, consistent=True)
    assert item is not None
    available = hours(item["availableBalance"]["N"])
    if available == 0:
        return None  # done by an earlier attempt
    transfer = Transfer(
        id=transfer_id,
        by=request.provider_id,
        type=TransactionType.TRANSFER,
        amount=available,
        from_user_id=request.provider_id,
        to_user_id=request.requester_id,
        description="A gift",
    )
    return await world.accounts.transfer(transfer)


async def begin_again(world: World, request: Request) -> Any:
    """The requester starts the workflow, whose execution may be running or lost."""
    return await world.requests.start(request.id, by=request.requester_id)


def lose_executions(world: World) -> None:
    """Lose every execution and task token, without an event."""
    world.machines.forget()
    world.note_fault()


async def restart(world: World) -> None:
    """Restart the local cloud: every execution and token is lost, and the server revives live requests."""
    lose_executions(world)
    await world.retry("revive", _revive, world)


async def _lose_executions(world: World, _request: Request) -> None:
    lose_executions(world)


async def _restart(world: World, _request: Request) -> None:
    await restart(world)


async def _revive(world: World) -> None:
    try:
        await revive(world.sweep)
    except BaseExceptionGroup as group:
        # The server died meanwhile, and is started again.
        note_fault, other = group.split(CALL_ERRORS)
        if other is not None or note_fault is None:
            raise
        raise ContentionError(str(note_fault)) from group


async def abort(world: World, _request: Request) -> None:
    """An operator stops the running executions in the console."""
    for arn in world.machines.running:
        world.machines.abort(arn)
    world.note_fault()


async def repair(world: World, _request: Request) -> None:
    """Functions that could not do anything work again."""
    world.down.clear()


async def redrive(world: World, request: Request) -> None:
    """An operator redrives the dead letters on the command line, until none is left."""
    while has_dead_letter(world, request):
        current_purpose.set("redrive")
        if not await restart_failed(
            Redrive(world.services), Console(file=StringIO()), only_list=False, ask=lambda _: True
        ):
            raise ContentionError("not everything was restarted")
        await world.calls.pause(1)


def has_dead_letter(world: World, request: Request) -> bool:
    """Return whether a dead letter is about a request."""
    bodies = (json.loads(letter["Body"]) for letter in world.bus.letters)
    return any(body.get("requestId") == request.id for body in bodies)


ACTIONS: Mapping[str, Action] = {
    **{name: _answering(name) for name in ANSWERS},
    "cancel": cancel,
    "withdraw": withdraw,
    "dispute": dispute,
    "dispute again": dispute_again,
    "object": dispute_as_provider,
    "assign": assigning(ADMIN),
    "assign another": assigning(OTHER_ADMIN),
    "be late": be_late,
    "grant": deciding(Response.REFUND_TO_REQUESTER),
    "award": deciding(Response.PAY_TO_PROVIDER),
    "divide": deciding(Response.PARTIAL_REFUND, "0.75"),
    "dismiss": deciding(Response.DISMISS_DISPUTE),
    "dismiss as another": deciding(Response.DISMISS_DISPUTE, by=OTHER_ADMIN),
    "send begun": sending(TransactionStatus.IN_PROGRESS, by_provider=True),
    "send done": sending(TransactionStatus.COMPLETED, by_provider=True),
    "send confirmed": sending(TransactionStatus.COMPLETED, by_provider=False),
    "send no": sending(TransactionStatus.CANCELLED, by_provider=True),
    "send never mind": sending(TransactionStatus.CANCELLED, by_provider=False),
    "pay out": pay_out,
    "give back": give_back,
    "lock": lock,
    "unlock": unlock,
    "spend all": spend_all,
    "begin again": begin_again,
    "lose": _lose_executions,
    "restart": _restart,
    "abort": abort,
    "repair": repair,
    "redrive": redrive,
}
