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
        type Place { name: String! }
        type Alarm @model @auth(rules: [{ allow: private }]) { id: ID! level: Int! at: Place }
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
        ("Place", {"name": "here"}, {"name": "here"}),
        ("Place", None, None),
        ("Alarm", {"id": "a", "level": 2, "more": 1}, {"id": {"S": "a"}, "level": {"N": "2"}}),
        ("[Alarm]", [{"id": "a"}, None], [{"id": {"S": "a"}}, None]),
    ],
)
def test_it_is_as_the_fields_of_its_type_read_it(type_: str, answer: Any, expected: Any) -> None:
    assert shaped(CATALOGUE, own(type_), answer) == expected


@pytest.mark.parametrize(("type_", "answer"), [("Place", "here"), ("Alarm", 3), ("Alarm", {"level": "high"})])
def test_what_does_not_fit_is_named(type_: str, answer: Any) -> None:
    with pytest.raises(FunctionError, match=f"the answer of alarms does not fit {type_}: "):
        shaped(CATALOGUE, own(type_), answer)
