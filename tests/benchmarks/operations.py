"""The queries of the benchmark, with variables that change from request to request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode, parse, print_ast

REQUEST_FIELDS = (
    "id",
    "serviceId",
    "requesterId",
    "providerId",
    "status",
    "estimatedHours",
    "agreedRate",
    "message",
    "createdAt",
    "updatedAt",
)
_GENERATED = Path(__file__).parents[1] / "contract" / "operations" / "queries.graphql"


@dataclass(frozen=True, slots=True)
class Query:
    """A query, and what it is sent with.

    Args:
        name: its short name in the tables.
        text: the document, of one operation.
        operation: its operation's name.
        variables: each request's; `member` is who sends it, and is not sent.
    """

    name: str
    text: str
    operation: str
    variables: Sequence[Mapping[str, Any]]


def queries(requests: Sequence[tuple[str, str]], members: Sequence[str]) -> list[Query]:
    """Return the queries.

    Args:
        requests: the ids of the requests, each with its requester's.
        members: the ids of the members.
    """
    fields = " ".join(REQUEST_FIELDS)
    own = [{"member": key, "requesterId": key} for key in members]
    ids = [{"member": requester, "id": key} for key, requester in requests]
    page = (
        "query {}($requesterId: ID!) {{ serviceRequestsByRequesterId(requesterId: $requesterId, limit: {}) "
        "{{ items {{ {} }} }} }}"
    )
    related = "id status requester { id username } provider { id username }"
    return [
        Query("q0", "query Nothing { __typename }", "Nothing", [{"member": key} for key in members]),
        Query(
            "q1",
            f"query OneRequest($id: ID!) {{ getServiceRequest(id: $id) {{ {fields} }} }}",
            "OneRequest",
            ids,
        ),
        Query("q2", page.format("Requests", 100, fields), "Requests", own),
        Query("q3", page.format("Relations", 25, related), "Relations", own),
        Query("q4", _generated("GetUser"), "GetUser", [{"member": key, "id": key} for key in members]),
    ]


def _generated(name: str) -> str:
    """Return an operation as Amplify has generated it."""
    for node in parse(_GENERATED.read_text()).definitions:
        if isinstance(node, OperationDefinitionNode) and node.name and node.name.value == name:
            return print_ast(node)
    raise LookupError(name)
