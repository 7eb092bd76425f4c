"""An app of an SDL file is put together with a name, callers to try it, and what people must know."""

import json
import re
from pathlib import Path

import pytest
from graphql import parse, validate

from models.errors import ExpectedError
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from resolvers.api import Api
from resolvers.apps.app import App
from resolvers.apps.imported import imported, stack_name
from resolvers.hosting.settings import ServerSettings
from schema.strawberry_internals import graphql_schema
from workflows.executions.services import Services

APPS = Path(__file__).parents[4] / "schema" / "apps"
TEXT = """
type Note @model @auth(rules: [{ allow: public }, { allow: groups, groups: ["Night Shift"] }]) { text: String! }
type Query { weather: String @function(name: "weather-${env}") tell: String @http(url: "https://example.org") }
"""


def written(folder: Path, text: str = TEXT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schema.graphql").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("shop", "shop"), ("My Shop!", "My-Shop"), ("2nd", "app-2nd"), ("x" * 50, "x" * 31), ("läden", "l-den")],
)
def test_a_stack_is_called_as_its_folder(tmp_path: Path, folder: str, expected: str) -> None:
    home = written(tmp_path / folder)
    assert stack_name(home) == stack_name(home / "schema.graphql") == expected


def test_a_stack_of_a_project_is_called_as_what_holds_its_amplify_folder(tmp_path: Path) -> None:
    written(tmp_path / "shop" / "amplify" / "backend" / "api" / "goods")
    assert stack_name(tmp_path / "shop") == stack_name(tmp_path / "shop" / "amplify") == "shop"


def test_every_group_of_its_rules_has_a_demo_caller(tmp_path: Path) -> None:
    callers = imported(written(tmp_path / "notes")).app.demo.callers
    assert callers == {"alice": frozenset(), "bob": frozenset(), "night-shift": frozenset({"Night Shift"})}


def test_people_are_told_what_is_not_served_and_who_may_write(tmp_path: Path) -> None:
    notes = "\n".join(imported(written(tmp_path / "notes")).notes)
    assert "1 type with a table: Note" in notes
    assert "not served: Query.tell: @http calls other servers" in notes
    assert "not served: Query.weather: functions.py beside the schema has no function weather" in notes
    assert "whoever has an API key may write: Note" in notes


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ searchPosts { items { id } } }", "Query.searchPosts is not served: @searchable needs OpenSearch"),
        (
            '{ getPost(id: "a") { title(length: 2) } }',
            "Post.title(length:) is not served: the field is stored, and nothing would read its argument",
        ),
        ('{ getPost(id: "a", of: 1) { id } }', "Unknown argument 'of' on field 'Query.getPost'."),
    ],
)
def test_what_clients_know_and_is_not_served_says_why(tmp_path: Path, query: str, expected: str) -> None:
    post = "type Post @model @searchable { id: ID! title(length: Int): String }"
    app = imported(written(tmp_path / "notes", TEXT + post)).app
    (error,) = api_of(app).schema.documents.read(query).errors
    assert error.message == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type A @model { b: Int @nope }", "schema.graphql:1: Unknown directive '@nope'"),
        ("type A {", "schema.graphql:1: Syntax Error"),
        ("type A { b: Int }", "no type has @model"),
        ("type A @model { b: C }", "schema.graphql:1: "),
        (
            "type A @model { b: Int } type ModelAConnection { b: Int }",
            "ModelAConnection is the name of a type that is derived from others, or that every schema has",
        ),
        ("type A @model { b: Int } enum ModelSortDirection { UP }", "ModelSortDirection is the name of a type"),
        ("type A @model { b: Int } input CreateAInput { b: Int }", "CreateAInput is the name of a type"),
    ],
)
def test_a_schema_that_is_wrong_is_refused_with_the_place(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ExpectedError, match=re.escape(expected)):
        imported(written(tmp_path / "wrong", text))


def test_a_function_that_is_there_is_not_missed(tmp_path: Path) -> None:
    home = written(tmp_path / "notes")
    (home / "functions.py").write_text("def weather(event): return 'fine'\n")
    assert "function weather" not in "\n".join(imported(home).notes)


def test_functions_and_rules_may_stand_beside_the_schema_of_a_project(tmp_path: Path) -> None:
    home = written(tmp_path / "amplify" / "backend" / "api" / "notes")
    (home / "functions.py").write_text("def weather(event): return 'fine'\n")
    (home / "rules.graphql").write_text('extend type Note @unique(fields: ["text"])')
    found = imported(tmp_path / "amplify")
    assert "function weather" not in "\n".join(found.notes)
    assert found.app.catalogue.models["Note"].ruled is not None


def api_of(app: App) -> Api:
    return Api.over(app, Services.over(AsyncCalls(()), Settings()), ServerSettings(), b"none")


NAMED_AS_PYTHON = """
type class @model { id: ID! def: String lambda: list @hasOne }
type list @model { id: ID! None: [Optional] @hasMany }
type Optional @model { id: ID! true: Boolean import: import }
type import { y: int }
enum int { A B }
"""


def test_types_and_fields_may_be_called_as_words_of_python(tmp_path: Path) -> None:
    served = graphql_schema(api_of(imported(written(tmp_path / "words", NAMED_AS_PYTHON)).app).schema)
    assert str(served.get_type("import").fields["y"].type) == "int"  # type: ignore[union-attr]
    assert {"class", "list", "Optional"} <= served.type_map.keys()


def test_an_input_of_the_schemas_own_stands_for_that_of_an_object(tmp_path: Path) -> None:
    text = "type A @model { p: P } type P { x: Int y: Int } input PInput { x: Int! }"
    served = graphql_schema(api_of(imported(written(tmp_path / "inputs", text)).app).schema)
    assert served.type_map["PInput"].fields.keys() == {"x"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("fields", "compared"),
    [
        ("id: Int! @primaryKey", "Int"),
        ("id: AWSEmail! @primaryKey", "String"),
        ("id: ID! @primaryKey", "ID"),
        ("a: Int! @primaryKey", "ID"),
    ],
)
def test_an_id_is_compared_as_its_type_is(tmp_path: Path, fields: str, compared: str) -> None:
    app = imported(written(tmp_path / "a", f"type A @model {{ {fields} b: Int }}")).app
    types = graphql_schema(api_of(app).schema).type_map
    for kind in ("", "Subscription"):
        comparison = types[f"Model{kind}AFilterInput"].fields["id"].type  # type: ignore[attr-defined]
        assert str(comparison) == f"Model{kind}{compared}Input"


TREES = "type Tree @model { root: Node! all: [Node!]! } type Node { name: String! below: [Node!]! }"


def test_an_example_of_objects_that_hold_themselves_ends(tmp_path: Path) -> None:
    app = imported(written(tmp_path / "trees", TREES)).app
    assert app.examples[1].variables == {"input": {"root": {"name": "text", "below": []}, "all": []}}


@pytest.mark.parametrize(
    ("rules", "caller"),
    [
        ("{ allow: public }", "api_key"),
        ('{ allow: public, operations: [read] }, { allow: groups, groups: ["Night Shift"] }', "night-shift"),
        ("{ allow: public }, { allow: private }", "alice"),
        ("{ allow: private, operations: [read] }", "alice"),
    ],
)
def test_examples_are_asked_by_whoever_may_create(tmp_path: Path, rules: str, caller: str) -> None:
    text = f"type A @model @auth(rules: [{rules}]) {{ id: ID! }}"
    assert {one.caller for one in imported(written(tmp_path / "a", text)).app.examples} == {caller}


@pytest.mark.parametrize(("kind", "given"), [("ID", {}), ("String", {}), ("Int", {"id": 1})])
def test_an_example_gives_an_id_that_the_server_does_not_make(
    tmp_path: Path, kind: str, given: dict[str, int]
) -> None:
    app = imported(written(tmp_path / "a", f"type A @model {{ id: {kind}! @primaryKey b: Int }}")).app
    assert app.examples[1].variables == {"input": given}


PRIVATE = "type A @model @auth(rules: [{ allow: private }]) { b: Int }"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type A @model @auth(rules: [{ allow: public, operations: [read] }]) { b: Int }", True),
        ("type A @model @auth(rules: [{ allow: private }]) { b: Int @auth(rules: [{ allow: public }]) }", True),
        (PRIVATE, False),
        (
            f'{PRIVATE} type Query {{ c: Int @function(name: "c") @auth(rules: [{{ allow: public }}]) }}',
            True,
        ),
    ],
)
def test_an_app_has_guests_if_a_rule_admits_them(tmp_path: Path, text: str, *, expected: bool) -> None:
    assert imported(written(tmp_path / "a", text)).app.has_guests is expected


@pytest.mark.parametrize("name", ["marketplace", "construction"])
def test_its_examples_are_valid(name: str) -> None:
    app = imported(APPS / name).app
    served = graphql_schema(api_of(app).schema)
    assert len(app.examples) == 3
    for example in app.examples:
        assert validate(served, parse(example.query)) == []
        assert example.caller in app.demo.callers


@pytest.mark.parametrize(("mode", "is_keyed"), [("API_KEY", True), ("AMAZON_COGNITO_USER_POOLS", False)])
def test_how_callers_prove_who_they_are_is_as_the_project_says(
    tmp_path: Path, mode: str, *, is_keyed: bool
) -> None:
    home = written(tmp_path / "shop")
    inputs = {"serviceConfiguration": {"defaultAuthType": {"mode": mode}}}
    (home / "cli-inputs.json").write_text(json.dumps(inputs))
    assert imported(home).app.is_keyed is is_keyed
    assert not imported(written(tmp_path / "other")).app.is_keyed
