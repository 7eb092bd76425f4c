"""Of any app, pages and filters find exactly the rows that a plain list has, in the order of their keys."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from models.storage.store import Store
from schema.amplify.sdl.declaring import catalogue_of
from tests.engines.embedded import Embedded
from tests.unit.ruled_app import ANN, NAMES, ServedApp
from tests.unit.schema.amplify.sdl.texts import app_of

Row = dict[str, Any]

_texts = st.text("abcé ", min_size=1, max_size=3)
_dates = st.dates().map(str)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "String": _texts,
    "ID": _texts,
    "Int": st.integers(-5, 5),
    "Float": st.integers(-8, 8).map(lambda number: number / 4),
    "AWSTimestamp": st.integers(0, 9),
    "AWSDate": _dates,
    "Boolean": st.booleans(),
    "Level": st.sampled_from(["LOW", "HIGH"]),
}
SORTED = ("String", "ID", "Int", "Float", "AWSTimestamp", "AWSDate", "Level")
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, other: value == other,
    "ne": lambda value, other: value != other,
    "lt": lambda value, other: value is not None and value < other,
    "ge": lambda value, other: value is not None and value >= other,
}


@dataclass(frozen=True)
class App:
    """An app of one type.

    Args:
        key: the types of the fields of its key.
        index: those of its index.
        more: those of other fields, which rows may lack.
    """

    key: tuple[str, ...]
    index: tuple[str, ...]
    more: tuple[str, ...]

    @property
    def fields(self) -> dict[str, str]:
        """Return the type of each field."""
        groups = {"k": self.key, "i": self.index, "m": self.more}
        return {f"{letter}{n}": type_ for letter, types in groups.items() for n, type_ in enumerate(types)}

    @property
    def text(self) -> str:
        """Return its schema."""
        lines = [f"{name}: {type_}{'!' * (name[0] != 'm')}" for name, type_ in self.fields.items()]
        lines[0] += _directive("@primaryKey", "k", self.key)
        lines[len(self.key)] += _directive('@index(name: "byI", queryField: "found")', "i", self.index)
        return (
            "enum Level { LOW HIGH }\n"
            f"type Thing @model @auth(rules: [{{ allow: private }}]) {{\n  {chr(10).join(lines)}\n}}"
        )


def _directive(text: str, letter: str, types: tuple[str, ...]) -> str:
    sort = ", ".join(f'"{letter}{n}"' for n in range(1, len(types)))
    if not sort:
        return f" {text}"
    return f" {text[:-1]}, sortKeyFields: [{sort}])" if text.endswith(")") else f" {text}(sortKeyFields: [{sort}])"


apps = st.builds(
    App,
    key=st.tuples(st.sampled_from(["ID", "String"])) | st.tuples(st.just("ID"), *[st.sampled_from(SORTED)] * 2),
    index=st.lists(st.sampled_from(SORTED), min_size=1, max_size=3).map(lambda types: ("String", *types[1:])),
    more=st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3).map(tuple),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[App, list[Row], int, Row, bool]:
    """Return an app, its rows, how many a page has, a filter, and whether the last come first."""
    app = draw(apps)
    # Rows that share the index's hash key are sorted.
    whole = {name: VALUES[type_] for name, type_ in app.fields.items()} | {"i0": st.sampled_from(["a", "bé"])}
    optional = {name: whole.pop(name) for name in [*whole] if name[0] == "m"}
    found = draw(st.lists(st.fixed_dictionaries(whole, optional=optional), max_size=8))
    rows = {_sort_key(app, row, "k", with_hash=True): row for row in found}
    field = draw(st.sampled_from(sorted(optional)))
    words = ["eq", "ne"] if app.fields[field] in {"Boolean", "Level"} else sorted(COMPARED)
    filter_ = {field: {draw(st.sampled_from(words)): draw(optional[field])}}
    return app, list(rows.values()), draw(st.integers(1, 4)), filter_, draw(st.booleans())


def _sort_key(app: App, row: Row, letter: str, *, with_hash: bool = False) -> tuple[Any, ...]:
    """Return by what DynamoDB sorts a row: the one sort field, or the text of several."""
    names = [name for name in app.fields if name[0] == letter]
    sort = names if with_hash else names[1:]
    if len(names) == 2 and not with_hash:
        value = row[sort[0]]
        return (value.encode() if isinstance(value, str) else value,)
    return (
        tuple(_text(row[name]) for name in sort) if with_hash else (b"#".join(_text(row[name]) for name in sort),)
    )


def _text(value: Any) -> bytes:
    number = isinstance(value, float) and value.is_integer()
    return str(int(value) if number else value).encode()


async def pages(app: ServedApp, root: str, arguments: str, fields: list[str], limit: int) -> list[Row]:
    """Return the rows of all pages."""
    found: list[Row] = []
    token = None
    while True:
        query = f"query P($t: String) {{ {root}({arguments} limit: {limit}, nextToken: $t) "
        query += f"{{ items {{ {' '.join(fields)} }} nextToken }} }}"
        data, errors = await app.ask(ANN, query, t=token)
        assert errors == []
        found += data[root]["items"]
        token = data[root]["nextToken"]
        if token is None:
            return found


def _literal(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')


async def compare(app: App, rows: list[Row], limit: int, filter_: Row, *, last_first: bool) -> None:
    types = catalogue_of(app_of(app.text))
    engine = Embedded(NAMES, types.tables)
    try:
        served, fields = ServedApp(types, Store(engine, NAMES)), list(app.fields)
        for row in rows:
            await served.done(ANN, "createThing", **row)
        whole = [{name: row.get(name) for name in fields} for row in rows]
        by_key = sorted(await pages(served, "listThings", "", fields, limit), key=repr)
        assert by_key == sorted(whole, key=repr)

        ((name, comparison),) = filter_.items()
        ((word, other),) = comparison.items()
        literal = other if app.fields[name] == "Level" else _literal(other)
        passing = [row for row in whole if COMPARED[word](row[name], other)]
        found = await pages(served, "listThings", f"filter: {{{name}: {{{word}: {literal}}}}},", fields, limit)
        assert sorted(found, key=repr) == sorted(passing, key=repr)

        direction = "DESC" if last_first else "ASC"
        for value in {row["i0"] for row in rows}:
            arguments = f"i0: {_literal(value)}, " + (
                f"sortDirection: {direction}, " if len(app.index) > 1 else ""
            )
            found = await pages(served, "found", arguments, fields, limit)
            wanted = [row for row in whole if row["i0"] == value]
            assert sorted(found, key=repr) == sorted(wanted, key=repr)
            keys = [_sort_key(app, row, "i") for row in found]
            assert keys == sorted(keys, reverse=last_first) or len(app.index) == 1
    finally:
        engine.close()


@settings(max_examples=60)
@given(cases())
def test_pages_and_filters_find_what_a_plain_list_has(case: tuple[App, list[Row], int, Row, bool]) -> None:
    app, rows, limit, filter_, last_first = case
    asyncio.run(compare(app, rows, limit, filter_, last_first=last_first))
