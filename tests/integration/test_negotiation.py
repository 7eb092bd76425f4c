"""Counter-offers through the API, on the real local cloud."""

from decimal import Decimal

import pytest

from tests.integration.conftest import Cloud, GraphQL, RefusedError, Server
from tests.integration.request_client import Deal, Joining, deal_on, new_deal
from tests.integration.test_requests import UNTOUCHED, replayed


@pytest.fixture
async def deal(graphql: GraphQL, members: Joining) -> Deal:
    deal = await new_deal(graphql, members)
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    return deal


def hours(alice: str, held: str, bob: str = "10") -> tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]:
    return (Decimal(alice), Decimal(held)), (Decimal(bob), Decimal(0))


async def test_two_rounds_end_in_what_both_agree_on(deal: Deal, cloud: Cloud) -> None:
    await deal.offer(4, 1.5)
    negotiating = await deal.reach("NEGOTIATING")
    assert (negotiating["offeredHours"], negotiating["offeredRate"], negotiating["negotiationRound"]) == (
        4,
        1.5,
        1,
    )
    assert (negotiating["estimatedHours"], negotiating["amount"]) == (2, 2)
    assert await deal.all_hours() == hours("8", "2")
    assert "4.00 hours at 1.50 an hour" in (await deal.told(deal.alice))[0]

    await deal.negotiate("COUNTER", estimatedHours=3, agreedRate=1)
    again = await deal.reach("AWAITING_RESPONSE")
    assert (again["estimatedHours"], again["amount"], again["offeredHours"]) == (3, 3, None)
    assert await deal.all_hours() == hours("7", "3")
    assert "3.00 hours at 1.00 an hour" in (await deal.told(deal.bob))[0]

    await deal.offer(2.5, 1)
    await deal.reach("NEGOTIATING")
    with pytest.raises(RefusedError) as refused:
        await deal.negotiate("COUNTER", estimatedHours=1, agreedRate=1)
    assert refused.value.code == "NEGOTIATION_ROUNDS_EXCEEDED"
    answered = await deal.negotiate("ACCEPT")
    assert (await deal.negotiate("ACCEPT"))["id"] == answered["id"]
    accepted = await deal.reach("ACCEPTED")
    assert (accepted["estimatedHours"], accepted["amount"], accepted["agreedRate"]) == (2.5, 2.5, 1)
    assert await deal.all_hours() == hours("7.5", "2.5")

    for mark in ("markServiceStarted", "confirmServiceStart"):
        await deal.mark(mark)
    await deal.reach("IN_PROGRESS")
    for mark in ("markServiceComplete", "confirmServiceCompletion"):
        await deal.mark(mark)
    await deal.reach("PAID")
    paid = hours("7.5", "0", "12.5")
    assert await deal.all_hours() == paid
    for member, figures in zip((deal.alice, deal.bob), paid, strict=True):
        assert replayed(cloud, member) == figures


async def test_a_counter_offer_may_be_declined(deal: Deal) -> None:
    await deal.offer(4)
    await deal.reach("NEGOTIATING")
    await deal.negotiate("REJECT")
    assert (await deal.reach("REJECTED"))["statusReason"] == "REQUESTER_REJECTED"
    assert await deal.all_hours() == UNTOUCHED


async def test_a_counter_offer_that_nobody_answers_expires(hurried: Server) -> None:
    async with deal_on(hurried) as deal:
        await deal.ask()
        await deal.reach("AWAITING_RESPONSE")
        await deal.offer(4)
        await deal.reach("NEGOTIATING")
        assert (await deal.reach("EXPIRED", within=60))["statusReason"] == "NEGOTIATION_TIMEOUT"
        assert await deal.all_hours() == UNTOUCHED


async def test_a_request_may_be_cancelled_while_it_is_negotiated(deal: Deal) -> None:
    await deal.offer(4)
    await deal.reach("NEGOTIATING")
    await deal.end("cancelServiceRequest", by=deal.alice)
    assert (await deal.reach("REJECTED"))["statusReason"] == "REQUESTER_CANCELLED"
    assert await deal.all_hours() == UNTOUCHED


async def test_who_has_too_few_hours_for_an_offer_is_told_and_may_answer_otherwise(deal: Deal) -> None:
    await deal.offer(20)
    await deal.reach("NEGOTIATING")
    with pytest.raises(RefusedError) as refused:
        await deal.negotiate("ACCEPT")
    assert refused.value.code == "INSUFFICIENT_BALANCE"
    assert refused.value.errors[0]["errorInfo"] == {"available": 8.0, "needed": 18.0}
    assert await deal.all_hours() == hours("8", "2")
    await deal.negotiate("COUNTER", estimatedHours=10, agreedRate=1)
    await deal.reach("AWAITING_RESPONSE")
    assert await deal.all_hours() == hours("0", "10")
    await deal.respond("REJECTED")
    await deal.reach("REJECTED")
    assert await deal.all_hours() == UNTOUCHED


@pytest.mark.parametrize("terms", [(0, 1), (0.001, 1), (1, -1), (1e9, 1e9)])
async def test_terms_that_nobody_can_hold_are_refused(deal: Deal, terms: tuple[float, float]) -> None:
    with pytest.raises(RefusedError) as refused:
        await deal.offer(*terms)
    assert refused.value.code == "INVALID_AMOUNT"


async def test_terms_go_with_a_counter_offer_and_with_nothing_else(deal: Deal) -> None:
    for attempt in (deal.negotiate("COUNTER"), deal.negotiate("ACCEPT", estimatedHours=1, agreedRate=1)):
        with pytest.raises(RefusedError, match="counterOffer") as refused:
            await attempt
        assert refused.value.code == "BadRequest"
    with pytest.raises(RefusedError) as refused:
        await deal.negotiate("ACCEPT")
    assert refused.value.code == "INVALID_REQUEST_STATUS"
    with pytest.raises(RefusedError) as refused:
        await deal.offer(1, by=deal.alice)
    assert refused.value.code == "UNAUTHORIZED_PROVIDER"
