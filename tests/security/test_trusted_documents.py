"""With a list of trusted documents nothing else runs, whatever the way in."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, parse, print_ast

from tests.integration.conftest import Server
from tests.integration.forked_commands import printed
from tests.security.asking import WAYS, LogSince, ask
from tests.security.measuring import Target, measuring, serving

OPERATIONS = Path(__file__).parents[1] / "contract/operations"


def generated(kind: str, name: str) -> str:
    """Return one of the operations that Amplify generates, as amplify-js sends it."""
    document = parse((OPERATIONS / f"{kind}.graphql").read_text())
    named = (one for one in document.definitions if isinstance(one, OperationDefinitionNode) and one.name)
    return next(print_ast(one) for one in named if one.name and one.name.value == name)


LISTED = generated("queries", "ListServices")
EVENTS = generated("subscriptions", "OnCreateService")
UNTRUSTED = {
    "own": "{ listServices { items { id } } }",
    "typename": "{ __typename }",
    "introspection": "{ __schema { types { name } } }",
    "one field more": LISTED.replace("    nextToken\n", "    nextToken startedAt: __typename\n"),
    "renamed": LISTED.replace("ListServices", "ListServicez", 1),
    "two at once": f"{LISTED}\n{generated('queries', 'ListUsers')}",
    "literal": LISTED.replace("limit: $limit", "limit: 1"),
    "unused fragment": f"{LISTED} fragment F on Service {{ id }}",
    "mutation": 'mutation { deleteService(input: {id: "x"}) { id } }',
    "invalid": "{ nothing }",
}
UNTRUSTED_EVENTS = {
    "own": "subscription { onCreateService { id } }",
    "one field more": EVENTS.replace("title", "title __typename", 1),
    "literal": 'subscription { onUpdateServiceRequest(requesterId: "x") { id status } }',
    "renamed": EVENTS.replace("OnCreateService", "OnCreateServices", 1),
}


@pytest.fixture(scope="module")
def strict_server(home: Server) -> Iterator[Target]:
    """Yield a server that runs the operations which Amplify generates, and no others."""
    with serving(home, HOURBANK_TRUSTED_DOCUMENTS=str(OPERATIONS)) as target:
        yield target


@pytest.mark.parametrize("way", WAYS)
async def test_a_trusted_document_runs(strict_server: Target, way: str) -> None:
    query = EVENTS if way == "appsync" else LISTED
    assert await ask(strict_server, way, {"query": query, "variables": {}}) == []


@pytest.mark.parametrize(
    "query",
    [
        LISTED,
        " ".join(LISTED.split()),
        LISTED.replace("\n", "\r\n"),
        f"# as an app may comment it\n{LISTED}",
        LISTED.replace("  ", ",,"),
    ],
    ids=["as printed", "on one line", "Windows", "comment", "commas"],
)
async def test_spaces_and_comments_are_free(strict_server: Target, query: str) -> None:
    assert await ask(strict_server, "http", {"query": query, "variables": {"limit": 1}}) == []


@pytest.mark.parametrize("query", UNTRUSTED.values(), ids=UNTRUSTED)
@pytest.mark.parametrize("way", ["http", "graphql-transport-ws"])
async def test_any_other_is_refused(strict_server: Target, way: str, query: str) -> None:
    logged = LogSince(strict_server)
    async with measuring(strict_server) as cost:
        errors = await ask(strict_server, way, {"query": query})
    assert [error["errorType"] for error in errors] == ["UntrustedDocument"]
    assert "HOURBANK_TRUSTED_DOCUMENTS" in errors[0]["message"]
    assert "Traceback" not in logged.text
    cost.check()


@pytest.mark.parametrize("query", UNTRUSTED_EVENTS.values(), ids=UNTRUSTED_EVENTS)
async def test_any_other_subscription_is_refused(strict_server: Target, query: str) -> None:
    async with measuring(strict_server) as cost:
        errors = await ask(strict_server, "appsync", {"query": query})
    assert [error["errorType"] for error in errors] == ["UntrustedDocument"]
    cost.check()


@pytest.mark.parametrize("way", WAYS)
async def test_an_administrator_is_no_exception(strict_server: Target, way: str) -> None:
    errors = await ask(strict_server, way, {"query": UNTRUSTED_EVENTS["own"]}, "admin", "admin")
    assert errors


def by_hash(form: str, query: str) -> dict[str, object]:
    digest = hashlib.sha256(query.encode()).hexdigest()
    forms: dict[str, dict[str, object]] = {
        "Apollo": {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}},
        "documentId": {"documentId": digest},
        "documentId with its kind": {"documentId": f"sha256:{digest}"},
    }
    return forms[form]


@pytest.mark.parametrize("form", ["Apollo", "documentId", "documentId with its kind"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_hash_stands_for_a_trusted_document(strict_server: Target, way: str, form: str) -> None:
    query = EVENTS if way == "appsync" else LISTED
    assert await ask(strict_server, way, by_hash(form, query)) == []
    async with measuring(strict_server) as cost:
        errors = await ask(strict_server, way, by_hash(form, f"{query} "))
    assert [error["errorType"] for error in errors] == ["UntrustedDocument"]
    cost.check()


async def test_a_refusal_is_logged_without_the_text(strict_server: Target) -> None:
    logged = LogSince(strict_server)
    await ask(strict_server, "http", {"query": "{ listServices { items { secretWord } } }"}, "carol")
    assert any(line["code"] == "UntrustedDocument" for line in logged.lines("document refused"))
    assert "secretWord" not in logged.text


WRONG = [
    ("app.graphql", "query A { listServices { items { id } } }\n\nquery B {", "app.graphql, line 3"),
    ("app.graphql", "query A {\n  nothing\n}", "Cannot query field 'nothing'"),
    ("app.json", '{"a": "{ __typename }",\n', "app.json, line 2"),
    ("app.json", '{"a": "query {\\n  ("}', "app.json, document a, line 2"),
    ("app.json", '["{ __typename }"]', "a manifest is an object of texts by their ids"),
]


@pytest.mark.parametrize(
    ("name", "text", "said"), [WRONG[0], *(pytest.param(*one, marks=pytest.mark.long) for one in WRONG[1:])]
)
def test_a_list_that_is_wrong_is_refused_in_one_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    # Composing the API reads the list, as a server does that starts.
    code, output = printed("schema", HOURBANK_TRUSTED_DOCUMENTS=str(tmp_path / name))
    assert code == 1
    assert said in output
    assert output.count("\n") == 1
