"""Direct transfers on the real local cloud: once, exact, whoever repeats them and whatever is lost."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from models import tables
from models.errors import Code, Refusal
from models.ledger.movements import TransactionType
from models.ledger.transfers import Transfer
from models.storage.async_calls import AsyncCalls
from tests.integration.conftest import Cloud, GraphQL, Member, RefusedError
from tests.integration.request_client import NOTICES, Joining
from tests.integration.two_members import TwoMembers
from tests.unit.builders import hours

TRANSFER = """mutation M($input: ProcessDirectTransferInput!) { processDirectTransfer(input: $input) {
  id transactionId userId transactionType amount balanceBefore balanceAfter description relatedEntityId } }"""
EVENTS = "query Q($id: ID!) { eventLogsByEntityId(entityId: $id) { items { eventType actorUserId eventData } } }"

Moving = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def move(graphql: GraphQL) -> Moving:
    async def moved(by: Member, kind: str, amount: float, **given: Any) -> dict[str, Any]:
        transfer_input = {"id": str(uuid4()), "transactionType": kind, "amount": amount, **given}
        data = await graphql(by.token, TRANSFER, {"input": transfer_input})
        entry: dict[str, Any] = data["processDirectTransfer"]
        return entry

    return moved


@pytest.fixture
async def pair(calls: AsyncCalls, cloud: Cloud) -> TwoMembers:
    pair = TwoMembers(calls, cloud.names)
    await pair.set_up(0)
    return pair


async def refusal(attempt: Awaitable[Any]) -> tuple[str, Any]:
    with pytest.raises(RefusedError) as refused:
        await attempt
    return refused.value.code, refused.value.errors[0]["errorInfo"]


async def test_a_member_gives_hours_once_and_both_can_see_it(
    graphql: GraphQL, members: Joining, move: Moving
) -> None:
    alice, bob = await members("alice"), await members("bob")
    given = {"id": str(uuid4()), "fromUserId": alice.sub, "toUserId": bob.sub, "description": "For the cake"}
    entry = await move(alice, "TRANSFER", 2.5, **given)
    assert entry["relatedEntityId"] == given["id"]
    assert entry | {"id": "", "transactionId": "", "relatedEntityId": ""} == {
        "id": "", "transactionId": "", "relatedEntityId": "", "userId": alice.sub, "transactionType": "TRANSFER",
        "amount": -2.5, "balanceBefore": 10.0, "balanceAfter": 7.5, "description": "For the cake",
    }  # fmt: skip
    assert await move(alice, "TRANSFER", 2.5, **given) == entry
    eve = await members("eve")
    for other in (
        move(alice, "TRANSFER", 2, **given),
        move(alice, "TRANSFER", 2.5, **{**given, "toUserId": eve.sub}),
        move(alice, "TRANSFER", 2.5, **{**given, "description": "For two cakes"}),
        move(eve, "TRANSFER", 2.5, **{**given, "fromUserId": eve.sub}),
    ):
        assert (await refusal(other))[0] == Code.IDEMPOTENCY_MISMATCH
    notices = (await graphql(bob.token, NOTICES, {"userId": bob.sub}))["notificationsByUserId"]["items"]
    assert [one["message"] for one in notices if one["relatedId"] == given["id"]] == [
        "2.50 hours are yours: “For the cake”"
    ]
    (event,) = (await graphql(alice.token, EVENTS, {"id": given["id"]}))["eventLogsByEntityId"]["items"]
    assert (event["eventType"], event["actorUserId"]) == ("Direct Transfer Processed", alice.sub)
    assert json.loads(event["eventData"])["amount"] == 2.5


async def test_admins_issue_refund_and_take_back(members: Joining, move: Moving) -> None:
    alice, admin = await members("alice"), await members("ada", "admin")
    assert (await move(admin, "ADMIN_ADJUSTMENT", 5, toUserId=alice.sub))["balanceAfter"] == 15
    assert (await move(admin, "REFUND", 1, toUserId=alice.sub))["balanceAfter"] == 16
    taken = await move(admin, "ADMIN_ADJUSTMENT", 6, fromUserId=alice.sub)
    assert (taken["amount"], taken["balanceAfter"]) == (-6, 10)
    code, info = await refusal(move(admin, "ADMIN_ADJUSTMENT", 10.01, fromUserId=alice.sub))
    assert (code, info) == (Code.INSUFFICIENT_BALANCE, {"available": 10.0, "needed": 10.01})


async def test_who_may_not_and_what_cannot_be_is_refused_by_its_field(
    graphql: GraphQL, members: Joining, move: Moving
) -> None:
    alice, bob, admin = await members("alice"), await members("bob"), await members("ada", "admin")
    both = {"fromUserId": alice.sub, "toUserId": bob.sub}
    for attempt, code, field in (
        (move(bob, "TRANSFER", 1, **both), "Unauthorized", "fromUserId"),
        (move(admin, "TRANSFER", 1, **both), "Unauthorized", "fromUserId"),
        (move(alice, "REFUND", 1, toUserId=alice.sub), "Unauthorized", "transactionType"),
        (move(alice, "TRANSFER", 1, fromUserId=alice.sub, toUserId=alice.sub), "BadRequest", "toUserId"),
        (move(admin, "ESCROW", 1, **both), "BadRequest", "transactionType"),
        (move(alice, "TRANSFER", 1, **{**both, "toUserId": str(uuid4())}), "USER_NOT_ACTIVE", "toUserId"),
        (move(alice, "TRANSFER", 1.005, **both), "INVALID_AMOUNT", "amount"),
    ):
        found, info = await refusal(attempt)
        assert (found, info["field"]) == (code, field)
    with pytest.raises(RefusedError):
        await graphql("", TRANSFER, {"input": {"transactionType": "TRANSFER", "amount": 1, **both}})


async def test_a_member_who_is_not_active_gives_and_gets_nothing_but_an_admins_correction(
    pair: TwoMembers, calls: AsyncCalls
) -> None:
    await pair.store.update(tables.User, pair.bob, [tables.User.isActive.set(False)])
    ours = pair.accounts(calls)
    gifts = (
        (pair.make_transfer(pair.alice, pair.bob, "1"), "toUserId"),
        (pair.make_transfer(pair.bob, pair.alice, "1"), "fromUserId"),
    )
    for transfer, field in gifts:
        refused = await ours.transfer(transfer)
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.facts) == (Code.USER_NOT_ACTIVE, {"field": field})
    correction = Transfer(
        id=str(uuid4()), by="ada", type=TransactionType.ADMIN_ADJUSTMENT, amount=hours("3"), from_user_id=pair.bob,
        to_user_id=None, description="Too many",
    )  # fmt: skip
    assert not isinstance(await ours.transfer(correction), Refusal)
    await pair.audit(("10", "0"), ("7", "0"))


async def test_the_function_keeps_the_same_rules(pair: TwoMembers, cloud: Cloud) -> None:
    def invoke(**event: Any) -> dict[str, Any]:
        answer = cloud.client("lambda").invoke(
            FunctionName=cloud.names.function("processDirectTransfer"), Payload=json.dumps(event).encode()
        )
        found: dict[str, Any] = json.load(answer["Payload"])
        return found

    refund = {"id": str(uuid4()), "by": "ada", "transactionType": "REFUND", "amount": 1.5, "toUserId": pair.alice}
    first = await asyncio.to_thread(lambda: invoke(**refund))
    assert first["balanceAfter"] == 11.5
    assert await asyncio.to_thread(lambda: invoke(**refund)) == first
    for changed, code in (({"amount": 2}, "IDEMPOTENCY_MISMATCH"), ({"amount": "x"}, "BadRequest")):
        assert (await asyncio.to_thread(lambda event=refund | changed: invoke(**event)))["code"] == code  # type: ignore[misc]  # bound at once
    assert (await asyncio.to_thread(invoke))["code"] == "BadRequest"
    await pair.audit(("11.5", "0"), ("10", "0"))
