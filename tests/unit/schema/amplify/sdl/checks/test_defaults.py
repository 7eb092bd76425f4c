"""A default is a value of its field's type, or the start is refused."""

import pytest

from schema.amplify.sdl.checks.defaults import default_problem
from schema.amplify.sdl.declarations import TypeReference
from tests.unit.schema.amplify.sdl.texts import problems_of

ENUMS = {"Level": ("LOW", "HIGH")}
GOOD = {
    "ID": "x",
    "String": "",
    "Int": "-3",
    "Float": "1e3",
    "Boolean": "false",
    "Level": "HIGH",
    "AWSDate": "2026-01-31",
    "AWSTime": "09:30:00",
    "AWSDateTime": "2026-01-31T09:30:00Z",
    "AWSTimestamp": "-12",
    "AWSEmail": "a@example.org",
    "AWSJSON": '{"a": 1}',
    "AWSURL": "https://example.org/",
    "AWSPhone": "+15550100",
    "AWSIPAddress": "192.0.2.1",
}
BAD = {
    "Int": ("3.5", "three", "2147483648", ""),
    "Float": ("NaN", "Infinity", "x"),
    "Boolean": ("yes", "True"),
    "AWSDate": ("today",),
    "AWSTimestamp": ("2026-01-31", "1.5"),
    "AWSJSON": ("{",),
    "AWSEmail": ("nobody",),
}


@pytest.mark.parametrize(("name", "text"), GOOD.items())
def test_a_value_of_the_type_may_be_a_default(name: str, text: str) -> None:
    assert default_problem(TypeReference(name), text, ENUMS) is None


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_another_value_may_not(name: str, text: str) -> None:
    assert default_problem(TypeReference(name), text, ENUMS) == f"{text!r} is no {name}"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ('e: Level @default(value: "MID")', "A.e: 'MID' is no value of Level, which has LOW, HIGH"),
        ('e: [Int] @default(value: "1")', "A.e: @default is for single values, and [Int] is a list"),
        ('e: N @default(value: "1")', "A.e: @default is for scalars and enums, and N is neither"),
        (
            'e: A @hasOne @default(value: "1")',
            "e: @default is for scalars and enums, and this leads to other rows",
        ),
    ],
)
def test_a_default_that_is_none_stops_the_start(fields: str, problem: str) -> None:
    text = f"type A @model {{ {fields} }} enum Level {{ LOW HIGH }} type N {{ n: Int }}"
    assert problems_of(text) == (f"schema.graphql:1: {problem}",)


def test_only_rows_have_defaults() -> None:
    text = 'type A @model { n: N } type N { n: Int @default(value: "1") }'
    assert problems_of(text) == ("schema.graphql:1: N.n: @default is for types with @model",)
