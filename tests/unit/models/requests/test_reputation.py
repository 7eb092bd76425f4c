"""Who may rate what, and that an average is over exactly the ratings that count."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Code
from models.requests import reputation
from models.requests.reputation import Exchange, Rating, Reputation, rating_refusal
from models.requests.statuses import TransactionStatus
from tests.unit.builders import NOW

EXCHANGE = Exchange(id="t", provider_id="bob", consumer_id="alice", status=TransactionStatus.COMPLETED)
RATING = Rating(
    id="r",
    transaction_id="t",
    rater_id="alice",
    rated_user_id="bob",
    rating=4.5,
    created_at=NOW,
    updated_at=NOW,
)


def test_the_requester_may_rate_what_was_paid() -> None:
    assert rating_refusal(RATING, EXCHANGE) is None


@pytest.mark.parametrize(
    ("rating", "exchange", "code"),
    [
        (RATING, None, Code.REQUEST_NOT_FOUND),
        (replace(RATING, rater_id="eve"), EXCHANGE, Code.REQUEST_NOT_FOUND),
        (replace(RATING, rater_id="bob", rated_user_id="alice"), EXCHANGE, Code.UNAUTHORIZED_REQUESTER),
        (replace(RATING, rated_user_id="eve"), EXCHANGE, Code.UNAUTHORIZED_PROVIDER),
        (RATING, replace(EXCHANGE, status=TransactionStatus.PENDING), Code.INVALID_STATUS_FOR_COMPLETION),
        (RATING, replace(EXCHANGE, rating_id="other"), Code.ALREADY_RATED),
    ],
)
def test_nobody_else_and_nothing_else(rating: Rating, exchange: Exchange | None, code: Code) -> None:
    found = rating_refusal(rating, exchange)
    assert found is not None
    assert found.code is code


stars = st.integers(100, 500).map(lambda hundredths: hundredths / 100)
ratings = st.lists(st.tuples(stars, st.booleans(), st.booleans()), max_size=30)


@given(ratings)
def test_the_average_is_of_the_ratings_that_are_there_and_not_hidden(
    given_: list[tuple[float, bool, bool]],
) -> None:
    reputation = Reputation(created_at=NOW)
    counted = []
    for number, hidden, removed in given_:
        rating = replace(RATING, rating=number)
        reputation = reputation.with_rating(None, rating)
        last = replace(rating, is_hidden=True) if hidden else rating
        reputation = reputation.with_rating(rating, last)
        if removed:
            reputation = reputation.with_rating(last, None)
        if not hidden and not removed:
            counted.append(round(number * 100))
    expected = sum(counted) / len(counted) / 100 if counted else 0
    assert reputation.average == pytest.approx(expected, abs=0.005_001)
    assert reputation.rating_count == len(counted)
    assert reputation.rating_hundredths == sum(counted)


def test_what_was_given_before_a_member_joined_counts_for_nothing() -> None:
    begun = Reputation(created_at=NOW)
    before = replace(RATING, created_at=NOW - timedelta(milliseconds=1))
    assert begun.with_rating(None, before) == begun.with_rating(before, None) == begun
    assert begun.with_rating(None, RATING) == Reputation(created_at=NOW, rating_hundredths=450, rating_count=1)


def test_whoever_has_no_part_in_it_is_told_one_thing_only() -> None:
    assert len([*reputation._refusals(RATING, None)]) == 1


def test_who_may_not_rate_learns_what_was_found() -> None:
    to_another = rating_refusal(replace(RATING, rated_user_id="another"), EXCHANGE)
    unpaid = rating_refusal(RATING, replace(EXCHANGE, status=TransactionStatus.PENDING))
    assert to_another is not None
    assert unpaid is not None
    assert to_another.facts == {"providerId": EXCHANGE.provider_id}
    assert unpaid.facts == {"status": "PENDING"}
