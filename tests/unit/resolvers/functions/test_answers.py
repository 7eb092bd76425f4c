"""Answers of functions fit the types that the schema says, or are refused by name."""

from typing import Any

import pytest

from resolvers.functions.answers import shaped
from schema.amplify.catalogue import FunctionCall, OwnField, RootType
from schema.amplify.sdl.declaring import catalogue_of
from schema.errors import FunctionError
from tests.unit.schema.amplify.sdl.texts import app_of

CATALOGUE = catalogue_of(
    app_of(
        """
        enum Level { LOW HIGH }
        type Place { name: String! within: Place alarms: [Alarm] }
        type Alarm @model @auth(rules: [{ allow: private }]) {
          id: ID! level: Int! at: Place how: Level tags: [String] more: AWSJSON
        }
        """
    )
)


def own(type_: str) -> OwnField:
    return OwnField(RootType.QUERY, "alarms", type=type_, functions=(FunctionCall("alarms"),))


@pytest.mark.parametrize(
    ("type_", "answer", "expected"),
    [
        ("String", "text", "text"),
        ("[Int!]!", [1, 2], [1, 2]),
        ("Place", {"name": "here"}, {"name": "here", "within": None, "alarms": None}),
        ("Place", None, None),
        ("Place", {"name": "h", "other": 1, "within": {"name": "x"}, "alarms": [{"id": "a"}]},
         {"name": "h", "within": {"name": "x", "within": None, "alarms": None}, "alarms": [{"id": {"S": "a"}}]}),
        ("Alarm", {"at": {"name": "here", "alarms": [{"id": "a"}]}}, {"at": {"M": {"name": {"S": "here"}}}}),
        ("Alarm", {"id": "a", "level": 2, "other": 1}, {"id": {"S": "a"}, "level": {"N": "2"}}),
        ("Alarm", {"how": "LOW", "tags": ["x", None], "at": {"name": "here", "other": 1}},
         {"how": {"S": "LOW"}, "tags": {"L": [{"S": "x"}, {"NULL": True}]}, "at": {"M": {"name": {"S": "here"}}}}),
        ("Alarm", {"more": {"a": [1]}}, {"more": {"S": '{"a":[1]}'}}),
        ("AWSJSON", {"a": 1}, '{"a":1}'),
        ("AWSJSON", "{}", "{}"),
        ("Level", "HIGH", "HIGH"),
        ("Int", 3.0, 3.0),
        ("Float", 1, 1),
        ("Boolean", False, False),
        ("AWSTimestamp", 2**40, 2**40),
        ("[Alarm]", [{"id": "a"}, None], [{"id": {"S": "a"}}, None]),
    ],
)  # fmt: skip
def test_it_is_as_the_fields_of_its_type_read_it(type_: str, answer: Any, expected: Any) -> None:
    assert shaped(CATALOGUE, own(type_), answer) == expected


@pytest.mark.parametrize(
    ("type_", "answer", "problem"),
    [
        ("Place", "here", "it is no Place: an object is expected, not str"),
        ("Alarm", 3, "it is no Alarm: an object is expected, not int"),
        ("Alarm", {"level": "high"}, "level is no Int"),
        ("Alarm", {"level": 2**31}, "level is no Int"),
        ("Alarm", {"level": True}, "level is no Int"),
        ("Alarm", {"tags": "x"}, "tags is no list"),
        ("Alarm", {"how": "MID"}, "how is no Level"),
        ("Alarm", {"at": {"name": ["x"]}}, "name is no String"),
        ("Place", {"alarms": [{"level": 1.5}]}, "level is no Int"),
        ("[Int]", 3, "it is no list"),
        ("[Int]", [3, "x"], "it is no Int"),
        ("Int!", None, "it is null"),
        ("Float", "1", "it is no Float"),
        ("Boolean", 1, "it is no Boolean"),
        ("AWSTimestamp", 1.5, "it is no AWSTimestamp"),
        ("String", {"a": 1}, "it is no String"),
    ],
)
def test_what_does_not_fit_is_named(type_: str, answer: Any, problem: str) -> None:
    with pytest.raises(FunctionError) as refused:
        shaped(CATALOGUE, own(type_), answer)
    assert str(refused.value) == f"the answer of alarms does not fit {type_}: {problem}"
