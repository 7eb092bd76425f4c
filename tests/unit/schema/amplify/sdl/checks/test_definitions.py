"""Definitions that no GraphQL server could serve are refused at start, each with its place."""

import pytest

from tests.unit.schema.amplify.sdl.texts import app_of, problems_of


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("interface Node { id: ID! }", "interface types are not supported: only types, inputs and enums are"),
        ("schema { query: Asked }", "the root type is called Query, not Asked"),
        ("type Query @model { id: ID! }", "Query is a root type, which cannot have @model"),
        ("type N { __a: Int }", "__a: names that begin with __ are GraphQL's own"),
        ("enum E { mro }", "E.mro: this server cannot have an enum value of this name"),
        ("enum E { _x_ }", "E._x_: this server cannot have an enum value of this name"),
        ("type N", "type N has no fields"),
        ("input N", "input N has no fields"),
        ("enum N", "enum N has no values"),
        ("type N { i: I } input I { a: Int }", "N.i is of the input type I, which no answer can have"),
        ("type N { q: Query }", "N.q is of the root type Query"),
        ("input I { a: [A!]! }", "I.a is of the type A, which is no input; declare an input type for it"),
        (
            "type Mutation { m(a: A): Int }",
            "Mutation.m(a:) is of the type A, which is no input; declare an input type for it",
        ),
        ("type N { n: N! }", "N.n must hold a N, and each N another N"),
        ("input I { a: Int, i: I! }", "I.i must hold a I, and each I another I"),
    ],
)
def test_what_cannot_be_served_is_refused(text: str, problem: str) -> None:
    asked = "type Query { q: Int }" if "type Query" not in text and "schema" not in text else ""
    also = "type Asked { q: Int }" if "Asked" in text else ""
    found = problems_of(f"type A @model {{ id: ID! }} {text} {asked} {also}")
    assert f"schema.graphql:1: {problem}" in found


def test_types_may_hold_each_other_where_a_value_can_end() -> None:
    text = "type A @model { id: ID! n: N b: A! @hasOne } type N { m: M! n: N l: [N!]! } type M { n: N }"
    assert set(app_of(text).objects) == {"N", "M"}


def test_extensions_belong_to_what_they_extend() -> None:
    text = "type A @model { id: ID! n: N } type N extend type N { a: Int } enum E extend enum E { X }"
    assert app_of(text).enums == {"E": ("X",)}
