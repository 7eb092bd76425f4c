"""An Amplify app, served as its schema.graphql declares it."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from models.tables import Idempotency, RateCounter
from models.tables.imported.published_answer import PublishedAnswer
from resolvers.apps.app import App, Demo, OwnFields, Surroundings
from resolvers.apps.imported_examples import examples_of
from resolvers.functions.calls import FunctionCalls
from resolvers.functions.loading import FILE, Function, load_functions, python_name
from resolvers.functions.resolver import FunctionResolver, tells_of_answers
from schema.amplify.catalogue import Catalogue
from schema.amplify.objects import types_of
from schema.amplify.rules import Operation, Public
from schema.amplify.sdl.declarations import Provider
from schema.amplify.sdl.declaring import catalogue_of
from schema.amplify.sdl.errors import SchemaFileError
from schema.amplify.sdl.importing import AppDeclaration, import_app
from schema.amplify.sdl.project import beside

# What the house needs beside an app's own tables.
_HOUSE = (Idempotency, RateCounter)
_RULES = "rules.graphql"
# What Amplify calls the folder of each of its projects.
_AMPLIFY = "amplify"
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
    try:
        catalogue = catalogue_of(declared)
        types_of(catalogue)
    except TypeError as error:
        raise SchemaFileError([f"{schema}: {error}"]) from error
    functions = load_functions(beside(schema, FILE))
    stack, callers = stack_name(schema), _callers(declared)
    is_keyed = declared.default_mode is Provider.API_KEY
    app = App(
        name=stack.replace("-", " ").capitalize(),
        catalogue=catalogue,
        tables=(*catalogue.tables, *_HOUSE, *((PublishedAnswer,) if tells_of_answers(catalogue) else ())),
        own_fields=partial(_own_fields, catalogue, functions),
        demo=Demo(callers),
        examples=examples_of(catalogue, callers),
        has_guests=is_keyed or catalogue.has_guests,
        is_keyed=is_keyed,
        options=f" --schema {shlex.quote(str(schema))}" + (f" --rules {shlex.quote(str(rules))}" if rules else ""),
    )
    return ImportedApp(app, stack, tuple(_notes(declared, catalogue, functions)))


def _own_fields(catalogue: Catalogue, functions: Mapping[str, Function], around: Surroundings) -> OwnFields:
    store, clock = around.services.store, around.services.clock
    calls = FunctionCalls(functions, around.settings.functions)
    return OwnFields(resolver=FunctionResolver(catalogue, calls, store, around.subscriptions, clock))


def _rules_beside(schema: Path) -> Path | None:
    found = beside(schema, _RULES) / _RULES
    return found if found.is_file() else None


def stack_name(schema: Path) -> str:
    """Return the name of a schema's folder, or of the one around `amplify`, as a stack may be called."""
    path = schema.resolve()
    folder = path if path.is_dir() else path.parent
    if folder.name == _AMPLIFY:
        folder = folder.parent
    name = _NO_NAME.sub("-", folder.name).strip("-")[:_LONGEST_NAME].strip("-")
    return name if name[:1].isalpha() else f"app-{name}"[:_LONGEST_NAME].strip("-")


def _callers(declared: AppDeclaration) -> Mapping[str, frozenset[str]]:
    """Return the demo callers: two without groups, and one in each group that a rule names."""
    rules = [rule for model in declared.models.values() for rule in model.all_rules]
    rules += [rule for root in declared.roots for rule in root.rules or ()]
    groups = dict.fromkeys(group for rule in rules for group in rule.groups)
    in_groups = {_NO_NAME.sub("-", group).strip("-").lower(): frozenset({group}) for group in groups}
    return {**dict.fromkeys(_PEOPLE, frozenset[str]()), **in_groups}


def _notes(declared: AppDeclaration, catalogue: Catalogue, functions: Mapping[str, Function]) -> Iterator[str]:
    types = "type with a table" if len(catalogue.models) == 1 else "types with tables"
    yield f"{len(catalogue.models)} {types}: {', '.join(catalogue.models)}"
    for one in declared.not_served:
        yield f"not served: {one}"
    for own in catalogue.own:
        for name in (python_name(call.name) for call in own.functions):
            if name not in functions:
                yield f"not served: {own.root}.{own.name}: {FILE} beside the schema has no function {name}"
    if declared.default_mode in {Provider.IAM, Provider.OIDC, Provider.FUNCTION}:
        yield f"not served: callers by {declared.default_mode}; those of a user pool, and API keys, are"
    written = [
        model.name
        for model in catalogue.models.values()
        for rule in model.rules
        if isinstance(rule, Public) and rule.operations - {Operation.READ}
    ]
    if written:
        yield f"whoever has an API key may write: {', '.join(dict.fromkeys(written))}"
