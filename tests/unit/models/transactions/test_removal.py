"""What is deleted of a request, and what stays of it, on an engine within this process."""

import pytest

from models.clock import to_text
from models.errors import Code, Refusal
from models.storage.store import ConditionFailedError, Item
from models.tables import ServiceRequest
from tests.chaos.books import rows
from tests.chaos.faults import Fault, each_write
from tests.unit.builders import REQUEST_ID
from tests.unit.models.transactions.test_composition import stored_exchange
from tests.unit.models.transactions.test_moves import other, overtaken, writes
from tests.unit.places import bank_at
from tests.unit.stored import overtake, stored, written


def anybody(_: Item) -> bool:
    return True


@pytest.mark.parametrize("version", [None, 1])
async def test_a_request_that_is_deleted_leaves_its_exchange_cancelled(version: int | None) -> None:
    bank = bank_at("INITIATED")
    async with stored(bank) as tables:
        await tables.change(ServiceRequest, REQUEST_ID, version=version)
        bank.pass_time(1)
        removed = await tables.transactions.remove(REQUEST_ID, anybody)
        assert not isinstance(removed, Refusal)
        assert removed["id"] == {"S": REQUEST_ID}
        assert await rows(tables.undisturbed, ServiceRequest) == []
        found = await stored_exchange(tables)
        assert (found["status"], found["description"]) == ({"S": "CANCELLED"}, {"S": "Garden help"})
        assert found["updatedAt"] == {"S": to_text(bank.now)}
        with pytest.raises(ConditionFailedError):
            await tables.transactions.remove(REQUEST_ID, anybody)


async def test_a_request_that_has_ended_is_deleted_and_its_exchange_stays_as_it_is() -> None:
    bank = bank_at("PAID rated")
    async with stored(bank) as tables:
        await tables.transactions.remove(REQUEST_ID, anybody)
        assert await stored_exchange(tables) == written(bank)["Transaction"][REQUEST_ID]


async def test_a_request_is_deleted_only_as_its_owner_wants_it_and_while_nothing_is_held() -> None:
    async with stored(bank_at("INITIATED")) as tables:
        with pytest.raises(ConditionFailedError):
            await tables.transactions.remove(REQUEST_ID, lambda _: False)
    async with stored(bank_at("AWAITING")) as tables:
        refused = await tables.transactions.remove(REQUEST_ID, anybody)
        assert isinstance(refused, Refusal)
        assert refused.code is Code.INVALID_REQUEST_STATUS


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNSENT, Fault.CONFLICT])
async def test_a_deletion_whose_answer_is_lost_is_done_once(fault: Fault) -> None:
    async with stored(bank_at("INITIATED"), each_write(fault)) as tables:
        removed = await tables.transactions.remove(REQUEST_ID, anybody)
        assert not isinstance(removed, Refusal)
        assert await rows(tables.undisturbed, ServiceRequest) == []


async def test_a_request_that_another_host_changes_in_the_same_moment_is_looked_at_again() -> None:
    async with stored(bank_at("INITIATED")) as tables:
        overtake(tables, lambda: tables.change(ServiceRequest, REQUEST_ID, version=2))
        with pytest.raises(ConditionFailedError):
            await tables.transactions.remove(REQUEST_ID, lambda row: row["version"] == {"N": "1"})


async def test_a_request_that_begins_meanwhile_is_not_deleted() -> None:
    async with overtaken(bank_at("INITIATED"), writes, lambda tables: other(tables, "begin")()) as tables:
        refused = await tables.transactions.remove(REQUEST_ID, anybody)
        assert isinstance(refused, Refusal)
        assert (await stored_exchange(tables))["status"] == {"S": "PENDING"}
