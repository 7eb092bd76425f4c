"""An Amplify app, served as its schema.graphql declares it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.tables import Idempotency, RateCounter
from resolvers.apps.app import App, Demo
from resolvers.apps.imported_examples import examples_of
from schema.amplify.catalogue import Catalogue
from schema.amplify.rules import Operation, Public
from schema.amplify.sdl.declarations import Provider
from schema.amplify.sdl.declaring import catalogue_of
from schema.amplify.sdl.importing import AppDeclaration, import_app

# What the house needs beside an app's own tables.
_HOUSE = (Idempotency, RateCounter)
_PEOPLE = ("alice", "bob")
# A stack's name: letters, digits and hyphens, beginning with a letter.
_LONGEST_NAME = 31
_NO_NAME = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class ImportedApp:
    """An app of an SDL file, and what people must know of it.

    Args:
        app: the app.
        stack: the name of its stack, unless a setting says otherwise.
        notes: what is served, what is not, and who needs no sign-in; a line each.
    """

    app: App
    stack: str
    notes: tuple[str, ...]


def imported(schema: Path, rules: Path | None = None) -> ImportedApp:
    """Return the app that a file declares.

    Args:
        schema: a schema.graphql, or the folder of an Amplify project.
        rules: the rules beside it; None for the rules.graphql beside a schema.graphql, if there is one.

    Raises:
        SchemaFileError: the files cannot be served as they are; it has every problem with its place.
    """
    declared = import_app(schema, rules or _rules_beside(schema))
    catalogue = catalogue_of(declared)
    stack = stack_name(schema)
    app = App(
        name=stack.replace("-", " ").capitalize(),
        catalogue=catalogue,
        tables=(*catalogue.tables, *_HOUSE),
        demo=Demo(_callers(declared)),
        examples=examples_of(catalogue),
    )
    return ImportedApp(app, stack, tuple(_notes(declared, catalogue)))


def _rules_beside(schema: Path) -> Path | None:
    beside = (schema if schema.is_dir() else schema.parent) / "rules.graphql"
    return beside if beside.is_file() else None


def stack_name(schema: Path) -> str:
    """Return the name of a schema's folder, as a stack may be called."""
    path = schema.resolve()
    folder = path if path.is_dir() else path.parent
    name = _NO_NAME.sub("-", folder.name).strip("-")[:_LONGEST_NAME].strip("-")
    return name if name[:1].isalpha() else f"app-{name}"[:_LONGEST_NAME].strip("-")


def _callers(declared: AppDeclaration) -> Mapping[str, frozenset[str]]:
    """Return the demo callers: two without groups, and one in each group that a rule names."""
    rules = [rule for model in declared.models.values() for rule in model.all_rules]
    rules += [rule for root in declared.roots for rule in root.rules or ()]
    groups = dict.fromkeys(group for rule in rules for group in rule.groups)
    in_groups = {_NO_NAME.sub("-", group).strip("-").lower(): frozenset({group}) for group in groups}
    return {**dict.fromkeys(_PEOPLE, frozenset[str]()), **in_groups}


def _notes(declared: AppDeclaration, catalogue: Catalogue) -> Iterator[str]:
    yield f"{len(catalogue.models)} types with tables: {', '.join(catalogue.models)}"
    for one in declared.not_served:
        yield f"not served: {one}"
    if declared.default_mode in {Provider.IAM, Provider.OIDC, Provider.FUNCTION}:
        yield f"not served: callers by {declared.default_mode}; those of a user pool, and API keys, are"
    written = [
        model.name
        for model in catalogue.models.values()
        for rule in model.rules
        if isinstance(rule, Public) and rule.operations - {Operation.READ}
    ]
    if written:
        yield f"whoever has an API key of HOURBANK_API_KEYS may write: {', '.join(dict.fromkeys(written))}"
