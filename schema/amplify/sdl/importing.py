"""Imports an app from its schema.graphql, or from its Amplify project, and from the rules beside it.

Example:
    >>> folder = Path("schema/apps/marketplace")
    >>> app = import_app(folder / "schema.graphql", folder / "rules.graphql")
    >>> app.models["Booking"].indexes["status-index"].attributes
    ('status', 'createdAt')
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graphql import Source

from models.constraints.declared import Constraints
from schema.amplify.sdl.checks.operations import operation_problems
from schema.amplify.sdl.declarations import (
    ArgumentDeclaration,
    ModelDeclaration,
    NotServed,
    ObjectDeclaration,
    Provider,
    RootField,
)
from schema.amplify.sdl.desugar import desugar
from schema.amplify.sdl.errors import SchemaFileError
from schema.amplify.sdl.models import read_models
from schema.amplify.sdl.project import Project, find
from schema.amplify.sdl.reading import read
from schema.amplify.sdl.roots import global_rules, read_inputs, read_objects, read_roots
from schema.amplify.sdl.rules import read_rules
from schema.amplify.sdl.unserved import unserved, unserved_rules


@dataclass(frozen=True, slots=True)
class AppDeclaration:
    """All that an app's schema and rules declare.

    Args:
        models: the types that have tables, by name.
        objects: the other types, by name.
        inputs: the fields of the app's own input types, by the type's name.
        enums: the values of its enums, by name.
        roots: the root fields of its own.
        constraints: what rules.graphql says of a type, by its name.
        default_mode: how callers prove who they are, where nothing else is said.
        not_served: what the schema asks for and this server does not do.
    """

    models: Mapping[str, ModelDeclaration]
    objects: Mapping[str, ObjectDeclaration]
    inputs: Mapping[str, tuple[ArgumentDeclaration, ...]]
    enums: Mapping[str, tuple[str, ...]]
    roots: tuple[RootField, ...]
    constraints: Mapping[str, Constraints]
    default_mode: Provider
    not_served: tuple[NotServed, ...]


def import_app(schema: Path, rules: Path | None = None) -> AppDeclaration:
    """Return what an app declares.

    Args:
        schema: its schema.graphql, or the folder of its Amplify project.
        rules: its rules.graphql; None if it has none.

    Raises:
        SchemaFileError: the files cannot be served as they are; it has every problem with its place.
    """
    sources = () if rules is None else find(rules).sources
    return declared(find(schema), sources)


def declared(project: Project, rules: tuple[Source, ...] = ()) -> AppDeclaration:
    """Return what a project's texts declare, with the texts of its rules.

    Raises:
        SchemaFileError: the texts cannot be served as they are; it has every problem with its place.
    """
    document = read(project.sources)
    flags = project.flags
    models = desugar(read_models(document, flags), flags, global_rules(document, flags))
    if not models:
        raise SchemaFileError([f"{project.sources[0].name}: no type has @model, so there is nothing to store"])
    constraints, models = read_rules(rules, models, document.enums)
    roots = read_roots(document, flags)
    if problems := list(operation_problems(models, roots)):
        raise SchemaFileError(f"{project.sources[0].name}: {text}" for text in problems)
    return AppDeclaration(
        models=models,
        objects=read_objects(document, flags),
        inputs=read_inputs(document),
        enums=document.enums,
        roots=roots,
        constraints=constraints,
        default_mode=project.default_mode,
        not_served=(*unserved(project, document, models, roots), *unserved_rules(constraints)),
    )
