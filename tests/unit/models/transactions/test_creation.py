"""Creating a request, on an engine within this process: once, by members whose hours are here."""

from dataclasses import replace
from functools import partial

import pytest

from models.errors import Code, Refusal
from models.hours import Hours
from models.requests import answers
from models.tables import ServiceRequest, Transaction, User
from models.transactions.composition import submission_id
from models.transactions.moves import Moved
from tests.chaos.books import rows
from tests.unit.builders import ALICE, BOB, REQUEST_ID, SERVICE_ID, Bank, hours, make_request
from tests.unit.places import PATHS, REQUEST_RULES, bank_at
from tests.unit.stored import stored


async def test_what_was_asked_for_is_known_when_other_hours_are_agreed_on() -> None:
    async with stored(Bank.opened()) as tables:
        create = partial(tables.transactions.create, make_request(), answers.create)
        await create()
        for step in PATHS["AWAITING again"]:
            assert isinstance(await tables.transactions.move(REQUEST_ID, REQUEST_RULES[step]), Moved)
        again = await create()
        assert isinstance(again, Moved)
        assert (again.before.estimated_hours, again.request.estimated_hours) == (hours("2"), hours("1.5"))
        assert again.before == replace(again.request, estimated_hours=hours("2"))


async def test_a_request_from_before_its_submission_was_logged_was_asked_for_as_it_stands() -> None:
    bank = bank_at("ACCEPTED")
    async with stored(bank) as tables:
        found = bank.requests[REQUEST_ID]
        again = await tables.transactions.create(make_request(), answers.create)
        assert again == Moved(before=found, request=found)


async def test_a_request_is_created_once_and_its_id_is_never_given_again() -> None:
    bank = Bank.opened()
    async with stored(bank) as tables:
        create = partial(tables.transactions.create, make_request(), answers.create)
        first = await create()
        assert isinstance(first, Moved)
        assert (first.before.version, first.request.version) == (0, 1)
        again = await create()
        assert again == Moved(before=first.request, request=first.request)
        assert [row["id"]["S"] for row in (await tables.announcements())[0]] == [submission_id(REQUEST_ID)]
        # Its log stays, whatever is deleted.
        for table in (ServiceRequest, Transaction):
            await tables.undisturbed.delete(table, REQUEST_ID)
            assert await create() is None
        assert await rows(tables.undisturbed, ServiceRequest) == []


async def test_a_request_that_nobody_could_pay_for_is_not_created() -> None:
    bank = Bank.opened()
    bank.services[SERVICE_ID] = replace(bank.services[SERVICE_ID], hourly_rate=hours("9000"))
    async with stored(bank) as tables:
        refused = await tables.transactions.create(make_request(), answers.create)
        assert isinstance(refused, Refusal)
        assert refused.code is Code.INVALID_AMOUNT


async def test_that_nobody_knows_a_member_is_left_to_the_validation_of_the_request() -> None:
    async with stored(Bank.opened()) as tables:
        for member in (ALICE, BOB):
            await tables.undisturbed.delete(User, member)
        assert isinstance(await tables.transactions.create(make_request(), answers.create), Moved)


@pytest.mark.parametrize(
    ("member", "asked", "field"),
    [
        (ALICE, None, "requesterId"),
        (ALICE, hours("2"), "consumerId"),  # asked for by createTransaction, which calls members otherwise
        (BOB, None, "providerId"),
    ],
)
async def test_nobody_asks_or_is_asked_whose_hours_the_former_app_keeps(
    member: str, asked: Hours | None, field: str
) -> None:
    async with stored(Bank.opened()) as tables:
        await tables.change(User, member, custody="FORMER_APP")
        tables.strict.made.clear()
        refused = await tables.transactions.create(make_request(asked=asked), answers.create)
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.facts["field"]) == (Code.HOURS_NOT_HERE_YET, field)
        assert tables.strict.made == ["batch_get_item"]
