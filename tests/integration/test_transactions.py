"""Transactions on a real engine: concurrent, repeated, cut off, and conflicting, with one effect each."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from models import clock, tables
from models.errors import Code, ContentionError, Refusal
from models.ledger.balances import Balance
from models.requests import answers, endings, payment, recovery, steps
from models.requests.statuses import RequestStatus, Response, StatusReason, Step
from models.storage.async_calls import AsyncCalls
from models.storage.calls import BlockingCalls, drive
from models.storage.codec import decode, encode
from models.storage.names import Names
from models.storage.store import Store
from models.transactions import retrying
from models.transactions.members import Joined, Members
from models.transactions.moves import Moved, RequestRule, Transactions
from tests.chaos.faults import Fault, FaultyCalls, each_write
from tests.integration.conftest import LONG_LINES
from tests.integration.two_members import TwoMembers, user
from tests.unit.builders import hours, make_request

EVENTS = (
    "begin", "validate", "hold", "ask", "accept", "await start", "start", "ask start", "confirm start",
    "await work", "finish", "ask work", "confirm work", "complete", "pay", "rate",
)  # fmt: skip


@pytest.fixture
async def calls(names: Names) -> AsyncIterator[AsyncCalls]:  # noqa: ARG001 — its environment leads to the engine
    async with AsyncCalls(["dynamodb"], lines=LONG_LINES) as opened:
        yield opened


@pytest.fixture
def pair(calls: AsyncCalls, names: Names) -> TwoMembers:
    return TwoMembers(calls, names)


async def test_alice_asks_bob_for_two_hours(pair: TwoMembers) -> None:
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id)
    await pair.audit(("10", "0"), ("10", "0"))
    await pair.reach(request_id, *EVENTS[:3])
    await pair.audit(("8", "2"), ("10", "0"))
    request = await pair.reach(request_id, *EVENTS[3:])
    await pair.audit(("8", "0"), ("12", "0"))
    assert request.is_over
    exchanges = await pair.store.query(tables.Transaction, tables.Transaction.byServiceId, service_id, limit=10)
    assert len(exchanges.items) == 1


async def test_joining_again_and_again_gives_one_bonus(pair: TwoMembers) -> None:
    joined = await asyncio.gather(*(pair.members.join(user(pair.alice)) for _ in range(5)))
    assert sorted(one.existed for one in joined if isinstance(one, Joined)) == [False, True, True, True, True]
    assert (await pair.balance(pair.alice)).total_balance == hours("10")
    assert len(await pair.entries(pair.alice)) == 1


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNSENT])
async def test_a_bonus_whose_answer_was_lost_is_given_once(
    pair: TwoMembers, calls: AsyncCalls, fault: Fault
) -> None:
    store = Store(FaultyCalls(calls, each_write(fault)), pair.store.names)
    await Members(store, Transactions(store, clock.now), clock.now).join(user(pair.alice))
    assert (await pair.balance(pair.alice)).total_balance == hours("10")


async def test_a_member_who_comes_back_gets_no_second_bonus(pair: TwoMembers) -> None:
    await pair.members.join(user(pair.alice))
    await pair.store.delete(tables.User, pair.alice)
    again = await pair.members.join(user(pair.alice))
    assert isinstance(again, Joined)
    assert not again.existed
    assert (await pair.balance(pair.alice)).total_balance == hours("10")


async def test_every_step_by_four_threads_at_once_has_one_effect(pair: TwoMembers) -> None:
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id)
    transactions = pair.transactions_over(BlockingCalls())

    def run(rule: RequestRule) -> None:
        drive(transactions.move(request_id, rule))

    for event in EVENTS:
        await asyncio.gather(*(asyncio.to_thread(run, pair.rule(event)) for _ in range(4)))
    await pair.audit(("8", "0"), ("12", "0"))
    assert len(await pair.entries(pair.bob)) == 2


async def test_every_step_by_two_servers_at_once_has_one_effect(pair: TwoMembers) -> None:
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id)
    async with AsyncCalls(["dynamodb"], lines=LONG_LINES) as other:
        servers = (pair.transactions, pair.transactions_over(other))
        for event in EVENTS:
            await asyncio.gather(*(server.move(request_id, pair.rule(event)) for server in servers * 2))
    await pair.audit(("8", "0"), ("12", "0"))
    request = await pair.transactions.read(request_id)
    assert request is not None
    assert [passage.status for passage in request.passages] == list(
        dict.fromkeys(p.status for p in request.passages)
    )
    assert len(request.answers) == 5


async def test_no_reader_ever_sees_the_sum_change(pair: TwoMembers, calls: AsyncCalls) -> None:
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id)
    table = pair.store.names.table(tables.UserBalance)
    both = [{"Get": {"TableName": table, "Key": {"userId": {"S": who}}}} for who in (pair.alice, pair.bob)]
    sums, done = [], asyncio.Event()

    async def read() -> None:
        while not done.is_set():
            answer = await calls.call("dynamodb", "transact_get_items", TransactItems=both)
            found = [decode(Balance, tables.UserBalance, one["Item"]) for one in answer["Responses"]]
            assert all(one.total_balance == one.available_balance + one.escrowed_balance for one in found)
            sums.append(sum(one.total_balance for one in found))

    reading = asyncio.create_task(read())
    await pair.reach(request_id, *EVENTS)
    done.set()
    await reading
    assert set(sums) == {hours("20")}


async def test_twenty_holds_at_once_on_one_balance_end_exact(pair: TwoMembers) -> None:
    services = await pair.set_up(20)
    request_ids = [await pair.ask(service_id, "1") for service_id in services]
    for request_id in request_ids:
        await pair.reach(request_id, "begin")
    async with AsyncCalls(["dynamodb"], lines=LONG_LINES) as other:
        servers = (pair.transactions, pair.transactions_over(other))
        moved = await asyncio.gather(
            *(
                servers[number % 2].move(request_id, steps.hold_hours)
                for number, request_id in enumerate(request_ids)
            )
        )
    ended = [one.request.status for one in moved if isinstance(one, Moved)]
    assert sorted(ended) == [RequestStatus.ESCROWED] * 10 + [RequestStatus.REJECTED] * 10
    await pair.audit(("0", "10"), ("10", "0"))


async def test_twenty_payments_at_once_to_one_provider_end_exact(pair: TwoMembers) -> None:
    services = await pair.set_up(10)
    request_ids = [await pair.ask(service_id, "1") for service_id in services]
    for request_id in request_ids:
        await pair.reach(request_id, *EVENTS[: EVENTS.index("pay")])
    twice = [*request_ids, *request_ids]
    moved = await asyncio.gather(*(pair.transactions.move(one, payment.pay) for one in twice))
    assert all(isinstance(one, Moved) and one.request.status is RequestStatus.PAID for one in moved)
    await pair.audit(("0", "0"), ("20", "0"))


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNSENT, Fault.CONFLICT, Fault.THROTTLED])
async def test_a_write_that_was_cut_off_is_read_back_and_has_one_effect(
    pair: TwoMembers, calls: AsyncCalls, fault: Fault
) -> None:
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id)
    for event in EVENTS:
        unreliable = FaultyCalls(calls, each_write(fault))
        moved = await pair.transactions_over(unreliable).move(request_id, pair.rule(event))
        expected = event == "validate" and fault is not Fault.LOST
        assert isinstance(moved, Moved) or expected, f"{event}: {moved}"
    await pair.audit(("8", "0"), ("12", "0"))


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNSENT])
@pytest.mark.parametrize("event", ["cancel", "reject"])
async def test_a_refund_that_was_cut_off_has_one_effect(
    pair: TwoMembers, calls: AsyncCalls, fault: Fault, event: str
) -> None:
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id)
    await pair.reach(request_id, *EVENTS[:4])
    await pair.transactions_over(FaultyCalls(calls, each_write(fault))).move(request_id, pair.rule(event))
    if event == "reject":
        await pair.transactions_over(FaultyCalls(calls, each_write(fault))).move(request_id, endings.decline)
    await pair.audit(("10", "0"), ("10", "0"))
    assert await pair.store.get(tables.RequestGuard, f"{pair.alice}#{service_id}", consistent=True) is None


async def test_a_creation_that_was_cut_off_is_one_request(pair: TwoMembers, calls: AsyncCalls) -> None:
    (service_id,) = await pair.set_up()
    request = make_request(id=str(uuid4()), service_id=service_id, requester_id=pair.alice, provider_id=pair.bob)
    for fault in (Fault.LOST, Fault.UNSENT):
        moved = await pair.transactions_over(FaultyCalls(calls, each_write(fault))).create(request, answers.create)
        assert isinstance(moved, Moved)
        assert moved.request.version == 1


async def test_any_other_reason_is_final(pair: TwoMembers, calls: AsyncCalls) -> None:
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id)
    with pytest.raises(ClientError, match="ValidationError"):
        await pair.transactions_over(FaultyCalls(calls, each_write(Fault.INVALID))).move(
            request_id, steps.begin_validation
        )
    assert (await pair.reach(request_id)).status is RequestStatus.INITIATED


async def test_patience_has_an_end(pair: TwoMembers, calls: AsyncCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = retrying.PATIENCE_SECONDS
    monkeypatch.setattr("models.transactions.retrying.PATIENCE_SECONDS", 0.2)
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id)
    stubborn = FaultyCalls(calls, lambda call: Fault.CONFLICT if call.writes else None)
    started = time.monotonic()
    with pytest.raises(ContentionError, match="nothing was done"):
        await pair.transactions_over(stubborn).move(request_id, steps.begin_validation)
    assert time.monotonic() - started < usual
    assert (await pair.reach(request_id)).status is RequestStatus.INITIATED


async def test_a_second_open_request_for_one_service_is_a_duplicate(pair: TwoMembers) -> None:
    (service_id,) = await pair.set_up()
    first, second = await pair.ask(service_id), await pair.ask(service_id)
    await pair.reach(first, *EVENTS[:4])
    rejected = await pair.reach(second, "begin", "validate")
    assert (rejected.status, rejected.status_reason) == (RequestStatus.REJECTED, StatusReason.DUPLICATE_REQUEST)
    await pair.reach(first, "accept", "await start")
    third = await pair.ask(service_id)
    assert (await pair.reach(third, "begin", "validate", "hold")).status is RequestStatus.ESCROWED


async def test_two_open_requests_at_once_are_not_both_held(pair: TwoMembers) -> None:
    (service_id,) = await pair.set_up()
    request_ids = [await pair.ask(service_id) for _ in range(2)]
    for request_id in request_ids:
        await pair.reach(request_id, "begin", "validate")
    async with AsyncCalls(["dynamodb"], lines=LONG_LINES) as other:
        servers = (pair.transactions, pair.transactions_over(other))
        await asyncio.gather(
            *(server.move(one, steps.hold_hours) for server, one in zip(servers, request_ids, strict=True))
        )
    found = [await pair.reach(one) for one in request_ids]
    assert sorted(one.status for one in found) == [RequestStatus.ESCROWED, RequestStatus.REJECTED]
    assert {one.status_reason for one in found} == {None, StatusReason.DUPLICATE_REQUEST}
    await pair.audit(("8", "2"), ("10", "0"))


@pytest.mark.parametrize("event", ["cancel", "expire"])
async def test_an_ending_by_many_at_once_is_one_refund_and_no_alarm(pair: TwoMembers, event: str) -> None:
    services = await pair.set_up(5)
    request_ids = [await pair.ask(service_id, "1") for service_id in services]
    for request_id in request_ids:
        await pair.reach(request_id, *EVENTS[:4])
    later = Transactions(pair.store, lambda: clock.now() + timedelta(days=2 * (event == "expire")))
    moved = await asyncio.gather(*(later.move(request_id, pair.rule(event)) for request_id in request_ids * 4))
    assert all(isinstance(one, Moved) for one in moved)
    await pair.audit(("10", "0"), ("10", "0"))


@pytest.mark.parametrize("_turn", range(5))
async def test_two_events_race_and_one_wins(pair: TwoMembers, _turn: int) -> None:
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id)
    await pair.reach(request_id, *EVENTS[:4])
    accepted, cancelled_, rejected = await asyncio.gather(
        pair.transactions.move(request_id, pair.rule("accept")),
        pair.transactions.move(request_id, pair.rule("cancel")),
        pair.transactions.move(request_id, pair.rule("reject")),
    )
    assert sum(isinstance(one, Moved) for one in (accepted, cancelled_, rejected)) == 1
    gone = isinstance(cancelled_, Moved)
    await pair.audit(("10", "0") if gone else ("8", "2"), ("10", "0"))


async def test_an_older_generation_moves_nothing(pair: TwoMembers) -> None:
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id)
    resume = partial(recovery.resume, execution_arn="arn:next")
    assert isinstance(await pair.transactions.move(request_id, resume, generation=0), Moved)
    refused = await pair.transactions.move(request_id, steps.begin_validation, generation=0)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.SUPERSEDED
    assert (await pair.reach(request_id)).status is RequestStatus.INITIATED


DISPUTE_EVENTS = ("dispute", "hear", "assign", "divide", "resolve")
# Alice's and Bob's hours when he gets 0.75 of the 2 disputed hours.
DIVIDED = (("9.25", "0"), ("10.75", "0"))


@pytest.mark.parametrize("events", [EVENTS[:6], EVENTS], ids=["before the payment", "after it"])
async def test_every_step_of_a_dispute_by_four_at_once_has_one_effect(
    pair: TwoMembers, events: tuple[str, ...]
) -> None:
    (service_id,) = await pair.set_up()
    request_id, dispute_id = await pair.ask(service_id), str(uuid4())
    await pair.reach(request_id, *events)
    rules = pair.dispute_rules(request_id, dispute_id)
    servers = (pair.transactions, pair.transactions_over(BlockingCalls()))

    def run(rule: RequestRule) -> None:
        drive(servers[1].move(request_id, rule, dispute_id=dispute_id))

    for event in DISPUTE_EVENTS:
        await asyncio.gather(
            *(servers[0].move(request_id, rules[event], dispute_id=dispute_id) for _ in range(2)),
            *(asyncio.to_thread(run, rules[event]) for _ in range(2)),
        )
    await pair.audit(*DIVIDED)
    stored = await pair.store.get(tables.Dispute, dispute_id, consistent=True)
    request = await pair.transactions.read(request_id)
    assert stored is not None
    assert request is not None
    assert (stored["status"]["S"], request.status, request.earned) == (
        "RESOLVED",
        RequestStatus.PAID,
        hours("0.75"),
    )
    exchanges = await pair.store.query(tables.Transaction, tables.Transaction.byServiceId, service_id, limit=10)
    assert len(exchanges.items) == 1


@pytest.mark.parametrize("events", [EVENTS[:6], EVENTS], ids=["before the payment", "after it"])
@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNSENT, Fault.CONFLICT])
async def test_a_step_of_a_dispute_that_was_cut_off_has_one_effect(
    pair: TwoMembers, calls: AsyncCalls, fault: Fault, events: tuple[str, ...]
) -> None:
    (service_id,) = await pair.set_up()
    request_id, dispute_id = await pair.ask(service_id), str(uuid4())
    await pair.reach(request_id, *events)
    rules = pair.dispute_rules(request_id, dispute_id)
    for event in DISPUTE_EVENTS:
        unreliable = pair.transactions_over(FaultyCalls(calls, each_write(fault)))
        moved = await unreliable.move(request_id, rules[event], dispute_id=dispute_id)
        assert isinstance(moved, Moved), f"{event}: {moved}"
    await pair.audit(*DIVIDED)


@pytest.mark.parametrize("_turn", range(5))
async def test_a_dispute_races_the_payment_and_no_hour_is_lost(pair: TwoMembers, _turn: int) -> None:
    (service_id,) = await pair.set_up()
    request_id, dispute_id = await pair.ask(service_id), str(uuid4())
    await pair.reach(request_id, *EVENTS[: EVENTS.index("pay")])
    rules = pair.dispute_rules(request_id, dispute_id)
    paid, raised = await asyncio.gather(
        pair.transactions_over(pair.store.calls).move(request_id, pair.rule("pay")),
        pair.transactions.move(request_id, rules["dispute"], dispute_id=dispute_id),
    )
    assert isinstance(raised, Moved)
    after_payment = raised.before.status is RequestStatus.PAID
    assert isinstance(paid, Moved) == after_payment
    await pair.audit(*((("8", "0"), ("10", "2")) if after_payment else (("8", "2"), ("10", "0"))))


async def test_nobody_can_tell_a_strangers_request_from_none(pair: TwoMembers) -> None:
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id)
    answer = partial(answers.answer, wait=Step.WAIT_FOR_SERVICE_START, by="eve", response=Response.MARKED)
    theirs = await pair.transactions.move(request_id, answer)
    none = await pair.transactions.move(str(uuid4()), answer)
    assert theirs == none


async def test_what_is_stored_is_what_was_decided(pair: TwoMembers) -> None:
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id)
    for event in EVENTS:
        moved = await pair.transactions.move(request_id, pair.rule(event))
        assert isinstance(moved, Moved)
        assert moved.request == await pair.transactions.read(request_id)
        item = await pair.store.get(tables.ServiceRequest, request_id, consistent=True)
        assert item is not None
        assert set(item) == {*encode(tables.ServiceRequest, moved.request), "__typename"}
