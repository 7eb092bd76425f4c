"""What nobody can store is found in whatever a client sends, and called so by its place."""

import orjson
import pytest

from schema.unstorable import parse_json, unstorable, unstorable_in_document, unstorable_in_json
from tests.unit.processor_time import least_seconds


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (r'{"id": "\ud800"}', "id"),
        (r'{"id": "x\uDFFFy"}', "id"),
        (r'{"input": {"tags": ["a", "\ud83d"]}}', "input.tags[1]"),
        (r'{"and": [{"title": {"eq": "\ud83d\ud83d"}}]}', "and[0].title.eq"),
        (r'{"a": {"\ud800": 1}}', r"a.\ud800"),
        (r'["\ude00\ud83d"]', "[0]"),
        (r'"\ud800"', ""),
        (b'{"id": "\xed\xa0\x80"}', "id"),
    ],
)
def test_half_a_character_is_found(data: str | bytes, place: str) -> None:
    at = f" at {place}" if place else ""
    assert str(unstorable(parse_json(data))).startswith(f"a lone surrogate{at}: half of a character")


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ('{"amount": 1e999}', "amount"),
        ('{"amount": [1, -1.5E+400]}', "amount[1]"),
        (f'{{"amount": {"9" * 400}}}', "amount"),
    ],
)
def test_a_number_beyond_a_double_is_found(data: str, place: str) -> None:
    assert unstorable(parse_json(data)) == f"a number at {place} that is out of range"


@pytest.mark.parametrize(
    "data", ['{"a": "😀"}', r'{"a": "\ud83d\ude00"}', "[1, null, true, 1e300]", r'{"a": "\\ud800"}']
)
def test_whole_characters_are_none(data: str) -> None:
    assert unstorable(parse_json(data)) is None
    assert unstorable_in_json(data) is None


@pytest.mark.parametrize(
    "data",
    [
        "{",
        r'{"a": "\ud800"',
        r'{"a": "\ud800", "b": NaN}',
        r'["\ud800", ' + "[" * 100_000,
        r'["\ud83d\ude00", ' + "[" * 100_000,
        b'{"a": "\xff\\ud800"}',
        '{"a": 1e999, "b": NaN}',
        '{"a": Infinity}',
        f'{{"a": {"9" * 5_000}}}',
    ],
)
def test_what_is_not_json_is_said_not_to_be(data: str | bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        parse_json(data)


def test_looking_for_it_takes_no_time() -> None:
    data = orjson.dumps([*["x"] * 240_000, "@"]).replace(b"@", rb"\ud800")

    def refuse() -> None:
        with pytest.raises(orjson.JSONDecodeError):
            parse_json(data)

    assert least_seconds(refuse) < 0.5


@pytest.mark.parametrize("data", [b"x" * 900_000, (b"1" * 308 + b"x") * 2_900, b"\\u00" * 200_000])
def test_what_is_not_json_is_refused_at_once(data: bytes) -> None:
    def refuse() -> None:
        with pytest.raises(orjson.JSONDecodeError):
            parse_json(data)

    assert least_seconds(refuse) < 0.005


def test_a_place_is_cut() -> None:
    assert len(unstorable({"x" * 5_000: "\ud800"}) or "") <= 300


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('mutation { createService(input: {title: "ab\ud800"}) { id } }', "title"),
        ('{ a(tags: ["x", "\udc00"]) }', "tags"),
        ("{ a # \ud800\n }", "query"),
        ('{ a(b: "😀") }', None),
    ],
)
def test_a_document_may_hold_half_a_character(text: str, place: str | None) -> None:
    found = unstorable_in_document(text)
    assert found is None if place is None else f"a lone surrogate at {place}:" in str(found)
