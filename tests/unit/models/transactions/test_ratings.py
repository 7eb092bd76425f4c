"""Ratings on an engine within this process: the rating, its exchange and the average change together."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from models.clock import from_text, to_text
from models.errors import Code, ContentionError, Refusal
from models.identifiers import derived
from models.storage.codec import item_of
from models.storage.store import ConditionFailedError, Item
from models.tables import EventLog, Notification, Rating, Transaction, User
from models.transactions.ratings import Changes, Ratings
from tests.chaos.books import rows
from tests.chaos.faults import Fault, each_write
from tests.unit.builders import ALICE, BOB, EVE, NOW, Bank
from tests.unit.stored import Stored, overtake, stored, written, written_anew

FIRST = "99999999-0000-4000-8000-000000000001"
LATER = to_text(NOW + timedelta(seconds=1))
HIDE: Changes = {"isHidden": {"BOOL": True}, "updatedAt": {"S": LATER}}


def exchange(key: str, **changes: Any) -> Item:
    paid: dict[str, Any] = {
        "id": key,
        "providerId": BOB,
        "consumerId": ALICE,
        "status": "COMPLETED",
        "createdAt": NOW,
    }
    return item_of(Transaction, **{**paid, "updatedAt": NOW, **changes})


def rating(key: str = FIRST, stars: float = 4.5, **changes: Any) -> Item:
    given: dict[str, Any] = {
        "id": key,
        "transactionId": f"x{key}",
        "raterId": ALICE,
        "ratedUserId": BOB,
        "rating": stars,
        "feedback": "Green",
        "createdAt": NOW,
        "updatedAt": NOW,
    }
    return item_of(Rating, **{**given, **changes})


@pytest.fixture
async def tables() -> AsyncIterator[Stored]:
    bank = Bank.opened()
    bank.pass_time(1)
    async with stored(bank) as opened:
        for number in range(3):
            await opened.put(Transaction, exchange(f"x{key_of(number)}"))
        yield opened


def key_of(number: int) -> str:
    return FIRST[:-1] + str(number + 1)


def office(tables: Stored) -> Ratings:
    return Ratings(tables.store, tables.transactions, tables.tick)


def anybody(_: Item) -> bool:
    return True


async def counted(tables: Stored) -> tuple[float, int, int]:
    item = await tables.undisturbed.get(User, BOB, consistent=True)
    assert item is not None
    zero = {"N": "0"}
    figures = (item["rating"], item.get("ratingHundredths", zero), item.get("ratingCount", zero))
    return float(figures[0]["N"]), int(figures[1]["N"]), int(figures[2]["N"])


async def shown(tables: Stored, key: str = FIRST) -> tuple[Any, Any, Any]:
    item = await tables.undisturbed.get(Transaction, f"x{key}", consistent=True)
    assert item is not None
    return item.get("ratingId"), item.get("rating"), item.get("feedback")


async def everything(tables: Stored) -> list[list[Item]]:
    return [await rows(tables.undisturbed, table) for table in (Rating, Transaction, User, EventLog, Notification)]


async def test_a_rating_counts_shows_and_is_told(tables: Stored) -> None:
    assert await office(tables).give(rating()) == rating()
    assert await rows(tables.undisturbed, Rating) == [written_anew(rating())]
    assert await counted(tables) == (4.5, 450, 1)
    assert await shown(tables) == ({"S": FIRST}, {"N": "4.5"}, {"S": "Green"})
    member = await tables.undisturbed.get(User, BOB, consistent=True)
    exchanged = await tables.undisturbed.get(Transaction, f"x{FIRST}", consistent=True)
    assert member is not None
    assert exchanged is not None
    assert NOW < from_text(member["updatedAt"]["S"]) <= tables.bank.now
    assert exchanged["updatedAt"] == member["updatedAt"]
    (event,), (notice,) = await tables.announcements()
    assert [event[name]["S"] for name in ("eventType", "source", "entityType", "entityId", "actorUserId")] == [
        "Rating Submitted", "hourbank.service-requests", "TRANSACTION", f"x{FIRST}", ALICE,
    ]  # fmt: skip
    assert event["eventData"]["S"] == f'{{"ratedUserId": "{BOB}", "rating": 4.5, "ratingId": "{FIRST}"}}'
    assert [notice[name]["S"] for name in ("userId", "type", "relatedId", "message")] == [
        BOB, "RATING_RECEIVED", FIRST, "A member gave you 4.5 of 5 stars.",
    ]  # fmt: skip
    # What a member chose must not be what another notice follows from.
    assert notice["id"]["S"] == derived(derived(f"x{FIRST}", "rating", FIRST), "notice", BOB)


async def test_words_are_no_must(tables: Stored) -> None:
    await tables.change(Transaction, f"x{FIRST}", feedback="of old")
    await office(tables).give(rating(feedback=None))
    assert await shown(tables) == ({"S": FIRST}, {"N": "4.5"}, None)


async def test_the_average_is_of_all(tables: Stored) -> None:
    for number, stars in enumerate((5.0, 4.0, 4.0)):
        await office(tables).give(rating(key_of(number), stars))
    assert await counted(tables) == (4.33, 1300, 3)


async def test_a_rating_that_is_there_is_handed_back_and_a_second_one_refused(tables: Stored) -> None:
    await office(tables).give(rating())
    before = await everything(tables)
    assert await office(tables).give(rating(stars=1.0)) == written_anew(rating())
    refused = await office(tables).give(rating(key_of(1), transactionId=f"x{FIRST}"))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.ALREADY_RATED
    assert await everything(tables) == before


async def test_an_admin_hides_shows_and_removes(tables: Stored) -> None:
    await office(tables).give(rating())
    await office(tables).give(rating(key_of(1), 3.0))
    hidden = await office(tables).amend(FIRST, HIDE, anybody, actor=EVE)
    assert hidden == written_anew(rating(isHidden=True, updatedAt=from_text(LATER)))
    assert await tables.undisturbed.get(Rating, FIRST, consistent=True) == hidden
    assert (await counted(tables), await shown(tables)) == ((3.0, 300, 1), ({"S": FIRST}, None, None))
    tables.bank.pass_time(1)
    again: Changes = {"isHidden": None, "updatedAt": {"S": to_text(tables.bank.now)}}
    visible = await office(tables).amend(FIRST, again, anybody, actor=EVE)
    assert "isHidden" not in visible
    assert await tables.undisturbed.get(Rating, FIRST, consistent=True) == visible
    assert await counted(tables) == (3.75, 750, 2)
    assert await shown(tables) == ({"S": FIRST}, {"N": "4.5"}, {"S": "Green"})
    tables.bank.pass_time(1)
    assert await office(tables).amend(FIRST, None, anybody, actor=EVE) == visible
    assert await tables.undisturbed.get(Rating, FIRST, consistent=True) is None
    assert (await counted(tables), await shown(tables)) == ((3.0, 300, 1), ({"S": FIRST}, None, None))
    logged = sorted((row["timestamp"]["S"], row["eventType"]["S"]) for row in (await tables.announcements())[0])
    assert [type_ for _, type_ in logged] == [
        "Rating Submitted", "Rating Submitted", "Rating Moderated", "Rating Moderated", "Rating Removed",
    ]  # fmt: skip
    assert {row["actorUserId"]["S"] for row in (await tables.announcements())[0]} == {ALICE, EVE}


async def test_what_is_not_there_or_not_so_is_not_amended(tables: Stored) -> None:
    with pytest.raises(ConditionFailedError) as absent:
        await office(tables).amend(FIRST, HIDE, anybody, actor=EVE)
    assert absent.value.item is None
    with pytest.raises(ConditionFailedError):
        await office(tables).amend(FIRST, None, anybody, actor=EVE)
    await office(tables).give(rating())
    before = await everything(tables)
    with pytest.raises(ConditionFailedError) as unmet:
        await office(tables).amend(FIRST, HIDE, lambda _: False, actor=EVE)
    assert unmet.value.item == written_anew(rating())
    assert await everything(tables) == before


async def test_an_exchange_or_a_member_that_is_gone_keeps_no_rating_from_being_removed(tables: Stored) -> None:
    await office(tables).give(rating())
    await tables.undisturbed.delete(User, BOB)
    await tables.undisturbed.delete(Transaction, f"x{FIRST}")
    await office(tables).amend(FIRST, None, anybody, actor=EVE)
    assert await rows(tables.undisturbed, Rating) == []
    assert await tables.undisturbed.get(User, BOB) is None
    assert await tables.undisturbed.get(Transaction, f"x{FIRST}") is None


async def join_again(tables: Stored) -> None:
    """Let Bob have left, and join again now."""
    item = {**written(tables.bank)["User"][BOB], "createdAt": {"S": to_text(tables.bank.now)}}
    await tables.put(User, item)


async def test_a_member_who_left_and_joined_again_begins_at_nothing(tables: Stored) -> None:
    for number, stars in enumerate((1.0, 2.0)):
        await office(tables).give(rating(key_of(number), stars))
    await join_again(tables)
    await office(tables).amend(FIRST, HIDE, anybody, actor=EVE)
    await office(tables).amend(key_of(1), None, anybody, actor=EVE)
    assert await counted(tables) == (0.0, 0, 0)
    await office(tables).give(rating(key_of(2), 5.0, createdAt=tables.bank.now))
    assert await counted(tables) == (5.0, 500, 1)


async def test_who_joins_again_meanwhile_begins_at_nothing_too(tables: Stored) -> None:
    overtake(tables, lambda: join_again(tables))
    await office(tables).give(rating())
    assert await counted(tables) == (0.0, 0, 0)
    assert await shown(tables) == ({"S": FIRST}, {"N": "4.5"}, {"S": "Green"})


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT, Fault.THROTTLED])
async def test_what_is_tried_again_counts_once(tables: Stored, fault: Fault) -> None:
    tables.calls.plan = each_write(fault)
    assert await office(tables).give(rating()) in (rating(), written_anew(rating()))
    assert await counted(tables) == (4.5, 450, 1)
    tables.calls.plan = each_write(fault)
    await office(tables).amend(FIRST, HIDE, anybody, actor=EVE)
    assert await counted(tables) == (0.0, 0, 0)
    tables.calls.plan = each_write(fault)
    tables.bank.pass_time(1)
    last = await office(tables).amend(FIRST, None, anybody, actor=EVE)
    assert last["id"] == {"S": FIRST}
    assert await rows(tables.undisturbed, Rating) == []


async def test_two_who_rate_at_once_are_both_counted(tables: Stored) -> None:
    overtake(tables, lambda: office(tables).give(rating(key_of(1), 3.0)))
    await office(tables).give(rating())
    assert await counted(tables) == (3.75, 750, 2)
    overtake(tables, lambda: office(tables).give(rating(key_of(2), 2.0)))
    await office(tables).amend(FIRST, HIDE, anybody, actor=EVE)
    assert await counted(tables) == (2.5, 500, 2)


async def test_two_ratings_of_one_exchange_at_once_are_one(tables: Stored) -> None:
    overtake(tables, lambda: office(tables).give(rating(key_of(1), 3.0, transactionId=f"x{FIRST}")))
    refused = await office(tables).give(rating())
    assert isinstance(refused, Refusal)
    assert refused.code is Code.ALREADY_RATED
    assert await counted(tables) == (3.0, 300, 1)


async def test_one_rating_given_twice_at_once_counts_once(tables: Stored) -> None:
    overtake(tables, lambda: office(tables).give(rating()))
    assert await office(tables).give(rating()) == written_anew(rating())
    assert await counted(tables) == (4.5, 450, 1)


@pytest.mark.parametrize("changes", [HIDE, None], ids=["hide", "remove"])
async def test_who_amends_what_another_has_just_amended_decides_again(
    tables: Stored, changes: Changes | None
) -> None:
    await office(tables).give(rating())

    async def hide_first() -> None:
        await Ratings(tables.undisturbed, tables.transactions, tables.tick).amend(
            FIRST, HIDE, anybody, actor=ALICE
        )

    overtake(tables, hide_first)
    tables.bank.pass_time(0.5)
    await office(tables).amend(FIRST, changes, anybody, actor=EVE)
    assert await counted(tables) == (0.0, 0, 0)
    assert len((await tables.announcements())[0]) == 3


@pytest.mark.parametrize(("table", "key"), [(User, BOB), (Transaction, f"x{FIRST}")], ids=["member", "exchange"])
async def test_a_row_that_goes_meanwhile_is_not_made_again(tables: Stored, table: Any, key: str) -> None:
    await office(tables).give(rating())
    overtake(tables, lambda: tables.undisturbed.delete(table, key))
    await office(tables).amend(FIRST, None, anybody, actor=EVE)
    assert await tables.undisturbed.get(table, key, consistent=True) is None


@pytest.mark.parametrize("rated", [False, True], ids=["the first", "another"])
@pytest.mark.parametrize("attribute", ["ratingCount", "ratingHundredths"])
async def test_an_average_that_was_changed_meanwhile_is_not_written_over(
    tables: Stored, attribute: str, *, rated: bool
) -> None:
    if rated:
        await office(tables).give(rating(key_of(1), 3.0))
    upstream, figure = tables.engine.call, iter(range(700, 10_000))

    async def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "transact_write_items":
            await tables.change(User, BOB, **{attribute: next(figure)})
        return await upstream(service, operation, **params)

    tables.engine.call = call  # type: ignore[method-assign]  # for this test only
    with pytest.raises(ContentionError):
        await office(tables).give(rating())


async def test_a_rating_that_is_removed_meanwhile_is_not_amended(tables: Stored) -> None:
    await office(tables).give(rating())
    tables.calls.plan = each_write(Fault.CONFLICT)
    upstream = tables.strict.pause

    async def pause(seconds: float) -> None:
        await tables.undisturbed.delete(Rating, FIRST)
        await upstream(seconds)

    tables.strict.pause = pause  # type: ignore[method-assign]  # for this test only
    with pytest.raises(ConditionFailedError) as absent:
        await office(tables).amend(FIRST, HIDE, anybody, actor=EVE)
    assert absent.value.item is None


async def test_an_exchange_that_is_rated_meanwhile_is_not_rated_again(tables: Stored) -> None:
    overtake(tables, lambda: tables.change(Transaction, f"x{FIRST}", ratingId="another"))
    refused = await office(tables).give(rating())
    assert isinstance(refused, Refusal)
    assert refused.code is Code.ALREADY_RATED


async def test_an_exchange_that_is_disputed_meanwhile_is_not_rated(tables: Stored) -> None:
    overtake(tables, lambda: tables.change(Transaction, f"x{FIRST}", status="IN_PROGRESS"))
    refused = await office(tables).give(rating())
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID_STATUS_FOR_COMPLETION
    assert await shown(tables) == (None, None, None)


async def test_hiding_dates_the_exchange(tables: Stored) -> None:
    await office(tables).give(rating())
    tables.bank.pass_time(1)
    await office(tables).amend(FIRST, HIDE, anybody, actor=EVE)
    exchanged = await tables.undisturbed.get(Transaction, f"x{FIRST}", consistent=True)
    assert exchanged is not None
    assert from_text(exchanged["updatedAt"]["S"]) > NOW + timedelta(seconds=1.5)


@pytest.mark.parametrize(
    ("stands", "meanwhile"), [(True, {"isHidden": None}), (True, {"isHidden": False}), (None, {"updatedAt": NOW})]
)
async def test_a_rating_that_is_another_by_then_is_read_again(
    tables: Stored, meanwhile: dict[str, Any], *, stands: bool | None
) -> None:
    later = from_text(LATER)
    await tables.put(Rating, rating(isHidden=stands, updatedAt=later))
    overtake(tables, lambda: tables.change(Rating, FIRST, **meanwhile))
    await office(tables).amend(FIRST, None, anybody, actor=EVE)
    assert len([call for call in tables.calls.made if call.operation == "transact_write_items"]) == 2


@pytest.mark.parametrize("attribute", ["ratingCount", "ratingHundredths"])
async def test_an_average_that_has_lost_a_figure_meanwhile_is_not_written_over(
    tables: Stored, attribute: str
) -> None:
    await office(tables).give(rating(key_of(1), 3.0))
    overtake(tables, lambda: tables.change(User, BOB, **{attribute: None}))
    tables.calls.made.clear()
    await office(tables).give(rating())
    assert len([call for call in tables.calls.made if call.operation == "transact_write_items"]) == 2
