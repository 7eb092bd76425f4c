"""What each step writes, on an engine within this process: as the bank in memory says, on rows as they were."""

from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from models.clock import to_text
from models.errors import Refusal
from models.requests.decision import Change
from models.storage.store import key_of
from models.tables import (
    Dispute,
    Escrow,
    RequestGuard,
    Service,
    ServiceRequest,
    Table,
    User,
    UserBalance,
)
from models.transactions.composition import compose
from models.transactions.moves import Moved
from models.transactions.writing import Writing
from tests.unit.builders import NOW, REQUEST_ID, Bank, execution_of, hours
from tests.unit.models.requests.every_step import RULES, dispute_of, steps_taken
from tests.unit.places import bank_at
from tests.unit.stored import (
    NAMES,
    Rows,
    Stored,
    laid_out_events,
    laid_out_notices,
    stored,
    without,
    written,
)


@pytest.mark.parametrize(("place", "event"), steps_taken())
async def test_what_is_stored_is_what_the_bank_in_memory_says(place: str, event: str) -> None:
    bank = bank_at(place)
    bank.pass_time(1)
    async with stored(bank) as tables:
        before = await tables.read()
        events, notices, counts = len(bank.events), len(bank.notices), Counter(bank.counts)
        moved = await tables.transactions.move(REQUEST_ID, RULES[event], dispute_id=dispute_of(event))
        verdict = bank.move(RULES[event])
        if isinstance(verdict, Refusal):
            assert (moved, await tables.read(), await tables.announcements()) == (verdict, before, ([], []))
            return
        assert isinstance(moved, Moved)
        assert isinstance(verdict, Change)
        assert moved.request == bank.requests[REQUEST_ID]
        assert await tables.read() == _expected(bank, before, is_counted=bank.counts != counts)
        logged, notified = await tables.announcements()
        assert without(logged, "id") == without([*laid_out_events(bank, events, execution_of(verdict))])
        assert without(notified, "id") == without([*laid_out_notices(bank, notices, REQUEST_ID)])


def _expected(bank: Bank, before: Rows, *, is_counted: bool) -> Rows:
    """Return a bank's rows, members dated if they were counted; a guard that was there stays as it was put."""
    counted = {"updatedAt": {"S": to_text(bank.now if is_counted else NOW)}}
    expected = written(bank)
    return {
        **expected,
        "User": {key: {**user, **counted} for key, user in expected["User"].items()},
        "RequestGuard": {
            key: before["RequestGuard"].get(key, guard) for key, guard in expected["RequestGuard"].items()
        },
    }


# For each kind of write, what must still be as it was; "gone" is the "there" that there is one already.
RESTS_ON: dict[tuple[str, str], dict[str, Any]] = {
    ("Update", "ServiceRequest"): {"version": 99, "status": "EXPIRED", "gone": None},
    ("Update", "UserBalance"): {"version": 99, "gone": None},
    ("Update", "Escrow"): {"version": 99, "status": "RELEASED", "amount": hours("1.99"), "gone": None},
    ("Update", "Dispute"): {"version": 99, "gone": None},
    ("Update", "User"): {"gone": None},
    # It follows its request, whatever it says by itself.
    ("Update", "Transaction"): {},
    ("ConditionCheck", "Service"): {"isActive": False, "hourlyRate": hours("1.01"), "userId": "eve", "gone": None},
    ("ConditionCheck", "User"): {"isActive": False, "gone": None},
    ("Delete", "RequestGuard"): {"requestId": "another"},
    ("Put", ""): {"there": None},
}
TABLES: dict[str, type[Table]] = {
    table.Meta.table_name: table
    for table in (ServiceRequest, UserBalance, Escrow, Dispute, User, Service, RequestGuard)
}
MONEY = (
    ("VALIDATING", "hold"),
    ("AWAITING", "cancel"),
    ("AWAITING", "accept"),
    ("AWAITING late", "expire"),
    ("AWAITING rejected", "refund"),
    ("AWAITING accepted", "await start"),
    ("NEGOTIATING", "take"),
    ("NEGOTIATING", "counter"),
    ("ACCEPTED", "withdraw"),
    ("COMPLETED", "pay"),
    ("PAID", "rate"),
    ("COMPLETED", "pay out"),
    ("AWAITING", "give back"),
    ("IN_PROGRESS", "dispute"),
    ("PAID rated", "object"),
    ("DISPUTED", "assign"),
    ("DISPUTED assigned", "divide"),
    ("DISPUTED decided", "resolve"),
    ("DISPUTED paid decided", "resolve"),
)


@pytest.mark.parametrize(("place", "event"), MONEY)
async def test_a_step_is_not_written_on_rows_that_are_others_by_then(place: str, event: str) -> None:
    bank = bank_at(place)
    snapshot = bank.snapshot(bank.requests[REQUEST_ID], dispute_of(event))
    change = RULES[event](snapshot, bank.now)
    assert isinstance(change, Change)
    writing = Writing(NAMES, bank.now)
    assert compose(writing, snapshot, change, bank.now) is None
    for item in writing.items:
        ((operation, params),) = item.items()
        name = params["TableName"].removeprefix("unit-")
        rests_on = RESTS_ON["Put", ""] if operation == "Put" else RESTS_ON[operation, name]
        for attribute, value in rests_on.items():
            async with stored(bank) as tables:
                await _disturb(tables, params, attribute, value)
                before = await tables.read()
                with pytest.raises(ClientError, match="ConditionalCheckFailed"):
                    await tables.transactions.write(writing, "token")
                assert await tables.read() == before, f"{operation} {name} without its {attribute}"


async def _disturb(tables: Stored, params: dict[str, Any], attribute: str, value: Any) -> None:
    """Make one row another than the one that a write rests on."""
    name = params["TableName"].removeprefix("unit-")
    if attribute == "there":
        await tables.engine.call("dynamodb", "put_item", TableName=params["TableName"], Item=params["Item"])
        return
    key = params["Key"][key_of(TABLES[name]).attr_name]["S"]
    if attribute == "gone":
        await tables.undisturbed.delete(TABLES[name], key)
        return
    await tables.change(TABLES[name], key, **{attribute: value})
