"""What the migration's commands find, do and print, on an engine within this process."""

from collections.abc import AsyncIterator
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console

from models.hours import ZERO
from models.migration.share import MemberAction
from models.requests.statuses import TransactionStatus
from models.storage.names import FormerNames
from models.storage.store import Item, Store
from models.tables import Escrow, Service, ServiceRequest, Table, Transaction, TransactionLog, User, UserBalance
from tests.chaos.books import rows
from tests.unit.builders import hours
from tests.unit.former_app import former_exchange, former_member, former_service
from tests.unit.migrating_apps import apps_of, unseen
from tests.unit.models.migration.migrating import Migrating, migrating, text
from workflows.console.migration import rollbacks
from workflows.console.migration.apps import Apps
from workflows.console.migration.checks import Check, check
from workflows.console.migration.reports import print_check, print_rollback, print_run, print_survey
from workflows.console.migration.rollbacks import RollbackOutcome, roll_back
from workflows.console.migration.runs import RunOutcome, run
from workflows.console.migration.surveys import Survey, survey

# The shares begin in this order: carol (2), dan (5), alice (7), bob (50).
PENDING, BEGUN, POOR, LOST = (f"{number}0000000-0000-4000-8000-000000000000" for number in range(1, 5))


def exchange(key: str, consumer: str, provider: str, **changes: str) -> Item:
    return former_exchange(key, consumer=consumer, provider=provider, service="s", **changes)


@pytest.fixture
async def both() -> AsyncIterator[Migrating]:
    async with migrating() as opened:
        members = {"alice": "5", "bob": "3", "carol": "7.5", "dan": "0", "eve": "-1"}
        await opened.put(User, *(former_member(key, amount) for key, amount in members.items()))
        await opened.put(Service, former_service("s", "dan"))
        await opened.put(
            Transaction,
            exchange(PENDING, "carol", "dan"),
            exchange(BEGUN, "carol", "dan", hours="1.5", status="IN_PROGRESS"),
            exchange(POOR, "dan", "carol", hours="1", status="IN_PROGRESS"),
            exchange(LOST, "alice", "nobody"),
        )
        yield opened


@pytest.fixture
def apps(both: Migrating) -> Apps:
    return apps_of(both)[0]


async def surveyed(apps: Apps, share: int = 100) -> Survey:
    return await survey(apps, share, lambda _: None)


async def ran(apps: Apps, share: int = 100) -> RunOutcome:
    return await run(apps, await surveyed(apps, share), share, unseen())


async def rolled_back(apps: Apps, *, refund: bool = True) -> RollbackOutcome:
    return await roll_back(apps, unseen(), refund=refund, within=timedelta(0))


async def test_a_survey_says_what_a_run_would_do(both: Migrating, apps: Apps) -> None:
    before = [await rows(both.there, table) for table in (User, Transaction)]
    found = await surveyed(apps)
    assert +found.rows == {"User": 5, "Service": 1, "Transaction": 4}
    assert {action: (tally.count, tally.hours) for action, tally in found.members.items() if tally.count} == {
        MemberAction.TAKE_OVER: (4, hours("15.5"))
    }
    assert {status: tally.hours for status, tally in found.exchanges.items()} == {
        TransactionStatus.PENDING: hours("2"),
        TransactionStatus.IN_PROGRESS: hours("1.5"),
    }
    assert {oddity.id: oddity.why for oddity in found.oddities} == {
        "eve": "bankHours is -1.00: nobody here can owe hours",
        POOR: "1.00 hours are needed for it, and its consumer has 0.00 left",
        LOST: "there is no member nobody",
    }
    assert [await rows(both.there, table) for table in (User, Transaction)] == before
    assert await rows(both.here, User) == []


async def test_whoever_has_an_open_exchange_outside_the_share_waits(apps: Apps) -> None:
    found = await surveyed(apps, 3)
    assert found.waiting == {"carol"}
    assert (found.members[MemberAction.WAIT].count, found.members[MemberAction.LEAVE].count) == (1, 3)
    assert found.exchanges_waiting == 2
    outcome = await ran(apps, 3)
    assert (outcome.members.count, outcome.requests) == (0, 0)
    outcome = await ran(apps, 6)
    assert (outcome.members.count, outcome.members.hours, outcome.requests) == (2, hours("7.5"), 2)
    assert (await check(apps)).is_right


async def test_a_run_begins_the_executions_and_a_second_one_has_little_to_do(both: Migrating) -> None:
    apps, executions = apps_of(both)
    first = await ran(apps)
    assert (first.members.count, first.requests, first.not_started) == (4, 2, 0)
    assert executions.started == {PENDING, BEGUN}
    executions.started.clear()
    second = await ran(apps)
    assert (second.rows, second.members.count, second.requests) == (0, 0, 0)
    # Their workflows have not moved them yet: the first run may have died before it started them.
    assert executions.started == {PENDING, BEGUN}


async def test_what_cannot_be_started_is_left_to_the_sweep(both: Migrating) -> None:
    apps, executions = apps_of(both)
    executions.fails = True
    assert (await ran(apps)).not_started == 2
    assert (await check(apps)).is_right


@pytest.mark.parametrize(
    ("key", "changed", "why"),
    [
        ("alice", {"bankHours": {"N": "1"}}, "bankHours is 1.00, which the former app has written since"),
        ("alice", {"hoursTakenOver": {"N": "6"}}, "6.00 hours were taken over, and the opening entries say 5.00"),
        ("bob", {"heldBy": {"NULL": True}}, "has joined here, and 2.00 hours are still in the former app"),
    ],
)
async def test_what_does_not_agree_is_told(both: Migrating, apps: Apps, key: str, changed: Item, why: str) -> None:
    await ran(apps)
    row = await both.member(key)
    if "heldBy" in changed:
        row = {name: wire for name, wire in row.items() if name != "heldBy"} | {"bankHours": {"N": "2"}}
    else:
        row |= changed
    await both.put(User, row)
    found = await check(apps)
    assert not found.is_right
    (fault,) = found.faults
    assert (fault.id, fault.why.startswith(why)) == (key, True)


async def test_an_exchange_that_both_apps_go_on_with_is_told(both: Migrating, apps: Apps) -> None:
    await ran(apps)
    await both.put(Transaction, await both.exchange(PENDING) | {"status": {"S": "COMPLETED"}})
    (fault,) = (await check(apps)).faults
    assert (fault.id, fault.why.startswith("the former app has made it COMPLETED")) == (PENDING, True)


async def test_what_the_former_app_writes_is_named_by_the_run(both: Migrating, apps: Apps) -> None:
    await ran(apps)
    await both.put(User, await both.member("alice") | {"bankHours": {"N": "1"}})
    whys = {oddity.id: oddity.why for oddity in (await ran(apps)).left.oddities}
    assert whys["alice"].startswith("bankHours is 1.00")
    assert whys["eve"].startswith("bankHours is -1.00")


async def test_what_is_missing_is_told(both: Migrating, apps: Apps) -> None:
    assert {fault.why for fault in (await check(apps)).faults} == {"is not here; run again"}
    await ran(apps)
    await both.here.delete(UserBalance, "alice")
    assert [fault.why for fault in (await check(apps)).faults] == ["was taken over, and has no balance here"]


async def test_who_has_left_here_is_not_missed(both: Migrating, apps: Apps) -> None:
    await ran(apps)
    await both.here.delete(User, "alice")
    assert (await ran(apps)).rows == 0
    assert (await check(apps)).is_right


async def test_apps_agree_though_a_member_has_left_both(both: Migrating, apps: Apps) -> None:
    await ran(apps)
    for store in (both.here, both.there):
        await store.delete(User, "alice")
    found = await check(apps)
    assert found.is_right
    assert (found.taken_over.hours, found.opened.hours) == (hours("10.5"), hours("10.5"))
    assert (found.gone.count, found.gone.hours) == (1, hours("5"))


async def test_apps_agree_though_a_row_has_become_odd(both: Migrating, apps: Apps) -> None:
    """Who has given hours back owes some there by now."""
    await ran(apps)
    await rolled_back(apps)
    await both.put(User, await both.member("alice") | {"bankHours": {"N": "-2"}, "hoursTakenOver": {"N": "-1"}})
    found = await check(apps)
    assert found.is_right
    assert {oddity.id for oddity in found.left} == {"alice", "eve"}


@pytest.mark.parametrize("table", [TransactionLog, UserBalance])
async def test_a_row_that_cannot_be_read_is_told(both: Migrating, apps: Apps, table: type[Table]) -> None:
    await ran(apps)
    row = next(one for one in await rows(both.here, table) if text(one, "userId") == "alice")
    await both.here.put(table, {name: wire for name, wire in row.items() if name != "createdAt"})
    faults = [fault for fault in (await check(apps)).faults if fault.table == table.Meta.table_name]
    assert [fault.why.startswith("it cannot be read") for fault in faults] == [True]


async def test_a_rollback_gives_nothing_back_while_requests_are_open(both: Migrating, apps: Apps) -> None:
    await ran(apps)
    outcome = await rolled_back(apps, refund=False)
    assert outcome.open == {"INITIATED": 1, "IN_PROGRESS": 1}
    assert not outcome.is_done
    assert await both.hours() == (hours("-1"), hours("15.5"))
    assert all("custody" in row for row in await rows(both.here, User))
    whys = {fault.why for fault in (await check(apps)).faults}
    assert whys == {"was taken over, and begins nothing new here; a rollback has begun, and not ended"}


async def test_a_rollback_ends_requests_and_gives_everything_back(both: Migrating, apps: Apps) -> None:
    await ran(apps)
    outcome = await rolled_back(apps)
    assert outcome.is_done
    assert (outcome.members.count, outcome.members.hours) == (3, hours("15.5"))
    assert await both.hours() == (hours("14.5"), ZERO)
    for key in (PENDING, BEGUN):
        there = await both.exchange(key)
        assert (text(there, "status"), text(there, "heldBy")) == ("CANCELLED", None)
    assert text(await both.exchange(POOR), "status") == "IN_PROGRESS"
    assert (await check(apps)).is_right
    again = await ran(apps)
    assert (again.members.hours, again.requests) == (hours("15.5"), 0)
    assert (await check(apps)).is_right


async def test_a_rollback_leaves_what_is_broken_and_gives_all_else_back(both: Migrating, apps: Apps) -> None:
    """Of one request the escrow is gone, another cannot be read; nor can a member's balance."""
    await ran(apps)
    (escrow,) = await rows(both.here, Escrow)
    await both.here.delete(Escrow, escrow["id"]["S"])
    pending = await both.here.get(ServiceRequest, PENDING)
    assert pending is not None
    await both.here.put(ServiceRequest, pending | {"version": {"S": "one"}})
    balance = await both.here.get(UserBalance, "bob")
    assert balance is not None
    await both.here.put(UserBalance, balance | {"version": {"S": "one"}})
    outcome = await rolled_back(apps)
    assert (outcome.open, outcome.is_done) == ({}, False)
    whys = {(oddity.table, oddity.id): oddity.why for oddity in outcome.left.oddities}
    assert whys["ServiceRequest", BEGUN] == f"request {BEGUN} is IN_PROGRESS without hours in escrow"
    assert whys["ServiceRequest", PENDING].startswith("it cannot be read")
    assert whys["UserBalance", "bob"].startswith("it cannot be read")
    assert whys["UserBalance", "carol"].startswith("1.50 hours are held")
    assert text(await both.member("alice"), "bankHours") == "5"
    assert "ServiceRequest" in printed(print_rollback, outcome)


async def test_a_run_leaves_a_request_that_cannot_be_read(both: Migrating) -> None:
    apps, executions = apps_of(both)
    await ran(apps)
    begun = await both.here.get(ServiceRequest, BEGUN)
    assert begun is not None
    await both.here.put(ServiceRequest, begun | {"version": {"S": "one"}})
    executions.started.clear()
    odd = {oddity.table: oddity.id for oddity in (await ran(apps)).left.oddities}
    assert odd["ServiceRequest"] == BEGUN
    assert executions.started == {PENDING}


async def test_a_rollback_looks_less_and_less_often(apps: Apps, monkeypatch: pytest.MonkeyPatch) -> None:
    await ran(apps)
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(rollbacks, "asyncio", SimpleNamespace(sleep=pause))
    monkeypatch.setattr(rollbacks, "time", SimpleNamespace(monotonic=lambda: sum(paused)))
    outcome = await roll_back(apps, unseen(), refund=False, within=timedelta(seconds=200))
    assert outcome.open.total() == 2
    assert paused == [1, 2, 4, 8, 16, 32, 60, 60, 17]


async def test_an_older_app_may_lack_tables(both: Migrating, apps: Apps) -> None:
    older = Apps(apps.services, Store(both.calls, FormerNames.of("older-prod", both.here.names)))
    assert [await one.has(Service) for one in (apps, older)] == [True, False]
    assert [page async for page in older.former_pages(Service)] == []
    assert (await surveyed(older)).rows.total() == 0


def printed(show: object, *given: object) -> str:
    """Return what a report prints."""
    output = StringIO()
    show(Console(file=output, width=200), *given)  # type: ignore[operator]
    return output.getvalue()


async def test_the_reports_say_it_in_words(apps: Apps) -> None:
    found = await surveyed(apps)
    survey_text = printed(print_survey, found, 100)
    assert "PENDING: become requests" in survey_text
    assert "there is no member nobody" in survey_text
    outcome = await ran(apps)
    outcome.left.busy = outcome.not_started = 1
    text_of_run = printed(print_run, outcome)
    assert "4 members with 15.50 hours taken over, 2 requests begun" in text_of_run
    assert "1 rows kept changing" in text_of_run
    assert "1 requests could not be started" in text_of_run
    assert "Both apps agree." in printed(print_check, await check(apps))
    waiting = await rolled_back(apps, refund=False)
    assert "Requests are still open (1 INITIATED, 1 IN_PROGRESS)" in " ".join(
        printed(print_rollback, waiting).split()
    )
    assert "3 members with 15.50 hours given back" in printed(print_rollback, await rolled_back(apps))
    assert "do not agree" in printed(print_check, Check(faults=found.oddities))
