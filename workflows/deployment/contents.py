"""What an app brings to its stack of tables and workflows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

from models.tables import TABLES, Table
from workflows.definitions import read_definitions
from workflows.deployment.template.build import build_template
from workflows.deployment.template.intrinsics import Resource
from workflows.handlers import FUNCTIONS, Function


@dataclass(frozen=True, slots=True, eq=False)
class StackContents:
    """What an app brings to its stack.

    Args:
        app: its name, with which the names of its stacks on AWS begin.
        tables: its tables.
        functions: its functions, by name.
        definitions: the definitions of its state machines, by name.
        has_servers: whether its servers have a stack, too; else they are started by hand, with `serve --aws`.
    """

    app: str
    tables: tuple[type[Table], ...]
    functions: Mapping[str, Function]
    definitions: Mapping[str, Any]
    has_servers: bool = False

    @classmethod
    def of_tables(cls, app: str, tables: Iterable[type[Table]]) -> Self:
        """Return the contents of an app without workflows; one function tells several servers what changes."""
        functions = {name: one for name, one in FUNCTIONS.items() if one.reads_other_streams}
        return cls(app, tuple(tables), functions, {})

    def template(self, values: Mapping[str, str] | None = None) -> Resource:
        """Return the template of the stack, given the values of its parameters; see `build_template`."""
        return build_template(self.tables, self.functions, self.definitions, values=values)


@cache
def hourbank() -> StackContents:
    """Return HourBank's contents."""
    return StackContents("hourbank", TABLES, FUNCTIONS, read_definitions(), has_servers=True)
