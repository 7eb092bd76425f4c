"""Approvals on an engine within this process: two admins move many hours once, and one alone none."""

import json
from dataclasses import replace
from typing import Any

import pytest

from models.errors import Code, Refusal
from models.ledger.transfers import Transfer
from models.tables import TransferApproval
from tests.chaos.books import rows
from tests.chaos.faults import Fault, each_write
from tests.unit.builders import ADA, BOB, EVE
from tests.unit.models.ledger.test_transfers import A, by_admin, made
from tests.unit.models.transactions.test_accounts import NOBODY, elsewhere, office, tables
from tests.unit.stored import Stored, overtake

__all__ = ["tables"]


def large(by: str, **changes: Any) -> Transfer:
    return made(replace(by_admin(A, to_user_id=BOB), amount=100.01, by=by, **changes))


def code_of(outcome: object) -> Code | None:
    return outcome.code if isinstance(outcome, Refusal) else None


async def asked_by(tables: Stored) -> list[str]:
    return [row["requestedBy"]["S"] for row in await rows(tables.undisturbed, TransferApproval)]


async def test_many_hours_move_once_two_admins_want_it(tables: Stored) -> None:
    before = await tables.read()
    for _ in range(2):
        assert code_of(await office(tables).transfer(large(ADA))) is Code.APPROVAL_REQUIRED
    assert await tables.read() == before
    events, notices = await tables.announcements()
    assert [row["eventType"]["S"] for row in events] == ["Direct Transfer Approval Requested"]
    assert notices == []
    entry = await office(tables).transfer(large(EVE))
    assert isinstance(entry, dict)
    assert await asked_by(tables) == []
    done = await tables.read()
    assert done["UserBalance"][BOB]["availableBalance"] == {"N": "110.01"}
    for by in (ADA, EVE):
        assert await office(tables).transfer(large(by)) == entry
    assert code_of(await office(tables).transfer(large("carol"))) is Code.IDEMPOTENCY_MISMATCH
    assert await tables.read() == done
    logged = [json.loads(row["eventData"]["S"]) for row in (await tables.announcements())[0]]
    assert {data.get("requestedBy") for data in logged} == {None, ADA}


async def test_another_transfer_under_the_id_is_refused_and_the_first_still_waits(tables: Stored) -> None:
    await office(tables).transfer(large(ADA))
    for other in (
        large(EVE, description="Another"),
        large(ADA, description="Another"),
        made(by_admin(A, to_user_id=BOB)),
    ):
        assert code_of(await office(tables).transfer(other)) is Code.IDEMPOTENCY_MISMATCH
    assert await asked_by(tables) == [ADA]
    assert isinstance(await office(tables).transfer(large(EVE)), dict)


async def test_an_approval_expires_and_is_asked_for_anew(tables: Stored) -> None:
    await office(tables).transfer(large(ADA))
    tables.bank.pass_time(7 * 86_400)
    assert code_of(await office(tables).transfer(large(EVE))) is Code.APPROVAL_REQUIRED
    assert await asked_by(tables) == [EVE]
    assert code_of(await office(tables).transfer(large(EVE))) is Code.APPROVAL_REQUIRED
    assert isinstance(await office(tables).transfer(large(ADA)), dict)


async def test_few_hours_need_no_approval_once_the_one_for_many_has_expired(tables: Stored) -> None:
    await office(tables).transfer(large(ADA))
    tables.bank.pass_time(7 * 86_400)
    assert isinstance(await office(tables).transfer(made(by_admin(A, to_user_id=BOB))), dict)


async def test_an_approval_that_is_replaced_at_the_last_moment_is_looked_at_again(tables: Stored) -> None:
    row = TransferApproval
    await office(tables).transfer(large(ADA))
    overtake(tables, lambda: tables.undisturbed.update(row, large(ADA).id, [row.requestedBy.set("carol")]))
    assert isinstance(await office(tables).transfer(large(EVE)), dict)
    logged = [json.loads(event["eventData"]["S"]) for event in (await tables.announcements())[0]]
    assert {data.get("requestedBy") for data in logged} == {None, "carol"}


async def test_an_approval_of_something_else_by_then_is_not_used(tables: Stored) -> None:
    row, another = TransferApproval, json.dumps(large(ADA, description="Another").content)
    await office(tables).transfer(large(ADA))
    overtake(tables, lambda: tables.undisturbed.update(row, large(ADA).id, [row.content.set(another)]))
    assert code_of(await office(tables).transfer(large(EVE))) is Code.IDEMPOTENCY_MISMATCH


async def test_what_cannot_be_made_is_not_asked_for(tables: Stored) -> None:
    for given, code in (
        (replace(by_admin(A, to_user_id=NOBODY), amount=100.01), Code.USER_NOT_ACTIVE),
        (replace(by_admin(A, from_user_id=BOB), amount=100.01), Code.INSUFFICIENT_BALANCE),
    ):
        assert code_of(await office(tables).transfer(made(given))) is code
    assert await asked_by(tables) == []


async def test_two_admins_who_ask_at_once_have_asked_for_it_together(tables: Stored) -> None:
    overtake(tables, lambda: elsewhere(tables).transfer(large(ADA)))
    assert isinstance(await office(tables).transfer(large(EVE)), dict)
    assert await asked_by(tables) == []


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT, Fault.THROTTLED])
async def test_an_approval_is_used_once_however_often_it_is_tried(tables: Stored, fault: Fault) -> None:
    tables.calls.plan = each_write(fault, fault)
    assert code_of(await office(tables, tables.tick).transfer(large(ADA))) is Code.APPROVAL_REQUIRED
    tables.calls.plan = each_write(fault, fault)
    assert isinstance(await office(tables, tables.tick).transfer(large(EVE)), dict)
    assert len((await tables.read())["TransactionLog"]) == 3


async def test_a_third_admin_finds_it_done(tables: Stored) -> None:
    await office(tables).transfer(large(ADA))
    overtake(tables, lambda: elsewhere(tables).transfer(large("carol")))
    assert code_of(await office(tables).transfer(large(EVE))) is Code.IDEMPOTENCY_MISMATCH
    assert (await tables.read())["UserBalance"][BOB]["availableBalance"] == {"N": "110.01"}
