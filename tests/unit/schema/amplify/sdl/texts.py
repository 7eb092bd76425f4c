"""Schemas that are written in a test."""

from graphql import Source

from schema.amplify.sdl.declarations import ModelDeclaration
from schema.amplify.sdl.errors import SchemaFileError
from schema.amplify.sdl.importing import AppDeclaration, declared
from schema.amplify.sdl.project import Flags, Project

NEW = Flags()
OLD = Flags(
    enableautoindexquerynames=False,
    respectprimarykeyattributesonconnectionfield=False,
    shoulddeepmergedirectiveconfigdefaults=False,
    usesubusernamefordefaultidentityclaim=False,
    secondarykeyasgsi=False,
)


def app_of(text: str, rules: str = "", flags: Flags = NEW) -> AppDeclaration:
    """Return what a schema declares, with its rules."""
    project = Project((Source(text, "schema.graphql"),), flags)
    return declared(project, (Source(rules, "rules.graphql"),) if rules else ())


def model_of(text: str, flags: Flags = NEW) -> ModelDeclaration:
    """Return the one model that a schema declares."""
    (model,) = app_of(text, flags=flags).models.values()
    return model


def problems_of(text: str, rules: str = "") -> tuple[str, ...]:
    """Return what is wrong with a schema, or with its rules."""
    try:
        app_of(text, rules)
    except SchemaFileError as error:
        return error.problems
    return ()
