"""Random documents and variables: valid ones made from the schema, and mutations of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
)

_SCHEMA = Path(__file__).parents[2] / "contract" / "schema.graphql"
_DEPTH = 5
_WIDEST = 6

# Values of each scalar that are in order, next to those that are not.
_TEXTS = (
    "",
    "a",
    "garden",
    "alice",
    "\u202e",
    "\x00",
    "é" * 50,
    "2026-01-01T00:00:00.000Z",
    "{}",
    "-1",
    "a" * 5_000,
)
_NUMBERS = (0, 1, -1, 2, 100, 1_000, 2**31 - 1, -(2**31), 0.5, 1e308, 0.01)
_ODD: tuple[Any, ...] = (None, True, [], {}, [[]], "x", 7, -0.0, 2**63, "9" * 400, {"a": {"a": {}}}, [None] * 20)
_TOKENS = (
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "!",
    "$",
    "@",
    "...",
    '"',
    '"""',
    "\\",
    "#",
    "|",
    "&",
    "=",
    "on",
    "null",
)


@cache
def _schema() -> GraphQLSchema:
    return build_schema(_SCHEMA.read_text())


@dataclass(slots=True)
class Operation:
    """A document with its variables."""

    query: str
    variables: dict[str, Any] = field(default_factory=dict)


class Documents:
    """Makes documents.

    Args:
        random: decides.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._schema = _schema()
        self._declared: dict[str, str] = {}
        self._variables: dict[str, Any] = {}

    def valid(self, kind: str = "") -> Operation:
        """Return a document that the schema allows; `kind` is query, mutation or subscription, by default any."""
        kind = kind or self._random.choices(("query", "mutation", "subscription"), (8, 3, 1))[0]
        roots = {
            "query": self._schema.query_type,
            "mutation": self._schema.mutation_type,
            "subscription": self._schema.subscription_type,
        }
        root = roots[kind]
        assert root
        self._declared, self._variables = {}, {}
        chosen = self._random.choice(list(root.fields))
        body = f"{{ {self._field(chosen, root.fields[chosen], 0)} }}"
        declared = ", ".join(f"${name}: {of}" for name, of in self._declared.items())
        return Operation(f"{kind} F{f'({declared})' if declared else ''} {body}", dict(self._variables))

    def mutated(self, kind: str = "") -> Operation:
        """Return a document with a few changes that the schema may not allow, or variables with some."""
        operation = self.valid(kind)
        changes: tuple[Callable[[Operation], None], ...] = (
            self._change_text,
            self._change_text,
            self._change_variables,
            self._repeat,
        )
        for _ in range(self._random.randint(1, 4)):
            self._random.choice(changes)(operation)
        return operation

    def _field(self, name: str, field: GraphQLField, depth: int) -> str:
        arguments = self._arguments(field.args)
        alias = f"{self._random.choice('abc')}: " if self._random.random() < 0.1 else ""
        of = get_named_type(field.type)
        return f"{alias}{name}{arguments}{self._selection(of, depth + 1) if hasattr(of, 'fields') else ''}"

    def _selection(self, of: Any, depth: int) -> str:
        names = list(of.fields)
        self._random.shuffle(names)
        chosen = []
        for name in names:
            leads_on = isinstance(get_named_type(of.fields[name].type), GraphQLObjectType)
            if not leads_on or depth < _DEPTH:
                chosen.append(self._field(name, of.fields[name], depth))
            if len(chosen) >= self._random.randint(1, _WIDEST):
                break
        return f" {{ {' '.join(chosen) or '__typename'} }}"

    def _arguments(self, arguments: Mapping[str, GraphQLArgument]) -> str:
        given = []
        for name, argument in arguments.items():
            if isinstance(argument.type, GraphQLNonNull) or self._random.random() < 0.4:
                variable = f"v{len(self._declared)}"
                self._declared[variable] = str(argument.type)
                self._variables[variable] = self.value(argument.type)
                given.append(f"{name}: ${variable}")
        return f"({', '.join(given)})" if given else ""

    def value(self, of: GraphQLInputType, depth: int = 0) -> Any:
        """Return a value of a type, most times one that is in order."""
        if isinstance(of, GraphQLNonNull):
            return self.value(of.of_type, depth)
        if self._random.random() < 0.03:
            return self._random.choice(_ODD)
        if isinstance(of, GraphQLList):
            return [self.value(of.of_type, depth + 1) for _ in range(self._random.choice((0, 1, 1, 2, 5)))]
        if isinstance(of, GraphQLEnumType):
            return self._random.choice(list(of.values))
        if isinstance(of, GraphQLInputObjectType):
            return self._object(of, depth)
        return self._scalar(str(of))

    def _object(self, of: GraphQLInputObjectType, depth: int) -> dict[str, Any]:
        often = 0.35 if depth < 3 else 0.05
        return {
            name: self.value(field.type, depth + 1)
            for name, field in of.fields.items()
            if isinstance(field.type, GraphQLNonNull) or self._random.random() < often
        }

    def _scalar(self, of: str) -> Any:
        if of in ("Int", "AWSTimestamp"):
            return int(min(self._random.choice(_NUMBERS), 2**31 - 1))
        if of == "Float":
            return self._random.choice(_NUMBERS)
        if of == "Boolean":
            return self._random.random() < 0.5
        return self._random.choice(_TEXTS)

    def _change_text(self, operation: Operation) -> None:
        text = operation.query
        at = self._random.randrange(len(text) + 1)
        length = self._random.choice((0, 1, 1, 3, 10, 50))
        put = self._random.choice((*_TOKENS, "", "", chr(self._random.randrange(1, 0xD7FF)), text[at : at + 30]))
        operation.query = text[:at] + put + text[at + length :]

    def _change_variables(self, operation: Operation) -> None:
        name = self._random.choice([*operation.variables, "unknown"])
        operation.variables[name] = self._random.choice(_ODD)

    def _repeat(self, operation: Operation) -> None:
        times = self._random.choice((2, 5, 40))
        operation.query = self._random.choice((" ".join([operation.query] * times), "{" * times + operation.query))
