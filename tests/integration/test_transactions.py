"""Transactions on a real engine: at once, repeated, cut off, and in each other's way, with one effect each."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, closing
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from models import answers, clock, endings, ledger, payment, rows, steps
from models import transactions as module
from models.aws import AsyncCalls, BlockingCalls, Calls, drive
from models.change import Change
from models.errors import Code, ContentionError, Refusal
from models.ledger import Balance, Entry, Escrow, EscrowStatus
from models.lifecycle import Request, RequestStatus, Response, StatusReason, Step
from models.members import Members
from models.naming import Names
from models.rows import decode, encode
from models.store import Item, Store, index_keys, key_of
from models.tables import (
    TABLES,
    RequestGuard,
    Service,
    ServiceRequest,
    Table,
    Transaction,
    TransactionLog,
    UserBalance,
)
from models.tables import Escrow as EscrowTable
from models.transactions import Moved, Rule, Transactions
from tests.unit.builders import EVERYTHING, figures, hours, make_request, people

STORY = (
    "begin", "validate", "hold", "ask", "accept", "await start", "start", "ask start", "confirm start",
    "await work", "finish", "ask work", "confirm work", "complete", "pay", "rate",
)  # fmt: skip
MOVEMENTS = ("hold", "pay")


class Unreliable:
    """Calls whose transactions fail as planned: each plan is used up by one write, then all go through."""

    def __init__(self, calls: Calls, *plans: str) -> None:
        self._calls = calls
        self.plans = list(plans)

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        if operation != "transact_write_items" or not self.plans:
            return await self._calls.call(service, operation, **params)
        plan = self.plans.pop(0)
        if plan == "answer lost":
            await self._calls.call(service, operation, **params)
        if plan in {"answer lost", "never sent"}:
            raise ConnectionClosedError(endpoint_url="http://127.0.0.1")
        if plan == "unreachable":
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1")
        raise cancelled(plan)

    async def pause(self, seconds: float) -> None:
        await self._calls.pause(seconds)

    def queue(self, keys: Iterable[str]) -> AbstractAsyncContextManager[None]:
        return self._calls.queue(keys)


def cancelled(reason: str) -> ClientError:
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": reason},
        "CancellationReasons": [{"Code": "None"}, {"Code": reason}],
    }
    return ClientError(response, "TransactWriteItems")


class Town:
    """A requester, a provider and a service of their own in the shared tables, so that no test meets another."""

    def __init__(self, calls: Calls, names: Names) -> None:
        self.store = Store(calls, names)
        self.transactions = Transactions(self.store, clock.now)
        self.members = Members(self.store, self.transactions, clock.now)
        self.alice, self.bob = f"alice-{uuid4()}", f"bob-{uuid4()}"

    def over(self, calls: Calls) -> Transactions:
        """Return the same town's transactions by another way to the tables."""
        return Transactions(Store(calls, self.store.names), clock.now)

    async def settle(self, services: int = 1) -> list[str]:
        """Let the two join; return the services that the provider offers, at 1 h an hour."""
        for member in (self.alice, self.bob):
            await self.members.join(user(member))
        offered = [str(uuid4()) for _ in range(services)]
        for service_id in offered:
            await self.store.put(Service, service(service_id, self.bob))
        return offered

    async def ask(self, service_id: str, asked: str = "2") -> str:
        request = make_request(
            id=str(uuid4()),
            service_id=service_id,
            requester_id=self.alice,
            provider_id=self.bob,
            estimated_hours=hours(asked),
        )
        assert isinstance(await self.transactions.create(request, answers.create), Moved)
        return request.id

    def rule(self, event: str) -> Rule:
        return {**EVERYTHING, **people(by_provider=self.bob, by_requester=self.alice)}[event]

    async def reach(self, request_id: str, *events: str) -> Request:
        """Take a request along its story."""
        for event in events:
            moved = await self.transactions.move(request_id, self.rule(event), whole=True)
            assert isinstance(moved, Moved), f"{event}: {moved}"
        request = await self.transactions.read(request_id)
        assert request is not None
        return request

    async def balance(self, member: str) -> Balance:
        item = await self.store.get(UserBalance, member, consistent=True)
        assert item is not None
        return decode(Balance, UserBalance, item)

    async def entries(self, member: str) -> list[Entry]:
        page = await self.store.query(TransactionLog, TransactionLog.byUserId, member, limit=1000)
        return [decode(Entry, TransactionLog, item) for item in page.items]

    async def audit(self, alice: tuple[str, str], bob: tuple[str, str]) -> None:
        """Assert both balances, and that logs and escrows say the same."""
        for member, (available, escrowed) in ((self.alice, alice), (self.bob, bob)):
            balance = await self.balance(member)
            assert (balance.available_balance, balance.escrowed_balance) == (hours(available), hours(escrowed))
            log = await self.entries(member)
            assert figures(ledger.replay(log, user_id=member, now=clock.now())) == figures(balance)
            page = await self.store.query(EscrowTable, EscrowTable.byFromUserId, member, limit=1000)
            held = [decode(Escrow, EscrowTable, item) for item in page.items]
            assert balance.escrowed_balance == sum(
                escrow.amount for escrow in held if escrow.status is EscrowStatus.ESCROWED
            )


def user(member: str) -> Item:
    now = clock.to_text(clock.now())
    texts = ("id", "email", "username", "firstName", "lastName")
    return {
        **{name: {"S": member} for name in texts},
        **{name: {"N": "0"} for name in ("bankHours", "rating", "totalTransactions")},
        "skills": {"L": []},
        "createdAt": {"S": now},
        "updatedAt": {"S": now},
    }


def service(service_id: str, provider: str) -> Item:
    now = clock.to_text(clock.now())
    return {
        "id": {"S": service_id},
        "userId": {"S": provider},
        "title": {"S": "Garden help"},
        "description": {"S": "Weeds go, flowers stay"},
        "category": {"S": "garden"},
        "hourlyRate": {"N": "1"},
        "isActive": {"BOOL": True},
        "tags": {"L": []},
        "createdAt": {"S": now},
        "updatedAt": {"S": now},
    }


def create_table(client: Any, name: str, table: type[Table]) -> None:
    keys: dict[str, str] = {key_of(table).attr_name: "S"}
    indexes = [index for index in vars(table).values() if hasattr(getattr(index, "Meta", None), "index_name")]
    described = []
    for index in indexes:
        pair = index_keys(index)
        keys |= {attribute.attr_name: "S" for attribute in pair}
        described.append(
            {
                "IndexName": index.Meta.index_name,
                "KeySchema": [
                    {"AttributeName": attribute.attr_name, "KeyType": kind}
                    for attribute, kind in zip(pair, ("HASH", "RANGE"), strict=True)
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        )
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key_of(table).attr_name, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": described} if described else {}),
    )


@pytest.fixture(scope="module")
def names() -> Iterator[Names]:
    """Start the local cloud and make the tables."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {"SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "ERROR"}
    command = [sys.executable, "-m", "hypercorn", "ministack.app:app", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(  # noqa: S603 — our own interpreter
        command, env={**os.environ, **quiet}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")):
            patch.setenv(name, value)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        try:
            with closing(boto3.client("dynamodb")) as client:
                wait_until_up(client)
                given = Names(stack="transactions", region="us-east-1", account="000000000000")
                for table in TABLES:
                    create_table(client, given.table(table), table)
            yield given
        finally:
            process.terminate()
            process.wait()


def wait_until_up(client: Any) -> None:
    for _ in range(150):
        try:
            client.list_tables()
        except (ClientError, EndpointConnectionError):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the local cloud did not start")


@pytest.fixture
async def calls(names: Names) -> AsyncIterator[AsyncCalls]:
    async with AsyncCalls(["dynamodb"]) as opened:
        yield opened


@pytest.fixture
def town(calls: AsyncCalls, names: Names) -> Town:
    return Town(calls, names)


def in_threads(work: Callable[[], Any], times: int) -> list[Any]:
    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(work) for _ in range(times)]]


async def test_alice_asks_bob_for_two_hours(town: Town) -> None:
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id)
    await town.audit(("10", "0"), ("10", "0"))
    await town.reach(request_id, *STORY[:3])
    await town.audit(("8", "2"), ("10", "0"))
    request = await town.reach(request_id, *STORY[3:])
    await town.audit(("8", "0"), ("12", "0"))
    assert request.is_over
    exchanges = await town.store.query(Transaction, Transaction.byServiceId, service_id, limit=10)
    assert len(exchanges.items) == 1


async def test_joining_again_and_again_gives_one_bonus(town: Town) -> None:
    joined = await asyncio.gather(*(town.members.join(user(town.alice)) for _ in range(5)))
    assert sorted(one.existed for one in joined) == [False, True, True, True, True]
    assert (await town.balance(town.alice)).total_balance == hours("10")
    assert len(await town.entries(town.alice)) == 1


@pytest.mark.parametrize("plan", ["answer lost", "never sent"])
async def test_a_bonus_whose_answer_was_lost_is_given_once(town: Town, calls: AsyncCalls, plan: str) -> None:
    store = Store(Unreliable(calls, plan), town.store.names)
    await Members(store, Transactions(store, clock.now), clock.now).join(user(town.alice))
    assert (await town.balance(town.alice)).total_balance == hours("10")


async def test_a_member_who_comes_back_gets_no_second_bonus(town: Town) -> None:
    await town.members.join(user(town.alice))
    await town.store.delete(TABLES[6], town.alice)
    assert not (await town.members.join(user(town.alice))).existed
    assert (await town.balance(town.alice)).total_balance == hours("10")


async def test_every_step_by_four_threads_at_once_has_one_effect(town: Town) -> None:
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id)
    blocking = BlockingCalls()
    transactions = town.over(blocking)
    for event in STORY:
        rule = town.rule(event)
        await asyncio.to_thread(
            in_threads, lambda rule=rule: drive(transactions.move(request_id, rule, whole=True)), 4
        )
    await town.audit(("8", "0"), ("12", "0"))
    assert len(await town.entries(town.bob)) == 2


async def test_every_step_by_two_servers_at_once_has_one_effect(town: Town) -> None:
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id)
    async with AsyncCalls(["dynamodb"]) as other:
        servers = (town.transactions, town.over(other))
        for event in STORY:
            await asyncio.gather(
                *(server.move(request_id, town.rule(event), whole=True) for server in servers * 2)
            )
    await town.audit(("8", "0"), ("12", "0"))
    request = await town.transactions.read(request_id)
    assert request is not None
    assert [passage.status for passage in request.passages] == list(
        dict.fromkeys(p.status for p in request.passages)
    )
    assert len(request.answers) == 5


async def test_no_reader_ever_sees_the_sum_change(town: Town, calls: AsyncCalls) -> None:
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id)
    table = town.store.names.table(UserBalance)
    both = [{"Get": {"TableName": table, "Key": {"userId": {"S": who}}}} for who in (town.alice, town.bob)]
    sums, done = [], asyncio.Event()

    async def read() -> None:
        while not done.is_set():
            answer = await calls.call("dynamodb", "transact_get_items", TransactItems=both)
            found = [decode(Balance, UserBalance, one["Item"]) for one in answer["Responses"]]
            assert all(one.total_balance == one.available_balance + one.escrowed_balance for one in found)
            sums.append(sum(one.total_balance for one in found))

    reading = asyncio.create_task(read())
    await town.reach(request_id, *STORY)
    done.set()
    await reading
    assert set(sums) == {hours("20")}


async def test_twenty_holds_at_once_on_one_balance_end_exact(town: Town) -> None:
    services = await town.settle(20)
    request_ids = [await town.ask(service_id, "1") for service_id in services]
    for request_id in request_ids:
        await town.reach(request_id, "begin")
    async with AsyncCalls(["dynamodb"]) as other:
        servers = (town.transactions, town.over(other))
        moved = await asyncio.gather(
            *(
                servers[number % 2].move(request_id, steps.hold, whole=True)
                for number, request_id in enumerate(request_ids)
            )
        )
    ended = [one.request.status for one in moved if isinstance(one, Moved)]
    assert sorted(ended) == [RequestStatus.ESCROWED] * 10 + [RequestStatus.REJECTED] * 10
    await town.audit(("0", "10"), ("10", "0"))


async def test_twenty_payments_at_once_to_one_provider_end_exact(town: Town) -> None:
    services = await town.settle(10)
    request_ids = [await town.ask(service_id, "1") for service_id in services]
    for request_id in request_ids:
        await town.reach(request_id, *STORY[: STORY.index("pay")])
    twice = [*request_ids, *request_ids]
    moved = await asyncio.gather(*(town.transactions.move(one, payment.pay, whole=True) for one in twice))
    assert all(isinstance(one, Moved) and one.request.status is RequestStatus.PAID for one in moved)
    await town.audit(("0", "0"), ("20", "0"))


@pytest.mark.parametrize("plan", ["answer lost", "never sent", "TransactionConflict", "ThrottlingError"])
async def test_a_write_that_was_cut_off_is_read_back_and_has_one_effect(
    town: Town, calls: AsyncCalls, plan: str
) -> None:
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id)
    for event in STORY:
        unreliable = Unreliable(calls, plan)
        moved = await town.over(unreliable).move(request_id, town.rule(event), whole=True)
        expected = event == "validate" and plan != "answer lost"
        assert isinstance(moved, Moved) or expected, f"{event}: {moved}"
    await town.audit(("8", "0"), ("12", "0"))


@pytest.mark.parametrize("plan", ["answer lost", "never sent"])
@pytest.mark.parametrize("event", ["cancel", "reject"])
async def test_a_refund_that_was_cut_off_has_one_effect(
    town: Town, calls: AsyncCalls, plan: str, event: str
) -> None:
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id)
    await town.reach(request_id, *STORY[:4])
    await town.over(Unreliable(calls, plan)).move(request_id, town.rule(event), whole=True)
    if event == "reject":
        await town.over(Unreliable(calls, plan)).move(request_id, endings.refund, whole=True)
    await town.audit(("10", "0"), ("10", "0"))
    assert await town.store.get(RequestGuard, f"{town.alice}#{service_id}", consistent=True) is None


async def test_a_creation_that_was_cut_off_is_one_request(town: Town, calls: AsyncCalls) -> None:
    (service_id,) = await town.settle()
    request = make_request(id=str(uuid4()), service_id=service_id, requester_id=town.alice, provider_id=town.bob)
    for plan in ("answer lost", "never sent"):
        moved = await town.over(Unreliable(calls, plan)).create(request, answers.create)
        assert isinstance(moved, Moved)
        assert moved.request.version == 1


async def test_any_other_reason_is_final(town: Town, calls: AsyncCalls) -> None:
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id)
    with pytest.raises(ClientError, match="ValidationError"):
        await town.over(Unreliable(calls, "ValidationError")).move(request_id, steps.begin_validation)
    assert (await town.reach(request_id)).status is RequestStatus.INITIATED


async def test_patience_has_an_end(town: Town, calls: AsyncCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id)
    stubborn = Unreliable(calls, *["TransactionConflict"] * 10_000)
    started = time.monotonic()
    with pytest.raises(ContentionError, match="nothing was done"):
        await town.over(stubborn).move(request_id, steps.begin_validation)
    assert time.monotonic() - started < 3
    assert (await town.reach(request_id)).status is RequestStatus.INITIATED


async def test_a_second_open_request_for_one_service_is_a_duplicate(town: Town) -> None:
    (service_id,) = await town.settle()
    first, second = await town.ask(service_id), await town.ask(service_id)
    await town.reach(first, *STORY[:4])
    rejected = await town.reach(second, "begin", "validate")
    assert (rejected.status, rejected.status_reason) == (RequestStatus.REJECTED, StatusReason.DUPLICATE_REQUEST)
    await town.reach(first, "accept", "await start")
    third = await town.ask(service_id)
    assert (await town.reach(third, "begin", "validate", "hold")).status is RequestStatus.ESCROWED


async def test_two_open_requests_at_once_are_not_both_held(town: Town) -> None:
    (service_id,) = await town.settle()
    pair = [await town.ask(service_id) for _ in range(2)]
    for request_id in pair:
        await town.reach(request_id, "begin", "validate")
    async with AsyncCalls(["dynamodb"]) as other:
        servers = (town.transactions, town.over(other))
        await asyncio.gather(
            *(server.move(one, steps.hold, whole=True) for server, one in zip(servers, pair, strict=True))
        )
    found = [await town.reach(one) for one in pair]
    assert sorted(one.status for one in found) == [RequestStatus.ESCROWED, RequestStatus.REJECTED]
    assert {one.status_reason for one in found} == {None, StatusReason.DUPLICATE_REQUEST}
    await town.audit(("8", "2"), ("10", "0"))


@pytest.mark.parametrize("event", ["cancel", "expire"])
async def test_an_ending_by_many_at_once_is_one_refund_and_no_alarm(town: Town, event: str) -> None:
    services = await town.settle(5)
    request_ids = [await town.ask(service_id, "1") for service_id in services]
    for request_id in request_ids:
        await town.reach(request_id, *STORY[:4])
    later = Transactions(town.store, lambda: clock.now() + timedelta(days=2 * (event == "expire")))
    moved = await asyncio.gather(
        *(later.move(request_id, town.rule(event), whole=True) for request_id in request_ids * 4)
    )
    assert all(isinstance(one, Moved) for one in moved)
    await town.audit(("10", "0"), ("10", "0"))


@pytest.mark.parametrize("_turn", range(5))
async def test_two_events_race_and_one_wins(town: Town, _turn: int) -> None:
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id)
    await town.reach(request_id, *STORY[:4])
    accepted, cancelled_, rejected = await asyncio.gather(
        town.transactions.move(request_id, town.rule("accept")),
        town.transactions.move(request_id, town.rule("cancel"), whole=True),
        town.transactions.move(request_id, town.rule("reject")),
    )
    assert sum(isinstance(one, Moved) for one in (accepted, cancelled_, rejected)) == 1
    gone = isinstance(cancelled_, Moved)
    await town.audit(("10", "0") if gone else ("8", "2"), ("10", "0"))


async def test_an_older_generation_moves_nothing(town: Town) -> None:
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id)
    resume = partial(endings.resume, execution_arn="arn:next")
    assert isinstance(await town.transactions.move(request_id, resume, generation=0), Moved)
    refused = await town.transactions.move(request_id, steps.begin_validation, generation=0)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.SUPERSEDED
    assert (await town.reach(request_id)).status is RequestStatus.INITIATED


async def test_nobody_can_tell_a_strangers_request_from_none(town: Town) -> None:
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id)
    answer = partial(answers.answer, wait=Step.WAIT_FOR_SERVICE_START, by="eve", response=Response.MARKED)
    theirs = await town.transactions.move(request_id, answer)
    none = await town.transactions.move(str(uuid4()), answer)
    assert theirs == none


async def test_what_is_stored_is_what_was_decided(town: Town) -> None:
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id)
    for event in STORY:
        moved = await town.transactions.move(request_id, town.rule(event), whole=True)
        assert isinstance(moved, Moved)
        assert moved.request == await town.transactions.read(request_id)
        item = await town.store.get(ServiceRequest, request_id, consistent=True)
        assert item is not None
        assert set(item) == set(encode(ServiceRequest, moved.request))
    assert rows is not None
    assert Change is not None
