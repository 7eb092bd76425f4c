"""Subscriptions' filters are bounded, compiled once, and pin what the feed can look up."""

import gc
from typing import Any

import pytest

from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import unopened
from resolvers.mirror.filtering.subscription_filters import SubscriptionFilters
from resolvers.mirror.subscriptions import _pins
from schema.errors import InvalidInputError
from schema.types import CATALOGUE
from tests.unit.mirror import ADMIN, ALICE

NAMES = {"sub-alice", "alice", "sub-alice::alice"}
SERVICE, REQUEST = "Service", "ServiceRequest"


@pytest.fixture
def filters() -> SubscriptionFilters:
    return SubscriptionFilters(50)


def test_equal_filters_are_compiled_once_and_dropped_with_the_last(filters: SubscriptionFilters) -> None:
    model = CATALOGUE.models[SERVICE]
    first = filters.read(model, {"title": {"contains": "x"}})
    assert filters.read(model, {"title": {"contains": "x"}}) is first
    assert filters.read(CATALOGUE.models[REQUEST], {"title": {"contains": "x"}}) is not first
    assert filters.read(model, {"title": {"contains": "y"}}) is not first
    del first
    gc.collect()
    assert len(filters._compiled) == 0


@pytest.mark.parametrize(
    "filter_",
    [
        {"or": [{"title": {"eq": "x"}}] * 51},
        {"title": {"in": ["x"] * 51}},
        {"and": [{"title": {"ne": "x", "eq": "y", "beginsWith": "z"}}] * 17},
        {"or": [{"and": [{"or": [{"id": {"eq": "x"}}] * 3}] * 3}] * 6},
        {"or": [{"title": {"eq": "x"}}] * 290},
    ],
)
def test_a_filter_has_its_own_limit(filters: SubscriptionFilters, filter_: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="at most 50 operators, and this has"):
        filters.read(CATALOGUE.models[SERVICE], filter_)


def test_what_a_list_refuses_is_refused(filters: SubscriptionFilters) -> None:
    with pytest.raises(InvalidInputError, match="takes two values"):
        filters.read(CATALOGUE.models[SERVICE], {"title": {"between": ["x"]}})
    with pytest.raises(InvalidInputError, match="at most 300 operators"):
        filters.read(CATALOGUE.models[SERVICE], {"or": [{"title": {"eq": "x"}}] * 301})


def test_fields_and_equalities_are_known(filters: SubscriptionFilters) -> None:
    given = {"category": {"eq": "c"}, "or": [{"title": {"eq": "x"}}, {"userId": {"ne": "y"}}], "id": None}
    compiled = filters.read(CATALOGUE.models[SERVICE], given)
    assert compiled.fields == {"category", "title", "userId"}
    assert compiled.equal == {"category": "c"}
    assert compiled.operators == 3
    assert compiled.passes({"category": {"S": "c"}, "title": {"S": "x"}})
    assert not compiled.passes({"category": {"S": "d"}, "title": {"S": "x"}})


@pytest.mark.parametrize(
    ("caller", "of", "owners", "equal", "pinned"),
    [
        (ALICE, SERVICE, {}, {}, None),
        (ALICE, SERVICE, {}, {"category": "c"}, {("category", "c")}),
        (ALICE, SERVICE, {}, {"category": "c", "id": "s"}, {("id", "s")}),
        (ALICE, SERVICE, {"userId": "sub-bob"}, {"category": "c"}, {("userId", "sub-bob")}),
        (ALICE, SERVICE, {"userId": "alice"}, {}, {("userId", name) for name in NAMES}),
        (ALICE, REQUEST, {}, {"status": "PAID"}, {(f, n) for f in ("requesterId", "providerId") for n in NAMES}),
        (ALICE, REQUEST, {"providerId": "sub-bob"}, {}, {("providerId", "sub-bob")}),
        (ADMIN, REQUEST, {}, {"status": "PAID"}, {("status", "PAID")}),
        (ADMIN, REQUEST, {}, {}, None),
    ],
)
def test_the_feed_looks_for(
    caller: Caller, of: str, owners: dict[str, str], equal: dict[str, str], pinned: set[tuple[str, str]] | None
) -> None:
    pins = _pins(caller, CATALOGUE.models[of], owners, equal)
    assert (None if pins is None else set(pins)) == pinned


def test_a_concealed_field_pins_ones_own_rows() -> None:
    pins = _pins(ALICE, unopened(CATALOGUE.models["User"]), {}, {"email": "e"})
    assert set(pins or ()) == {("id", name) for name in NAMES}
