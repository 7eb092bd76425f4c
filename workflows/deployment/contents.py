"""What an app brings to its stack of tables and workflows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from models.tables import TABLES, Table
from workflows.definitions import read_definitions
from workflows.deployment.environments import FILE
from workflows.deployment.template.build import build_template
from workflows.deployment.template.intrinsics import Resource
from workflows.deployment.template.service.build import HOURBANK
from workflows.deployment.template.service.parts import Served
from workflows.handlers import FUNCTIONS, Function

_REPOSITORY = Path(__file__).parents[2]
# Where the image has apps from; .dockerignore leaves it to the build.
_APPS = _REPOSITORY / "schema" / "apps"


@dataclass(frozen=True, slots=True, eq=False)
class StackContents:
    """What an app brings to its stack.

    Args:
        app: its name, with which the names of its stacks on AWS begin.
        tables: its tables.
        functions: its functions, by name.
        definitions: the definitions of its state machines, by name.
        served: what its servers serve, which have a stack of their own; None if no image has the app, so that its
            servers are started by hand, with `serve --aws`.
        environments: the file with its environments.
    """

    app: str
    tables: tuple[type[Table], ...]
    functions: Mapping[str, Function]
    definitions: Mapping[str, Any]
    served: Served | None = None
    environments: Path = FILE

    @classmethod
    def of_tables(
        cls, app: str, tables: Iterable[type[Table]], served: Served | None = None, environments: Path = FILE
    ) -> Self:
        """Return the contents of an app without workflows; one function tells several servers what changes."""
        functions = {name: one for name, one in FUNCTIONS.items() if one.reads_other_streams}
        return cls(app, tuple(tables), functions, {}, served, environments)

    def template(self, values: Mapping[str, str] | None = None) -> Resource:
        """Return the template of the stack, given the values of its parameters; see `build_template`."""
        return build_template(self.tables, self.functions, self.definitions, values=values)


@cache
def hourbank() -> StackContents:
    """Return HourBank's contents."""
    return StackContents("hourbank", TABLES, FUNCTIONS, read_definitions(), HOURBANK)


def environments_of(folder: Path) -> Path:
    """Return an app's `environments.toml`: the one in its folder, or HourBank's if the folder has none."""
    beside = folder / FILE.name
    return beside if beside.is_file() else FILE


def in_image(schema: Path, rules: Path | None) -> Mapping[str, str] | None:
    """Return what servers are told, so that they serve an app whose files their image has.

    The image is made of this repository's folder, and its command runs there: paths are the same in both.

    Args:
        schema: the app's schema.graphql, or its folder.
        rules: the rules that the command was given; None for those beside the schema.

    Returns:
        None if a file is outside of what the image is made of.
    """
    told: dict[str, str] = {}
    for name, path in (("HOURBANK_SCHEMA", schema), ("HOURBANK_RULES", rules)):
        if path is None:
            continue
        if not path.resolve().is_relative_to(_APPS):
            return None
        told[name] = path.resolve().relative_to(_REPOSITORY).as_posix()
    return told
