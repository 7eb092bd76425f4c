"""Queries of rows with everything that a selection may have: aliases, fragments, directives, repeated fields."""

from random import Random
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type

from tests.security.fuzz.documents import Documents, Operation

_DEPTH = 4
_WIDEST = 7
_ROOTS = 3


class RowQueries:
    """Makes queries that a schema allows.

    Args:
        random: decides.
        schema: the schema.
    """

    def __init__(self, random: Random, schema: GraphQLSchema) -> None:
        self._random = random
        self._schema = schema
        self._values = Documents(random)
        self._declared: dict[str, str] = {}
        self._variables: dict[str, Any] = {}
        self._fragments: list[str] = []

    def any(self) -> Operation:
        """Return a query."""
        self._declared, self._variables, self._fragments = {}, {}, []
        query = self._schema.query_type
        assert query
        roots = [self._random.choice(list(query.fields)) for _ in range(self._random.randint(1, _ROOTS))]
        fields = [f"r{n}: {self._field(query, name, 0)}" for n, name in enumerate(roots)]
        if self._random.random() < 0.2:
            fields.append("__typename")
        declared = ", ".join(f"${name}: {of}" for name, of in self._declared.items())
        head = f"query Q{f'({declared})' if declared else ''}"
        return Operation(f"{head} {{ {' '.join(fields)} }} {' '.join(self._fragments)}", dict(self._variables))

    def any_subscription(self, name: str) -> Operation:
        """Return a subscription to a field of that name."""
        self._declared, self._variables, self._fragments = {}, {}, []
        root = self._schema.subscription_type
        assert root
        field = self._aliased(self._field(root, name, 0))
        declared = ", ".join(f"${name}: {of}" for name, of in self._declared.items())
        head = f"subscription S{f'({declared})' if declared else ''}"
        return Operation(f"{head} {{ {field} }} {' '.join(self._fragments)}", dict(self._variables))

    def _field(self, parent: GraphQLObjectType, name: str, depth: int) -> str:
        field = parent.fields[name]
        of = get_named_type(field.type)
        given = []
        for argument, declared in field.args.items():
            if str(declared.type).endswith("!") or self._random.random() < 0.25:
                given.append(
                    f"{argument}: {self._argument(str(declared.type), self._values.value(declared.type))}"
                )
        arguments = f"({', '.join(given)})" if given else ""
        inner = self._selection(of, depth + 1) if isinstance(of, GraphQLObjectType) else ""
        directive = "" if parent is self._schema.subscription_type else self._directive()  # it may have none
        return f"{name}{arguments}{directive}{inner}"

    def _argument(self, type_: str, value: Any) -> str:
        literal = type_.removesuffix("!") in {"ID", "String"} and isinstance(value, str) and value.isascii()
        if literal and value.isprintable() and self._random.random() < 0.3:
            return '"' + str(value).replace("\\", "").replace('"', "") + '"'
        name = f"v{len(self._declared)}"
        self._declared[name] = type_
        if type_.endswith("!") or self._random.random() < 0.9:
            self._variables[name] = value
        return f"${name}"

    def _directive(self) -> str:
        chance = self._random.random()
        if chance < 0.015:
            return " @skip(if: true)"
        return " @include(if: true)" if chance < 0.03 else ""

    def _selection(self, of: GraphQLObjectType, depth: int) -> str:
        chosen = self._random.sample(list(of.fields), min(len(of.fields), self._random.randint(1, _WIDEST)))
        members = []
        for name in chosen:
            if isinstance(get_named_type(of.fields[name].type), GraphQLObjectType):
                if depth < _DEPTH:
                    members.append(self._wrapped(of, self._aliased(self._field(of, name, depth))))
            else:
                members.append(self._wrapped(of, self._aliased(f"{name}{self._directive()}")))
        if self._random.random() < 0.2 or not members:
            members.append("__typename")
        if self._random.random() < 0.1:
            members.append(members[0])
        return f" {{ {' '.join(members)} }}"

    def _aliased(self, field: str) -> str:
        return (
            f"{self._random.choice('abc')}{self._random.randint(0, 99)}: {field}"
            if self._random.random() < 0.1
            else field
        )

    def _wrapped(self, of: GraphQLObjectType, field: str) -> str:
        chance = self._random.random()
        if chance < 0.05:
            return f"... {{ {field} }}"
        if chance < 0.1:
            return f"... on {of.name} {{ {field} }}"
        if chance < 0.15:
            name = f"F{len(self._fragments)}"
            self._fragments.append(f"fragment {name} on {of.name} {{ {field} }}")
            return f"...{name}"
        return field
