"""Transactions on an in-process engine: what they write, which versions they rest on, and when they retry."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from models.correlation import correlated
from models.errors import BrokenLedgerError, Code, Refusal
from models.ledger.balances import EscrowStatus
from models.requests import payment, recovery, steps
from models.requests.decision import Snapshot, reads_everything
from models.requests.statuses import RequestStatus
from models.storage.store import Item
from models.tables import RequestGuard, ServiceRequest, User
from models.transactions.moves import Moved, Transactions
from tests.chaos.faults import Call, Fault, each_write
from tests.unit.builders import ALICE, BOB, REQUEST_ID, Bank, hours, make_dispute
from tests.unit.places import DISPUTE_RULES, REQUEST_RULES, bank_at
from tests.unit.stored import Stored, stored, written


@pytest.mark.parametrize("active", [None, True])
async def test_a_member_is_active_unless_it_is_said_otherwise(active: bool | None) -> None:  # noqa: FBT001 — a parameter
    bank = bank_at("VALIDATING")
    bank.members[BOB] = replace(bank.members[BOB], is_active=active)
    async with stored(bank) as tables:
        moved = await tables.transactions.move(REQUEST_ID, steps.hold_hours)
        assert isinstance(moved, Moved)
        assert moved.request.status is RequestStatus.ESCROWED


async def test_a_guard_that_is_gone_keeps_nobody_from_getting_their_hours_back() -> None:
    bank = bank_at("AWAITING")
    async with stored(bank) as tables:
        await tables.undisturbed.delete(RequestGuard, bank.requests[REQUEST_ID].guard_id)
        assert isinstance(await tables.transactions.move(REQUEST_ID, REQUEST_RULES["cancel"]), Moved)


@pytest.mark.parametrize(
    ("place", "event"),
    [
        ("AWAITING", "cancel"),
        ("AWAITING accepted", "await start"),
        ("AWAITING rejected", "refund"),
        ("AWAITING late", "expire"),
    ],
)
async def test_a_guard_that_another_request_has_put_stays(place: str, event: str) -> None:
    bank = bank_at(place)
    bank.guards[bank.requests[REQUEST_ID].guard_id] = "another"
    async with stored(bank) as tables:
        guard = (await tables.read())["RequestGuard"]
        assert isinstance(await tables.transactions.move(REQUEST_ID, REQUEST_RULES[event]), Moved)
        assert (await tables.read())["RequestGuard"] == guard


async def test_a_row_that_amplify_wrote_has_no_version_and_moves_all_the_same() -> None:
    async with stored(bank_at("INITIATED")) as tables:
        await tables.change(ServiceRequest, REQUEST_ID, version=None)
        moved = await tables.transactions.move(REQUEST_ID, steps.begin_validation)
        assert isinstance(moved, Moved)
        assert (moved.before.version, moved.request.version) == (0, 1)
        assert await tables.transactions.read(REQUEST_ID) == moved.request


async def test_what_is_written_names_the_execution_on_whose_behalf() -> None:
    bank = bank_at("VALIDATING")
    bank.requests[REQUEST_ID] = replace(bank.requests[REQUEST_ID], step_function_execution_arn="arn:1")
    async with stored(bank) as tables:
        assert isinstance(await tables.transactions.move(REQUEST_ID, steps.hold_hours), Moved)
        logged = [row for row in (await tables.read())["TransactionLog"].values() if "issued" in row]
        arns = [row.get("stepFunctionExecutionArn") for row in [*logged, *(await tables.announcements())[0]]]
        assert arns.count({"S": "arn:1"}) == 3


async def test_an_event_has_the_correlation_id_of_what_led_to_it() -> None:
    async with stored(bank_at("VALIDATING")) as tables:
        with correlated("abc"):
            assert isinstance(await tables.transactions.move(REQUEST_ID, steps.hold_hours), Moved)
        events = (await tables.announcements())[0]
        assert events
        assert all(row["correlationId"] == {"S": "abc"} for row in events)


async def test_what_a_dispute_writes_names_its_own_execution() -> None:
    bank = bank_at("DISPUTED decided")
    dispute = bank.disputes[make_dispute().id]
    bank.disputes[dispute.id] = replace(dispute, step_function_execution_arn="arn:2")
    async with stored(bank) as tables:
        assert isinstance(await tables.transactions.move(REQUEST_ID, DISPUTE_RULES["resolve"]), Moved)
        arns = [row.get("stepFunctionExecutionArn") for row in (await tables.announcements())[0]]
        assert arns == [{"S": "arn:2"}] * 3


@pytest.mark.parametrize(
    ("place", "dispute_id"),
    [
        ("AWAITING", None),
        ("DISPUTED paid", None),
        ("PAID granted", make_dispute().id),
        ("DISPUTED", make_dispute(BOB).id),
    ],
)
async def test_a_request_is_read_whole_only_for_a_rule_that_reads_everything(
    place: str, dispute_id: str | None
) -> None:
    seen: list[Any] = []

    def looks(snapshot: Any, _now: Any) -> Any:
        seen.append(snapshot)
        return snapshot.request

    bank = bank_at(place)
    request = bank.requests[REQUEST_ID]
    async with stored(bank) as tables:
        await tables.transactions.move(REQUEST_ID, looks, dispute_id=dispute_id)
        await tables.transactions.move(REQUEST_ID, reads_everything(looks), dispute_id=dispute_id)
    assert seen[0] == Snapshot(request=request)
    latest = request.dispute.id if request.dispute else "none"
    assert seen[1] == bank.snapshot(request, dispute_id or latest)


@pytest.mark.parametrize(
    ("place", "event", "is_older", "reads"),
    [("AWAITING", "accept", False, 1), ("AWAITING", "accept", True, 2), ("COMPLETED", "pay", True, 1)],
)
async def test_a_service_is_read_by_itself_only_to_describe_an_older_requests_exchange(
    place: str, event: str, reads: int, *, is_older: bool
) -> None:
    async with stored(bank_at(place)) as tables:
        if is_older:
            await tables.change(ServiceRequest, REQUEST_ID, exchangeId=None)
        assert isinstance(await tables.transactions.move(REQUEST_ID, REQUEST_RULES[event]), Moved)
        assert [call.operation for call in tables.calls.made].count("get_item") == reads


async def test_who_moves_what_is_not_there_or_not_theirs_any_more_is_refused() -> None:
    async with stored(bank_at("INITIATED")) as tables:
        for request_id, generation, code in (
            ("none", None, Code.REQUEST_NOT_FOUND),
            (REQUEST_ID, 1, Code.SUPERSEDED),
        ):
            refused = await tables.transactions.move(request_id, steps.begin_validation, generation=generation)
            assert isinstance(refused, Refusal)
            assert refused.code is code
        assert isinstance(await tables.transactions.move(REQUEST_ID, steps.begin_validation, generation=0), Moved)


async def test_a_dispute_that_is_over_moves_nothing_any_more_though_the_next_one_is_open() -> None:
    bank = bank_at("PAID granted")
    first, second = make_dispute().id, make_dispute(BOB).id
    bank.move(DISPUTE_RULES["object"])
    async with stored(bank) as tables:
        late = await tables.transactions.move(REQUEST_ID, DISPUTE_RULES["hear"], generation=0, dispute_id=first)
        assert isinstance(late, Refusal)
        assert late.code is Code.SUPERSEDED
        heard = await tables.transactions.move(REQUEST_ID, DISPUTE_RULES["hear"], generation=0, dispute_id=second)
        assert isinstance(heard, Moved)


async def test_a_dispute_that_is_over_moves_nothing_any_more_when_none_is_open() -> None:
    bank = bank_at("PAID granted")
    async with stored(bank) as tables:
        generation = bank.requests[REQUEST_ID].generation
        late = await tables.transactions.move(
            REQUEST_ID, DISPUTE_RULES["hear"], generation=generation, dispute_id=make_dispute().id
        )
    assert isinstance(late, Refusal)
    assert late.code is Code.SUPERSEDED


async def test_what_began_before_goes_on() -> None:
    async with stored(bank_at("COMPLETED")) as tables:
        for member in (ALICE, BOB):
            await tables.change(User, member, custody="FORMER_APP")
        assert isinstance(await tables.transactions.move(REQUEST_ID, payment.pay), Moved)


def writes(call: Call) -> bool:
    """Return whether a call writes a transaction."""
    return call.operation == "transact_write_items"


@asynccontextmanager
async def overtaken(
    bank: Bank, is_time: Callable[[Call], bool], act: Callable[[Stored], Awaitable[object]]
) -> AsyncIterator[Stored]:
    """Yield tables in which another server acts, once, just before the first call of a kind."""
    async with stored(bank) as tables:
        upstream, left = tables.engine.call, [True]

        async def call(service: str, operation: str, **params: Any) -> Any:
            if is_time(Call(0, "", service, operation)) and left:
                left.clear()
                await act(tables)
            return await upstream(service, operation, **params)

        tables.engine.call = call  # type: ignore[method-assign]  # for this test only
        yield tables


def other(tables: Stored, event: str) -> Callable[[], Awaitable[object]]:
    """Return what lets another server take a step, a moment later: at the same moment it would be the same."""
    transactions = Transactions(tables.undisturbed, lambda: tables.bank.now + timedelta(milliseconds=1))
    return partial(transactions.move, REQUEST_ID, REQUEST_RULES[event])


@pytest.mark.parametrize("before", ["batch_get_item", "transact_write_items"])
@pytest.mark.parametrize(
    ("place", "mine", "theirs", "code"),
    [
        ("COMPLETED", "pay", "pay", None),
        ("AWAITING", "cancel", "cancel", None),
        ("VALIDATING", "hold", "hold", None),
        ("AWAITING", "cancel", "accept", Code.INVALID_REQUEST_STATUS),
        ("NEGOTIATING", "take", "cancel", Code.INVALID_REQUEST_STATUS),
        ("VALIDATING", "hold", "cancel", Code.INVALID_REQUEST_STATUS),
    ],
)
async def test_who_was_overtaken_decides_again(
    place: str, mine: str, theirs: str, code: Code | None, before: str
) -> None:
    bank = bank_at(place)

    def is_time(call: Call) -> bool:
        return call.operation == before

    async with overtaken(bank, is_time, lambda tables: other(tables, theirs)()) as tables:
        moved = await tables.transactions.move(REQUEST_ID, REQUEST_RULES[mine])
        found = await tables.transactions.read(REQUEST_ID)
    if code is None:
        assert isinstance(moved, Moved)
        assert moved.before == moved.request == found
    else:
        assert isinstance(moved, Refusal)
        assert moved.code is code


async def test_a_ledger_that_is_broken_indeed_is_told_of() -> None:
    bank = bank_at("COMPLETED")
    escrow = bank.escrows[bank.requests[REQUEST_ID].escrow_key]
    bank.escrows[escrow.id] = replace(escrow, status=EscrowStatus.CANCELLED)
    async with stored(bank) as tables:
        with pytest.raises(BrokenLedgerError):
            await tables.transactions.move(REQUEST_ID, payment.pay)


async def test_hours_that_are_gone_by_the_time_they_are_held_are_refused() -> None:
    bank = bank_at("NEGOTIATING")
    balance = bank.balances[ALICE]
    poor = replace(balance, available_balance=hours("0"), total_balance=balance.escrowed_balance)
    bank.balances[ALICE] = poor
    async with stored(bank) as tables:
        before = await tables.read()
        refused = await tables.transactions.move(REQUEST_ID, REQUEST_RULES["take"])
        assert isinstance(refused, Refusal)
        assert refused.code is Code.INSUFFICIENT_BALANCE
        assert await tables.read() == before


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT, Fault.THROTTLED])
async def test_a_step_is_taken_once_however_often_it_is_tried(fault: Fault) -> None:
    bank = bank_at("COMPLETED")
    async with stored(bank, each_write(fault, fault)) as tables:
        moved = await tables.transactions.move(REQUEST_ID, payment.pay)
        bank.move(payment.pay)
        assert isinstance(moved, Moved)
        assert moved.request == bank.requests[REQUEST_ID]
        assert (await tables.read())["UserBalance"] == written(bank)["UserBalance"]
        assert tables.calls.fired[fault] == (1 if fault is Fault.LOST else 2)


async def test_a_refusal_that_rests_on_two_moments_is_decided_again() -> None:
    asked: list[RequestStatus] = []

    @reads_everything
    def refuses(snapshot: Any, _now: Any) -> Refusal:
        asked.append(snapshot.request.status)
        return Refusal(Code.DUPLICATE_REQUEST, "no")

    def is_time(call: Call) -> bool:
        return call.operation == "batch_get_item"

    async with overtaken(bank_at("INITIATED"), is_time, lambda tables: other(tables, "begin")()) as tables:
        assert isinstance(await tables.transactions.move(REQUEST_ID, refuses), Refusal)
    assert asked == [RequestStatus.INITIATED, RequestStatus.VALIDATING]


async def test_a_request_that_was_deleted_meanwhile_is_not_there() -> None:
    def is_time(call: Call) -> bool:
        return call.operation == "batch_get_item"

    async def delete(tables: Stored) -> Item | None:
        return await tables.undisturbed.delete(ServiceRequest, REQUEST_ID)

    async with overtaken(bank_at("DISPUTED"), is_time, delete) as tables:
        refused = await tables.transactions.move(REQUEST_ID, partial(recovery.resume, execution_arn="x"))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.REQUEST_NOT_FOUND


async def test_a_write_is_sent_with_its_token_and_its_token_follows_from_what_it_rests_on() -> None:
    sent: list[str] = []
    for alices, bobs in ((5, 5), (5, 5), (5, 6), (6, 5)):
        bank = bank_at("COMPLETED")
        bank.balances[ALICE] = replace(bank.balances[ALICE], version=alices)
        bank.balances[BOB] = replace(bank.balances[BOB], version=bobs)
        async with stored(bank) as tables:
            upstream = tables.engine.call

            async def call(service: str, operation: str, upstream: Any = upstream, **params: Any) -> Any:
                sent.extend([params["ClientRequestToken"]] if operation == "transact_write_items" else [])
                return await upstream(service, operation, **params)

            tables.engine.call = call  # type: ignore[method-assign]  # for this test only
            await tables.transactions.move(REQUEST_ID, payment.pay)
    first, again, *others = sent
    assert first == again
    assert len({first, *others}) == 3


async def test_a_refusal_over_a_request_that_was_deleted_meanwhile_is_decided_again() -> None:
    def is_time(call: Call) -> bool:
        return call.operation == "batch_get_item"

    async with overtaken(
        bank_at("INITIATED"), is_time, lambda tables: tables.undisturbed.delete(ServiceRequest, REQUEST_ID)
    ) as tables:
        refused = await tables.transactions.move(REQUEST_ID, REQUEST_RULES["pay"])
    assert isinstance(refused, Refusal)
    assert refused.code is Code.REQUEST_NOT_FOUND
