"""Who queues for the accounts of a request, in whose name, and who is refused without queueing."""

from functools import partial

from models.errors import Code, Refusal, not_found_refusal
from models.requests import answers, payment, steps
from models.requests.request import Party
from models.transactions.moves import Moved
from tests.unit.builders import ALICE, BOB, REQUEST_ID
from tests.unit.places import REQUEST_RULES, bank_at
from tests.unit.stored import stored


async def test_whatever_moves_hours_of_two_members_goes_one_by_one() -> None:
    async with stored(bank_at("COMPLETED")) as tables:
        await tables.transactions.move(REQUEST_ID, payment.pay)
        await tables.transactions.move(REQUEST_ID, steps.begin_validation)
        assert tables.strict.queued == [[ALICE, BOB]]
        assert tables.strict.queued_by == [ALICE]  # the workflow's work is the requester's


async def test_a_person_who_is_refused_does_not_queue_nor_one_who_repeats() -> None:
    async with stored(bank_at("AWAITING")) as tables:
        cancel = REQUEST_RULES["cancel"]
        assert isinstance(await tables.transactions.move(REQUEST_ID, cancel, by=ALICE), Moved)
        assert (tables.strict.queued, tables.strict.queued_by) == ([[ALICE, BOB]], [ALICE])
        for rule in (cancel, REQUEST_RULES["withdraw"]):
            await tables.transactions.move(REQUEST_ID, rule, by=BOB)
        assert len(tables.strict.queued) == 1
        await tables.transactions.move(REQUEST_ID, cancel)
        assert len(tables.strict.queued) == 2


async def test_a_person_who_need_not_queue_is_judged_once_and_has_a_place_of_their_own() -> None:
    async with stored(bank_at("AWAITING")) as tables:
        tables.strict.free = True
        await tables.transactions.move(REQUEST_ID, REQUEST_RULES["cancel"], by=BOB)
        assert tables.strict.made == ["get_item", "batch_get_item", "transact_write_items"]
        assert tables.strict.queued_by == [BOB]


async def test_whoever_is_no_party_is_refused_by_the_request_alone() -> None:
    refuse = partial(answers.not_a_party_refusal, by="eve", party=Party.REQUESTER)
    async with stored(bank_at("AWAITING")) as tables:
        refused = await tables.transactions.move(REQUEST_ID, REQUEST_RULES["cancel"], by="eve", refuse=refuse)
        assert refused == not_found_refusal()
        assert tables.strict.made == ["get_item"]
        assert tables.strict.queued == []


async def test_a_person_whose_hours_do_not_suffice_does_not_queue() -> None:
    bank = bank_at("NEGOTIATING")
    bank.balances[ALICE] = bank.balances[ALICE].locked(BOB, bank.now)
    async with stored(bank) as tables:
        refused = await tables.transactions.move(REQUEST_ID, REQUEST_RULES["take"], by=ALICE)
        assert isinstance(refused, Refusal)
        assert refused.code is Code.ACCOUNT_LOCKED
        assert tables.strict.queued == []
