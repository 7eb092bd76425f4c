"""Finds the files of a schema: a schema.graphql, or an Amplify project with its flags and authorization mode."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from graphql import Source

from schema.amplify.sdl.declarations import NotServed, Provider
from schema.amplify.sdl.errors import SchemaFileError

_MODES = {
    "AMAZON_COGNITO_USER_POOLS": Provider.USER_POOLS,
    "API_KEY": Provider.API_KEY,
    "AWS_IAM": Provider.IAM,
    "OPENID_CONNECT": Provider.OIDC,
    "AWS_LAMBDA": Provider.FUNCTION,
}
_TEMPLATES = (".vtl", ".js")


@dataclass(frozen=True, slots=True)
class Flags:
    """The feature flags of `cli.json` that change names or what is stored, with the values of new projects.

    Args:
        enableautoindexquerynames: whether an index has a query, if `queryField` does not say.
        respectprimarykeyattributesonconnectionfield: whether an implied key is named and typed as what it holds.
        shoulddeepmergedirectiveconfigdefaults: whether `@model(queries: {get: …})` leaves the other queries.
        usesubusernamefordefaultidentityclaim: whether owners are stored as `sub::username` rather than `username`.
        secondarykeyasgsi: whether an index on the table's own partition key is a global one all the same.
    """

    enableautoindexquerynames: bool = True
    respectprimarykeyattributesonconnectionfield: bool = True
    shoulddeepmergedirectiveconfigdefaults: bool = True
    usesubusernamefordefaultidentityclaim: bool = True
    secondarykeyasgsi: bool = True


@dataclass(frozen=True, slots=True)
class Project:
    """The texts of a schema, and how Amplify compiles them.

    Args:
        sources: the texts, each named by its path.
        flags: the feature flags.
        default_mode: how callers prove who they are, where the schema names no other way.
        has_conflict_resolution: whether DataStore's conflict resolution is on.
        not_served: what else the project has that this server does not do.
    """

    sources: tuple[Source, ...]
    flags: Flags = field(default_factory=Flags)
    default_mode: Provider = Provider.USER_POOLS
    has_conflict_resolution: bool = False
    not_served: tuple[NotServed, ...] = ()


def find(path: Path) -> Project:
    """Return the project at a path.

    Args:
        path: a file with a schema; or the folder of an Amplify project, of its `amplify`, or of its API.

    Raises:
        SchemaFileError: no schema is there, or several are, or a file is not what it should be.
    """
    folder, files = (path.parent, [path]) if path.is_file() else _schema_of(path)
    amplify = folder.parents[2] if folder.match("backend/api/*") else folder
    inputs = _json(folder / "cli-inputs.json").get("serviceConfiguration", {})
    conflicts = _json(folder / "transform.conf.json").get("ResolverConfig") or inputs.get("conflictResolution")
    return Project(
        sources=tuple(Source(_text(file), str(file)) for file in files),
        flags=_flags(amplify / "cli.json"),
        default_mode=_default_mode(inputs, amplify / "backend" / "backend-config.json", folder.name),
        has_conflict_resolution=bool(conflicts),
        not_served=tuple(_own_templates(folder)),
    )


def beside(path: Path, name: str) -> Path:
    """Return the folder in which a file beside a schema is to be looked for.

    It is the folder at the path if that has the file; else the folder in which the project has its schema.

    Args:
        path: the same as for `find`.
        name: the file's name.

    Raises:
        SchemaFileError: no schema is there, or several are.
    """
    at_path = path if path.is_dir() else path.parent
    return at_path if (at_path / name).is_file() or path.is_file() else _schema_of(path)[0]


def _schema_of(path: Path) -> tuple[Path, list[Path]]:
    """Return the folder of the API at a path, and its schema's files."""
    folders = [path, *sorted(path.glob("amplify/backend/api/*")), *sorted(path.glob("backend/api/*"))]
    found = [(folder, files) for folder in folders if (files := _files_of(folder))]
    if not found:
        raise SchemaFileError([f"{path}: no schema.graphql is there, nor an Amplify project with one"])
    if len(found) > 1:
        names = ", ".join(str(folder) for folder, _ in found)
        raise SchemaFileError([f"{path}: several schemas are there; name one of {names}"])
    return found[0]


def _files_of(folder: Path) -> list[Path]:
    single = folder / "schema.graphql"
    return [single] if single.is_file() else sorted((folder / "schema").rglob("*.graphql"))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaFileError([f"{file}: cannot be read: {error}"]) from error


def _json(file: Path) -> dict[str, Any]:
    """Return the object in a file; an absent file is an empty one."""
    if not file.is_file():
        return {}
    try:
        value = orjson.loads(_text(file))
    except orjson.JSONDecodeError as error:
        raise SchemaFileError([f"{file}: is not JSON: {error}"]) from error
    return value if isinstance(value, dict) else {}


def _flags(file: Path) -> Flags:
    """Return the flags of a `cli.json`; one that it lacks is off, as in projects older than the flag."""
    if not file.is_file():
        return Flags()
    given = _json(file).get("features", {}).get("graphqltransformer", {})
    lowered = {name.lower(): value for name, value in given.items()}
    return Flags(**{name: lowered.get(name) is True for name in Flags.__slots__})


def _default_mode(inputs: dict[str, Any], config: Path, api: str) -> Provider:
    """Return the default authorization mode, as the API's inputs or the project's configuration say."""
    mode = inputs.get("defaultAuthType", {}).get("mode")
    if mode is None:
        output = _json(config).get("api", {}).get(api, {}).get("output", {})
        mode = output.get("authConfig", {}).get("defaultAuthentication", {}).get("authenticationType")
    return _MODES.get(mode or "", Provider.USER_POOLS)


def _own_templates(folder: Path) -> Iterator[NotServed]:
    """Yield the fields that have a mapping template of the project's own, which are programs for AppSync."""
    files = sorted(file for file in (folder / "resolvers").glob("*") if file.suffix in _TEMPLATES)
    for name in dict.fromkeys(".".join(file.name.split(".")[:2]) for file in files):
        yield NotServed(name, "its own mapping templates in resolvers/ are not run")
