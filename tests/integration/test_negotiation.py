"""Counter-offers through the API, on the real local cloud."""

from decimal import Decimal

import pytest

from tests.integration.conftest import Cloud, GraphQL, RefusedError, Server
from tests.integration.request_client import COUNTER, RESPOND, Joining, RequestClient, client_on, new_client
from tests.integration.test_requests import UNTOUCHED, replayed


@pytest.fixture
async def client(graphql: GraphQL, members: Joining) -> RequestClient:
    client = await new_client(graphql, members)
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    return client


def hours(alice: str, held: str, bob: str = "10") -> tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]:
    return (Decimal(alice), Decimal(held)), (Decimal(bob), Decimal(0))


async def test_two_rounds_end_in_what_both_agree_on(client: RequestClient, cloud: Cloud) -> None:
    await client.offer(4, 1.5)
    negotiating = await client.reach("NEGOTIATING")
    assert (negotiating["offeredHours"], negotiating["offeredRate"], negotiating["negotiationRound"]) == (
        4,
        1.5,
        1,
    )
    assert (negotiating["estimatedHours"], negotiating["amount"]) == (2, 2)
    assert await client.all_hours() == hours("8", "2")
    assert "4.00 hours at 1.50 an hour" in (await client.messages_to(client.alice))[0]

    await client.negotiate("COUNTER", estimatedHours=3, agreedRate=1)
    again = await client.reach("AWAITING_RESPONSE")
    assert (again["estimatedHours"], again["amount"], again["offeredHours"]) == (3, 3, None)
    assert await client.all_hours() == hours("7", "3")
    assert "3.00 hours at 1.00 an hour" in (await client.messages_to(client.bob))[0]

    await client.offer(2.5, 1)
    await client.reach("NEGOTIATING")
    with pytest.raises(RefusedError) as refused:
        await client.negotiate("COUNTER", estimatedHours=1, agreedRate=1)
    assert refused.value.code == "NEGOTIATION_ROUNDS_EXCEEDED"
    answered = await client.negotiate("ACCEPT")
    assert (await client.negotiate("ACCEPT"))["id"] == answered["id"]
    accepted = await client.reach("ACCEPTED")
    assert (accepted["estimatedHours"], accepted["amount"], accepted["agreedRate"]) == (2.5, 2.5, 1)
    assert await client.all_hours() == hours("7.5", "2.5")

    for mark in ("markServiceStarted", "confirmServiceStart"):
        await client.mark(mark)
    await client.reach("IN_PROGRESS")
    for mark in ("markServiceComplete", "confirmServiceCompletion"):
        await client.mark(mark)
    await client.reach("PAID")
    paid = hours("7.5", "0", "12.5")
    assert await client.all_hours() == paid
    for member, figures in zip((client.alice, client.bob), paid, strict=True):
        assert replayed(cloud, member) == figures


async def test_a_counter_offer_may_be_declined(client: RequestClient) -> None:
    await client.offer(4)
    await client.reach("NEGOTIATING")
    await client.negotiate("REJECT")
    assert (await client.reach("REJECTED"))["statusReason"] == "REQUESTER_REJECTED"
    assert await client.all_hours() == UNTOUCHED


async def test_a_counter_offer_that_nobody_answers_expires(short_windows: Server) -> None:
    async with client_on(short_windows) as client:
        await client.ask()
        await client.reach("AWAITING_RESPONSE")
        await client.offer(4)
        await client.reach("NEGOTIATING")
        assert (await client.reach("EXPIRED", within=60))["statusReason"] == "NEGOTIATION_TIMEOUT"
        assert await client.all_hours() == UNTOUCHED


async def test_a_request_may_be_cancelled_while_it_is_negotiated(client: RequestClient) -> None:
    await client.offer(4)
    await client.reach("NEGOTIATING")
    await client.end("cancelServiceRequest", by=client.alice)
    assert (await client.reach("REJECTED"))["statusReason"] == "REQUESTER_CANCELLED"
    assert await client.all_hours() == UNTOUCHED


async def test_who_has_too_few_hours_for_an_offer_is_told_and_may_answer_otherwise(client: RequestClient) -> None:
    await client.offer(20)
    await client.reach("NEGOTIATING")
    with pytest.raises(RefusedError) as refused:
        await client.negotiate("ACCEPT")
    assert refused.value.code == "INSUFFICIENT_BALANCE"
    assert refused.value.errors[0]["errorInfo"] == {"available": 8.0, "needed": 18.0}
    assert await client.all_hours() == hours("8", "2")
    await client.negotiate("COUNTER", estimatedHours=10, agreedRate=1)
    await client.reach("AWAITING_RESPONSE")
    assert await client.all_hours() == hours("0", "10")
    await client.respond("REJECTED")
    await client.reach("REJECTED")
    assert await client.all_hours() == UNTOUCHED


@pytest.mark.parametrize("terms", [(0, 1), (0.001, 1), (1, -1), (1e9, 1e9)])
async def test_terms_that_nobody_can_hold_are_refused(client: RequestClient, terms: tuple[float, float]) -> None:
    with pytest.raises(RefusedError) as refused:
        await client.offer(*terms)
    assert refused.value.code == "INVALID_AMOUNT"


async def test_terms_go_with_a_counter_offer_and_with_nothing_else(client: RequestClient) -> None:
    for attempt in (client.negotiate("COUNTER"), client.negotiate("ACCEPT", estimatedHours=1, agreedRate=1)):
        with pytest.raises(RefusedError, match="counterOffer") as refused:
            await attempt
        assert refused.value.code == "BadRequest"
    with pytest.raises(RefusedError) as refused:
        await client.negotiate("ACCEPT")
    assert refused.value.code == "INVALID_REQUEST_STATUS"
    with pytest.raises(RefusedError) as refused:
        await client.offer(1, by=client.alice)
    assert refused.value.code == "UNAUTHORIZED_PROVIDER"


async def test_an_answer_to_another_round_is_refused(client: RequestClient) -> None:
    await client.offer(4, 1)
    await client.reach("NEGOTIATING")
    await client.negotiate("COUNTER", estimatedHours=3, agreedRate=1)
    await client.reach("AWAITING_RESPONSE")

    async def respond(response: str, round: int, **more: object) -> None:
        given = {"requestId": client.id, "response": response, "negotiationRound": round, **more}
        await client.graphql(client.bob.token, RESPOND, {"input": given})

    with pytest.raises(RefusedError) as refused:
        await respond("ACCEPTED", 0)
    assert refused.value.code == "INVALID_REQUEST_STATUS"
    # The offer that is repeated in its round is no second one.
    await respond("COUNTER_OFFER", 0, counterOffer={"estimatedHours": 4, "agreedRate": 1})
    found = await client.look()
    assert (found["status"], found["negotiationRound"], found["amount"]) == ("AWAITING_RESPONSE", 1, 3)
    given = {"requestId": client.id, "response": "ACCEPT", "negotiationRound": 2}
    with pytest.raises(RefusedError) as early:
        await client.graphql(client.alice.token, COUNTER, {"input": given})
    assert early.value.code == "INVALID_REQUEST_STATUS"
    await respond("ACCEPTED", 1)
    assert (await client.reach("ACCEPTED"))["amount"] == 3
