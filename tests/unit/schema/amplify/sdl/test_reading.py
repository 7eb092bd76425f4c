"""A schema is read whole, or refused with every problem and its place."""

import pytest
from graphql import Source

from schema.amplify.sdl.errors import SchemaFileError
from schema.amplify.sdl.reading import read
from tests.unit.schema.amplify.sdl.texts import app_of, problems_of

TODO = "type Todo @model { id: ID! }"


def test_an_unknown_directive_stops_with_its_place_and_what_is_known() -> None:
    text = "type Todo @model {\n  id: ID!\n  name: String @unqiue\n}"
    place, known = problems_of(text)
    assert place == "schema.graphql:3: Unknown directive '@unqiue'."
    assert known.startswith("Known directives are @auth, @aws_api_key,")
    assert "@primaryKey" in known


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("type Todo @model {", "schema.graphql:1: Syntax Error: Expected Name, found <EOF>."),
        (f"{TODO} type A {{ b: C }}", "schema.graphql:1: Unknown type 'C'. Did you mean 'A'?"),
        (f"{TODO}\n{TODO}", "schema.graphql:1: There can be only one type named 'Todo'."),
        (
            "type Todo @model(querys: null) { id: ID! }",
            "schema.graphql:1: Unknown argument 'querys' on directive '@model'. Did you mean 'queries'?",
        ),
        (
            'type Todo @model { id: ID! name: String @index(sortKeyFields: [1], name: "byName") }',
            "schema.graphql:1: Argument 'sortKeyFields' has invalid value at [0]:",
        ),
        (
            f"{TODO}\ninterface Named {{ name: String }}",
            "schema.graphql:2: interface types are not supported: only types, inputs and enums are",
        ),
        (
            f"{TODO}\ndirective @mine on OBJECT",
            "schema.graphql:2: directive @mine cannot be defined: nothing would obey it",
        ),
        ("type Todo @model { id: ID! a: [[Int]] }", "schema.graphql:1: lists of lists are not supported"),
        ("type Todo { id: ID! }", "schema.graphql: no type has @model, so there is nothing to store"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, problem: str) -> None:
    assert problems_of(text)[0].startswith(problem)


def test_every_problem_is_named_at_once() -> None:
    text = 'type A @model { id: [ID] @primaryKey }\ntype B @model { id: ID! @primaryKey(sortKeyFields: "x") }'
    assert problems_of(text) == (
        "schema.graphql:1: A.id is a list, and a key has single values only",
        "schema.graphql:2: B has no field x to be part of a key",
    )


def test_several_texts_are_one_schema_and_problems_name_the_right_one() -> None:
    first = Source("type Todo @model { id: ID! }\ntype Query { a: Int }", "first.graphql")
    second = Source(
        "extend type Query { b: Int }\nextend enum Colour { RED }\nenum Colour { BLUE }", "second.graphql"
    )
    document = read([first, second])
    assert [node.name.value for node in document.types["Query"].fields] == ["a", "b"]
    assert document.enums == {"Colour": ("RED", "BLUE")}
    wrong = Source("extend type Nothing { b: Int }", "third.graphql")
    with pytest.raises(SchemaFileError, match=r"third\.graphql:1: Cannot extend type 'Nothing'"):
        read([first, wrong])


def test_descriptions_come_along() -> None:
    app = app_of(
        '"""What to do."""\ntype Todo @model { id: ID! place: Place }\n"Where."\ntype Place { name: String }'
    )
    assert app.models["Todo"].description == "What to do."
    assert app.objects["Place"].description == "Where."
