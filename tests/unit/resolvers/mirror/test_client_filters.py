"""A client's filter is read as it is meant, everywhere the same."""

from typing import Any

import pytest

from models import tables
from resolvers.mirror.filtering.client_filters import read_filter
from resolvers.mirror.filtering.filters import OPERATORS, compile_filter
from schema.errors import InvalidInputError
from schema.types import CATALOGUE
from tests.unit.mirror import ADMIN, ALICE, MemoryStore, ask, error_of

BOOKING, USER, SERVICE = CATALOGUE.models["Booking"], CATALOGUE.models["User"], CATALOGUE.models["Service"]
STORED = "2026-12-01T10:00:00.000Z"
SPELLINGS = [
    STORED,
    "2026-12-01T10:00Z",
    "2026-12-01T10:00:00Z",
    "2026-12-01T10:00:00.0Z",
    "2026-12-01T10:00:00.000999Z",
    "2026-12-01T11:30:00+01:30",
    "2026-12-01T02:00-08:00",
    "2026-12-02T00:00:00.000000000+14:00",
    "2026-12-01T10:00:05+00:00:05",
]
MOMENTS = [
    (model, field.name)
    for model in CATALOGUE.models.values()
    for field in model.fields.values()
    if field.type == "AWSDateTime"
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("word", ["eq", "ne", "le", "lt", "ge", "gt"])
def test_a_whole_moment_is_spelled_as_rows_spell_it(spelling: str, word: str) -> None:
    assert read_filter(BOOKING, {"confirmedAt": {word: spelling}}) == {"confirmedAt": {word: STORED}}


@pytest.mark.parametrize("word", ["between", "in", "notIn"])
def test_so_is_each_of_several(word: str) -> None:
    given = {"or": [{"not": {"confirmedAt": {word: ["2026-12-01T11:00+01:00", "2026-12-01T10:00:00.001Z"]}}}]}
    read = read_filter(BOOKING, given)
    assert read == {"or": [{"not": {"confirmedAt": {word: [STORED, "2026-12-01T10:00:00.001Z"]}}}]}


@pytest.mark.parametrize(("model", "name"), MOMENTS, ids=lambda part: getattr(part, "name", part))
def test_every_moment_of_every_type_is(model: Any, name: str) -> None:
    assert read_filter(model, {name: {"gt": "2026-12-01T10:00Z"}}) == {name: {"gt": STORED}}


def test_the_ends_of_a_range_are_compared_as_moments() -> None:
    later_first_as_texts = ["2026-12-01T12:00:00+03:00", "2026-12-01T10:00:00Z"]
    assert read_filter(BOOKING, {"createdAt": {"between": later_first_as_texts}})
    with pytest.raises(InvalidInputError, match="smaller one first"):
        read_filter(BOOKING, {"createdAt": {"between": later_first_as_texts[::-1]}})


@pytest.mark.parametrize(
    "filter_",
    [
        {"createdAt": {"beginsWith": "2026-12-01T10:00Z"}},
        {"createdAt": {"contains": "2026-12-01T10:00Z", "notContains": "T10:00:00Z"}},
        {"createdAt": {"gt": "2026-12", "lt": "2026-12-01", "ge": "2026-12-01T10:00"}},
        {"createdAt": {"eq": "2026-13-01T10:00Z"}},
        {"createdAt": {"eq": "0001-01-01T00:00+14:00"}},
        {"createdAt": {"eq": None}},
        {"notes": {"eq": "2026-12-01T10:00Z"}},
    ],
)
def test_parts_of_a_date_and_other_texts_stay_as_they_are(filter_: dict[str, Any]) -> None:
    assert read_filter(BOOKING, filter_) == filter_


def test_a_day_is_compared_without_its_offset() -> None:
    given = {"bookingDate": {"between": ["2026-12-01Z", "2026-12-02+05:30"], "beginsWith": "2026-12-01Z"}}
    read = {"bookingDate": {"between": ["2026-12-01", "2026-12-02"], "beginsWith": "2026-12-01Z"}}
    assert read_filter(BOOKING, given) == read


@pytest.mark.parametrize(
    "filter_",
    [
        {"bankHours": {"ge": 10}},
        {"bankHours": {"eq": None}},
        {"bankHours": {"attributeExists": True}},
        {"and": [{"username": {"eq": "x"}}, {"or": [{"not": {"bankHours": {"between": [1, 2]}}}]}]},
    ],
)
def test_a_computed_field_is_refused_by_name_with_what_to_ask_instead(filter_: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=r"bankHours is computed.*listUserBalances") as refusal:
        read_filter(USER, filter_)
    assert refusal.value.info == {"field": "bankHours"}


async def test_it_is_refused_in_lists_and_in_conditions() -> None:
    store = MemoryStore()
    store.add(tables.User, id="sub-alice", username="alice", createdAt="2026", updatedAt="2026")
    for caller, query in (
        (ALICE, "{ listUsers(filter: {bankHours: {ge: 10}}) { items { id } } }"),
        (ALICE, 'mutation { updateUser(input: {id: "sub-alice"}, condition: {bankHours: {ge: 10}}) { id } }'),
        (ADMIN, 'mutation { deleteUser(input: {id: "sub-alice"}, condition: {bankHours: {ge: 10}}) { id } }'),
    ):
        error = await error_of(store, caller, query)
        assert (error["errorType"], error["errorInfo"]) == ("BadRequest", {"field": "bankHours"})
        assert "listUserBalances" in error["message"]


@pytest.mark.parametrize(
    "filter_",
    [
        None,
        {},
        {"and": []},
        {"or": [None, {}]},
        {"not": {"or": [{"and": [{}]}]}},
        {"bankHours": None},
        {"bankHours": {}},
        {"bankHours": {"ge": None, "between": None}},
        {"username": {"size": None}},
        {"username": {"size": {"gt": None}}},
    ],
)
def test_what_amplify_ignores_is_left_out(filter_: dict[str, Any] | None) -> None:
    assert read_filter(USER, filter_) == {}


@pytest.mark.parametrize(
    "filter_",
    [
        {"hourlyRate": {"eq": 1e200}},
        {"hourlyRate": {"in": [1, 1e-200]}},
        {"hourlyRate": {"between": [2, 1]}},
        {"title": {"between": ["a"]}},
        {"title": {"size": {"between": [2, 1]}}},
        {"or": [{"title": {"eq": "x"}}] * (OPERATORS + 1)},
        {"or": [{"advanceBookingDays": {"eq": n}} for n in range(OPERATORS)]},
        {"title": {"in": ["x"] * (OPERATORS + 1)}},
    ],
)
def test_what_a_list_refuses_is_refused_everywhere(filter_: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read_filter(SERVICE, filter_)


def test_a_subscriptions_list_may_have_nulls_and_be_empty() -> None:
    for filter_, passes in (({"title": {"in": ["x", None]}}, True), ({"title": {"in": []}}, False)):
        assert compile_filter(read_filter(SERVICE, filter_))({"title": {"S": "x"}}) is passes


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_an_index_of_moments_is_asked_in_any_spelling(spelling: str) -> None:
    store = MemoryStore()
    dates = {"createdAt": STORED, "updatedAt": STORED}
    store.add(tables.EventLog, id="e", actorUserId="sub-alice", timestamp=STORED, **dates)
    query = "query ($at: AWSDateTime!) { eventLogsByTimestamp(timestamp: $at) { items { id } } }"
    data = await ask(store, ADMIN, query, at=spelling)
    assert data == {"eventLogsByTimestamp": {"items": [{"id": "e"}]}}
