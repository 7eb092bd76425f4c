"""Accounts on an engine within this process: what transfers and locks write, on what, and once."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from models.errors import Code, ContentionError, Refusal, UnavailableError
from models.ledger.transfers import Transfer
from models.storage.breaker import PromptCalls
from models.storage.sent_calls import watched_writes
from models.storage.store import Store
from models.tables import Table, TransactionLog, User, UserBalance
from models.transactions.accounts import Accounts
from models.transactions.moves import Transactions
from schema.errors import report_any
from tests.chaos.faults import Fault, each_write
from tests.unit.builders import ADA, ALICE, BOB, Bank
from tests.unit.models.ledger.test_transfers import ID, A, R, by_admin, made, wish
from tests.unit.stored import Stored, laid_out_events, laid_out_notices, overtake, stored, without, written

GIVEN = made(wish())
ISSUED = made(by_admin(A, to_user_id=BOB))
REFUNDED = made(by_admin(R, to_user_id=BOB))
TAKEN = made(by_admin(A, from_user_id=ALICE))
NOBODY = "nobody-of-that-id"
OTHER_ID = "22222222-2222-4222-8222-222222222222"
ALL = (GIVEN, ISSUED, REFUNDED, TAKEN)


@pytest.fixture
async def tables() -> AsyncIterator[Stored]:
    bank = Bank.opened()
    bank.pass_time(1)
    async with stored(bank) as opened:
        yield opened


class SilentOnce:
    """Calls of which the first after a transaction is not answered."""

    def __init__(self, calls: Any) -> None:
        self._calls = calls
        self._is_next = False

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        if self._is_next:
            self._is_next = False
            raise EndpointConnectionError(endpoint_url="x")
        self._is_next = operation == "transact_write_items"
        return await self._calls.call(service, operation, **params)

    def is_free(self, keys: Iterable[str]) -> bool:
        return self._calls.is_free(keys)  # type: ignore[no-any-return]  # those of the engine

    def queue(self, keys: Iterable[str], *, by: str | None = None) -> AbstractAsyncContextManager[None]:
        return self._calls.queue(keys, by=by)  # type: ignore[no-any-return]  # those of the engine

    async def pause(self, seconds: float) -> None:
        raise AssertionError(seconds)


async def test_nobody_is_told_to_repeat_a_transfer_that_was_made(tables: Stored) -> None:
    """Without an id of its own a repetition would be another transfer."""
    store = Store(PromptCalls(SilentOnce(tables.store.calls)), tables.store.names)
    accounts = Accounts(store, Transactions(store, lambda: tables.bank.now), lambda: tables.bank.now)
    with watched_writes():
        assert isinstance(await accounts.transfer(GIVEN), dict)  # nothing is read behind it
        with pytest.raises(UnavailableError) as caught:
            await store.get(User, ALICE, consistent=True)
        shown = report_any(caught.value)
    assert shown.error_info["outcomeIsUnknown"]
    assert "same id" in shown.message
    assert len((await tables.read())["TransactionLog"]) > 0


def office(tables: Stored, clock: Callable[[], Any] | None = None) -> Accounts:
    return Accounts(tables.store, tables.transactions, clock or (lambda: tables.bank.now))


async def all_of(tables: Stored) -> Any:
    return await tables.read(), await tables.announcements()


@pytest.mark.parametrize("transfer", ALL, ids=["given", "issued", "refunded", "taken"])
async def test_what_a_transfer_writes_is_what_the_bank_in_memory_says(tables: Stored, transfer: Transfer) -> None:
    bank = tables.bank
    entry = await office(tables).transfer(transfer)
    assert bank.post_movement(transfer.movement) is None
    bank.events.append(transfer.event)
    bank.notices.extend(transfer.notices)
    found = await tables.read()
    assert found == written(bank)
    assert entry == found["TransactionLog"][transfer.entry_id]
    events, notices = await tables.announcements()
    assert without(events, "id") == without([*laid_out_events(bank, 0)])
    assert without(notices, "id") == without([*laid_out_notices(bank, 0, ID)])
    assert len({row["id"]["S"] for row in [*events, *notices]}) == len(events) + len(notices)


async def test_hours_are_given_to_who_had_none(tables: Stored) -> None:
    await tables.undisturbed.delete(UserBalance, BOB)
    del tables.bank.balances[BOB]
    await office(tables).transfer(made(by_admin(A, to_user_id=BOB)))
    assert tables.bank.post_movement(ISSUED.movement) is None
    assert (await tables.read())["UserBalance"] == written(tables.bank)["UserBalance"]


async def test_a_transfer_that_is_repeated_has_its_one_effect(tables: Stored) -> None:
    first = await office(tables).transfer(GIVEN)
    before = await all_of(tables)
    tables.bank.pass_time(86_400)
    assert await office(tables).transfer(GIVEN) == first
    assert await all_of(tables) == before


@pytest.mark.parametrize(
    "other",
    [
        made(wish(amount=2.51)),
        made(wish(description="For the cake")),
        made(wish(to_user_id=ADA)),
        made(wish(by=BOB, from_user_id=BOB, to_user_id=ALICE)),
        replace(GIVEN, by=ADA),
        made(by_admin(A, from_user_id=ALICE)),
        made(by_admin(A, to_user_id=ALICE)),
    ],
)
async def test_an_id_is_one_transfers_only(tables: Stored, other: Transfer) -> None:
    await office(tables).transfer(GIVEN)
    before = await all_of(tables)
    refused = await office(tables).transfer(other)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts) == (Code.IDEMPOTENCY_MISMATCH, {"field": "id"})
    assert await all_of(tables) == before


async def test_an_entry_that_is_gone_is_no_leave_to_move_the_hours_again(tables: Stored) -> None:
    await office(tables).transfer(GIVEN)
    await tables.undisturbed.delete(TransactionLog, GIVEN.entry_id)
    before = await all_of(tables)
    refused = await office(tables).transfer(GIVEN)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.IDEMPOTENCY_MISMATCH
    assert await all_of(tables) == before


@pytest.mark.parametrize(
    ("transfer", "field"),
    [(made(wish(to_user_id=ADA)), "toUserId"), (made(by_admin(R, to_user_id=NOBODY)), "toUserId")],
)
async def test_who_is_not_there_gets_nothing(tables: Stored, transfer: Transfer, field: str) -> None:
    before = await all_of(tables)
    refused = await office(tables).transfer(transfer)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts) == (Code.USER_NOT_ACTIVE, {"field": field})
    assert await all_of(tables) == before


@pytest.mark.parametrize(("member", "field"), [(ALICE, "fromUserId"), (BOB, "toUserId")])
async def test_who_is_not_active_neither_gives_nor_gets_but_an_admin_settles(
    tables: Stored, member: str, field: str
) -> None:
    await tables.change(User, member, isActive=False)
    before = await all_of(tables)
    refused = await office(tables).transfer(GIVEN)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts) == (Code.USER_NOT_ACTIVE, {"field": field})
    assert await all_of(tables) == before
    for settled in (TAKEN, replace(REFUNDED, id="another")):
        assert isinstance(await office(tables).transfer(settled), dict)


@pytest.mark.parametrize(("member", "field"), [(ALICE, "fromUserId"), (BOB, "toUserId")])
async def test_hours_that_the_former_app_keeps_move_there(tables: Stored, member: str, field: str) -> None:
    await tables.change(User, member, custody="FORMER_APP")
    before = await all_of(tables)
    for transfer in (GIVEN, TAKEN if member == ALICE else REFUNDED):
        refused = await office(tables).transfer(transfer)
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.facts["field"]) == (Code.HOURS_NOT_HERE_YET, field)
    assert await all_of(tables) == before


async def test_no_more_than_there_is_moves(tables: Stored) -> None:
    before = await all_of(tables)
    refused = await office(tables).transfer(made(wish(amount=10.01)))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INSUFFICIENT_BALANCE
    assert await all_of(tables) == before


async def test_a_locked_account_gives_nothing_but_admins_take_back(tables: Stored) -> None:
    await office(tables).lock(ALICE, by=ADA, reason="A complaint")
    refused = await office(tables).transfer(GIVEN)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.ACCOUNT_LOCKED
    assert isinstance(await office(tables).transfer(TAKEN), dict)


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT, Fault.THROTTLED])
@pytest.mark.parametrize("transfer", ALL, ids=["given", "issued", "refunded", "taken"])
async def test_hours_go_over_once_however_often_it_is_tried(
    tables: Stored, transfer: Transfer, fault: Fault
) -> None:
    tables.calls.plan = each_write(fault, fault)
    entry = await office(tables, tables.tick).transfer(transfer)
    assert isinstance(entry, dict)
    assert entry["id"]["S"] == transfer.entry_id
    assert len((await tables.read())["TransactionLog"]) == 2 + len(transfer.parties)
    assert tables.calls.fired[fault] == (1 if fault is Fault.LOST else 2)


def elsewhere(tables: Stored) -> Accounts:
    """Return another server's accounts."""
    return Accounts(tables.undisturbed, tables.transactions, tables.tick)


async def test_the_same_transfer_by_two_servers_at_once_moves_once(tables: Stored) -> None:
    overtake(tables, lambda: elsewhere(tables).transfer(GIVEN))
    entry = await office(tables).transfer(GIVEN)
    assert isinstance(entry, dict)
    assert len((await tables.read())["TransactionLog"]) == 4


async def test_two_transfers_of_one_account_at_once_both_count(tables: Stored) -> None:
    other = replace(GIVEN, id="another")
    overtake(tables, lambda: elsewhere(tables).transfer(other))
    assert isinstance(await office(tables).transfer(GIVEN), dict)
    for transfer in (other, GIVEN):
        assert tables.bank.post_movement(transfer.movement) is None
    found, expected = (await tables.read())["UserBalance"], written(tables.bank)["UserBalance"]
    for member in (ALICE, BOB):
        for figure in ("availableBalance", "totalBalance", "version"):
            assert found[member][figure] == expected[member][figure]


async def test_what_another_server_has_just_done_is_no_refusal(tables: Stored) -> None:
    """It spends the hours, by this very transfer, when the log was read and the balances were not."""
    all_there_is = made(wish(amount=10.0))
    upstream, left = tables.engine.call, [True]

    async def call(service: str, operation: str, **params: Any) -> Any:
        if operation != "batch_get_item" or not left:
            return await upstream(service, operation, **params)
        left.clear()
        assert isinstance(await elsewhere(tables).transfer(all_there_is), dict)
        answer = await upstream(service, operation, **params)
        for table in answer["Responses"]:
            if "Log" in table:
                answer["Responses"][table] = []
        return answer

    tables.engine.call = call  # type: ignore[method-assign]  # for this test only
    assert isinstance(await office(tables).transfer(all_there_is), dict)


DISTURBED: list[tuple[type[Table], str, dict[str, Any] | None]] = [
    *((UserBalance, member, changes) for member in (ALICE, BOB) for changes in ({"version": 99}, None)),
    *((User, member, changes) for member in (ALICE, BOB) for changes in ({"isActive": False}, None)),
]


async def disturb(tables: Stored, table: type[Table], key: str, changes: dict[str, Any] | None) -> None:
    if changes is None:
        await tables.undisturbed.delete(table, key)
    else:
        await tables.change(table, key, **changes)


@pytest.mark.parametrize(("table", "key", "changes"), DISTURBED)
async def test_hours_do_not_go_over_on_rows_that_are_others_by_then(
    tables: Stored, table: type[Table], key: str, changes: dict[str, Any] | None
) -> None:
    upstream = tables.engine.call
    refused: list[ClientError] = []

    async def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "transact_write_items" and not refused:
            await disturb(tables, table, key, changes)
            try:
                return await upstream(service, operation, **params)
            except ClientError as error:
                refused.append(error)
                raise
        return await upstream(service, operation, **params)

    tables.engine.call = call  # type: ignore[method-assign]  # for this test only
    await office(tables, tables.tick).transfer(GIVEN)
    assert [reason["Code"] for reason in refused[0].response["CancellationReasons"]].count(
        "ConditionalCheckFailed"
    ) == 1


@pytest.mark.parametrize("transfer", [TAKEN, REFUNDED], ids=["taken", "refunded"])
async def test_an_admin_moves_nothing_of_who_has_gone_meanwhile(tables: Stored, transfer: Transfer) -> None:
    (member,) = transfer.parties.values()
    overtake(tables, lambda: tables.undisturbed.delete(User, member))
    refused = await office(tables, tables.tick).transfer(transfer)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.USER_NOT_ACTIVE


async def test_patience_with_an_account_ends(tables: Stored) -> None:
    tables.calls.plan = lambda call: Fault.CONFLICT if call.writes else None
    before = await all_of(tables)
    for attempt in (
        office(tables).transfer(GIVEN),
        office(tables).lock(ALICE, by=ADA, reason="x"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("models.transactions.retrying.PATIENCE_SECONDS", 0.05)
            with pytest.raises(ContentionError):
                await attempt
    assert await all_of(tables) == before


async def test_work_on_an_account_goes_one_by_one(tables: Stored) -> None:
    await office(tables).transfer(GIVEN)
    await office(tables).lock(ALICE, by=ADA, reason="x")
    await office(tables).unlock(BOB, by=ADA)
    assert tables.strict.queued == [[ALICE, BOB], [ALICE], [BOB]]
    assert tables.strict.queued_by == [ALICE, ADA, ADA]


async def test_who_is_refused_does_not_queue_nor_who_repeats(tables: Stored) -> None:
    await office(tables).transfer(GIVEN)
    tables.strict.queued.clear()
    for transfer in (made(wish(amount=10.0, id=OTHER_ID)), made(wish(to_user_id=ADA, id=OTHER_ID))):
        assert isinstance(await office(tables).transfer(transfer), Refusal)
    assert isinstance(await office(tables).transfer(GIVEN), dict)
    assert isinstance(await office(tables).transfer(replace(GIVEN, by=ADA)), Refusal)
    assert tables.strict.queued == []


@pytest.mark.parametrize(("free", "reads"), [(True, 1), (False, 2)])
async def test_a_transfer_reads_again_only_if_it_had_to_queue(tables: Stored, free: bool, reads: int) -> None:  # noqa: FBT001
    tables.strict.free = free
    entry = await office(tables).transfer(GIVEN)
    assert tables.strict.made == ["batch_get_item"] * reads + ["transact_write_items"]
    assert tables.strict.queued == [sorted([ALICE, BOB])]
    assert entry == await tables.store.get(TransactionLog, GIVEN.entry_id, consistent=True)


async def test_hours_that_others_spent_while_this_one_queued_are_not_spent_again(tables: Stored) -> None:
    @asynccontextmanager
    async def queue(keys: Any, *, by: str | None) -> AsyncIterator[None]:
        if by == ALICE and keys:
            tables.strict.queue = tables.engine.queue  # type: ignore[method-assign]  # for this test only
            assert isinstance(await elsewhere(tables).transfer(made(wish(amount=10.0, id=OTHER_ID))), dict)
        yield

    tables.strict.queue = queue  # type: ignore[method-assign,assignment]  # for this test only
    refused = await office(tables).transfer(GIVEN)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INSUFFICIENT_BALANCE
