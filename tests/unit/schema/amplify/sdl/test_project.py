"""A schema is found by its file or in its Amplify project, with the project's flags and authorization mode."""

import json
from pathlib import Path
from typing import Any

import pytest

from schema.amplify.sdl.declarations import Provider
from schema.amplify.sdl.errors import SchemaFileError
from schema.amplify.sdl.importing import import_app
from schema.amplify.sdl.project import Flags, beside, find

TODO = 'type Todo @model @auth(rules: [{ allow: owner }]) { id: ID! name: String @index(name: "byName") }'


def write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture
def api(tmp_path: Path) -> Path:
    """Return the folder of the API in an Amplify project."""
    folder = tmp_path / "amplify" / "backend" / "api" / "todos"
    write(folder / "schema.graphql", TODO)
    return folder


def test_a_file_alone_is_compiled_as_new_projects_are(tmp_path: Path) -> None:
    write(tmp_path / "todos.graphql", TODO)
    project = find(tmp_path / "todos.graphql")
    assert project.flags == Flags()
    assert project.default_mode is Provider.USER_POOLS
    assert not project.has_conflict_resolution


@pytest.mark.parametrize(
    "path", [".", "amplify", "amplify/backend/api/todos", "amplify/backend/api/todos/schema.graphql"]
)
def test_a_project_is_found_by_any_of_its_folders(api: Path, tmp_path: Path, path: str) -> None:
    flags = {"enableAutoIndexQueryNames": True, "transformerVersion": 2}
    write(tmp_path / "amplify" / "cli.json", {"features": {"graphqltransformer": flags}})
    project = find(tmp_path / path)
    assert [Path(source.name) for source in project.sources] == [api / "schema.graphql"]
    # A flag that is not there is off.
    assert project.flags == Flags(
        enableautoindexquerynames=True,
        respectprimarykeyattributesonconnectionfield=False,
        shoulddeepmergedirectiveconfigdefaults=False,
        usesubusernamefordefaultidentityclaim=False,
        secondarykeyasgsi=False,
    )


@pytest.mark.parametrize(
    "path", [".", "amplify", "amplify/backend/api/todos", "amplify/backend/api/todos/schema.graphql"]
)
def test_what_stands_beside_the_schema_is_found_by_any_folder(api: Path, tmp_path: Path, path: str) -> None:
    assert beside(tmp_path / path, "functions.py") == api
    write(api / "functions.py", "")
    assert beside(tmp_path / path, "functions.py") == api


def test_what_stands_at_the_path_comes_first(api: Path, tmp_path: Path) -> None:
    write(api / "functions.py", "")
    write(tmp_path / "amplify" / "functions.py", "")
    assert beside(tmp_path / "amplify", "functions.py") == tmp_path / "amplify"
    assert beside(tmp_path, "functions.py") == api


def test_a_schema_may_be_a_folder_of_files(api: Path, tmp_path: Path) -> None:
    (api / "schema.graphql").unlink()
    write(api / "schema" / "todo.graphql", TODO)
    write(api / "schema" / "more" / "list.graphql", "type List @model { id: ID! }")
    assert set(import_app(tmp_path).models) == {"Todo", "List"}


def test_the_default_mode_is_that_of_the_api_s_inputs_or_of_the_project(api: Path, tmp_path: Path) -> None:
    mode = {"defaultAuthentication": {"authenticationType": "AWS_IAM"}}
    config = {"api": {"todos": {"output": {"authConfig": mode}}}}
    write(tmp_path / "amplify" / "backend" / "backend-config.json", config)
    assert find(tmp_path).default_mode is Provider.IAM
    write(api / "cli-inputs.json", {"serviceConfiguration": {"defaultAuthType": {"mode": "API_KEY"}}})
    assert find(tmp_path).default_mode is Provider.API_KEY


def test_what_a_project_has_beside_its_schema_is_listed_as_not_served(api: Path, tmp_path: Path) -> None:
    write(api / "transform.conf.json", {"ResolverConfig": {"project": {"ConflictHandler": "AUTOMERGE"}}})
    write(api / "resolvers" / "Query.listTodos.req.vtl", "{}")
    write(api / "resolvers" / "Query.listTodos.res.vtl", "{}")
    write(api / "resolvers" / "README.md", "")
    assert [item.name for item in import_app(tmp_path).not_served] == ["Query.listTodos", "Query.syncTodos"]


def test_conflict_resolution_may_stand_in_the_api_s_inputs(api: Path, tmp_path: Path) -> None:
    strategy = {"conflictResolution": {"defaultResolutionStrategy": {"type": "OPTIMISTIC_CONCURRENCY"}}}
    write(api / "cli-inputs.json", {"serviceConfiguration": strategy})
    assert find(tmp_path).has_conflict_resolution


def test_a_path_without_a_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaFileError, match=r"no schema\.graphql is there, nor an Amplify project"):
        find(tmp_path)


def test_a_project_of_two_apis_wants_one_of_them_named(api: Path, tmp_path: Path) -> None:
    write(api.parent / "others" / "schema.graphql", TODO)
    with pytest.raises(SchemaFileError, match=r"several schemas are there; name one of .*others, .*todos"):
        find(tmp_path)


def test_a_file_that_cannot_be_read_is_named(api: Path, tmp_path: Path) -> None:
    write(tmp_path / "amplify" / "cli.json", "{")
    with pytest.raises(SchemaFileError, match=r"cli\.json: is not JSON"):
        find(tmp_path)
    (api / "schema.graphql").write_bytes(b"\xff\xfe")
    with pytest.raises(SchemaFileError, match=r"schema\.graphql: cannot be read"):
        find(api)
