"""Which operations leave a line in the log, what it says, and that nobody fills the log with them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import GraphQLError, OperationType
from structlog.testing import capture_logs

from models.errors import UnavailableError
from models.log_lines import caller_hash
from models.storage.sent_calls import note_call
from resolvers.operation_log import OperationLines, OperationLog, Running
from resolvers.rates.demands import Demand
from resolvers.security_log import SecurityLogLimits, limit_security_log
from schema.errors import report
from tests.unit.mirror import MemoryStore, schema_over

QUERY = "query Mine { one: getUser(id: 1) { id } ...Rest } fragment Rest on Query { listUsers { items { id } } }"
MUTATION = "mutation { x: deleteService(input: {id: 1}) { id } }"
READ, WRITE = Demand(operation=OperationType.QUERY, rows=7), Demand(operation=OperationType.MUTATION)
LISTENING = Demand(operation=OperationType.SUBSCRIPTION)
DOCUMENTS = schema_over(MemoryStore()).documents


@dataclass
class Sent:
    """An operation as it was sent."""

    query: str | None
    operation_name: str | None = None
    variables: Any = None


@pytest.fixture(autouse=True)
def _limits() -> Iterator[None]:
    limit_security_log(SecurityLogLimits())
    yield
    limit_security_log(SecurityLogLimits())


def ended(
    sent: Sent,
    demand: Demand,
    lines: OperationLines | None = None,
    *,
    sub: str | None = "alice",
    **became: Any,
) -> list[Any]:
    """Return the lines of an operation that has ended so."""
    log = OperationLog(DOCUMENTS, lines or OperationLines(slow=60))
    with capture_logs() as written:
        running = log.begin()
        note_call()
        for name, value in became.items():
            setattr(running, name, value)
        log.end(running, sent, demand, sub)
    return written


def test_a_mutation_leaves_a_line_that_says_what_it_was_and_not_who() -> None:
    (line,) = ended(Sent(MUTATION), WRITE)
    assert line.pop("ms") >= 0
    assert line == {
        "event": "operation",
        "log_level": "info",
        "kind": "mutation",
        "fields": ("deleteService",),
        "caller": caller_hash("alice"),
        "cost": 1,
        "aws_calls": 1,
        "outcome": "done",
    }


def test_a_query_leaves_one_only_if_each_is_to() -> None:
    assert ended(Sent(QUERY), READ) == []
    (line,) = ended(Sent(QUERY, "Mine"), READ, OperationLines(reads=True))
    assert (line["operation"], line["fields"], line["cost"]) == ("Mine", ("getUser", "listUsers"), 7)


@pytest.mark.parametrize(
    ("became", "outcome"),
    [
        ({"errors": [report(GraphQLError("no such field"))]}, "ValidationError"),
        ({"errors": [GraphQLError("not as clients see it")]}, "failed"),
        ({"broke_off": UnavailableError()}, "UnavailableError"),
        ({"broke_off": asyncio.CancelledError()}, "CancelledError"),
        ({"errors": []}, None),
    ],
)
def test_a_query_that_failed_leaves_one(became: dict[str, Any], outcome: str | None) -> None:
    assert [line["outcome"] for line in ended(Sent(QUERY), READ, **became)] == ([outcome] if outcome else [])


def test_a_query_that_took_long_leaves_one() -> None:
    (line,) = ended(Sent(QUERY), READ, began=-1e6)
    assert (line["outcome"], line["ms"] > 1e6) == ("done", True)


def test_a_subscription_runs_for_long_and_ends_when_its_client_leaves() -> None:
    assert ended(Sent(QUERY), LISTENING, OperationLines(reads=True), began=-1e6) == []
    assert ended(Sent(QUERY), LISTENING, broke_off=asyncio.CancelledError()) == []
    assert len(ended(Sent(QUERY), LISTENING, errors=[GraphQLError("refused")])) == 1


def test_a_repetition_says_so() -> None:
    assert ended(Sent(MUTATION), WRITE, is_replayed=True)[0]["replayed"] is True


@pytest.mark.parametrize("sent", [Sent("{"), Sent(None), Sent(MUTATION, "Unknown")])
def test_what_cannot_be_run_has_no_name(sent: Sent) -> None:
    (line,) = ended(sent, Demand(), errors=[GraphQLError("no")])
    assert not {"kind", "operation", "fields"} & set(line)


def test_names_of_a_client_are_cut_and_few() -> None:
    lists = ("listUsers", "listServices", "listSkills", "listCategories", "listReports", "listRatings")
    text = f"query {'x' * 100} {{ {' '.join(f'{name} {{ nextToken }}' for name in lists)} }}"
    (line,) = ended(Sent(text), READ, OperationLines(reads=True))
    assert line["operation"] == "x" * 64
    assert line["fields"] == lists[:5]


def test_a_flood_of_failed_queries_is_a_few_lines_but_each_mutation_has_one() -> None:
    limit_security_log(SecurityLogLimits(each=3))
    errors = [GraphQLError("no")]
    assert sum(len(ended(Sent(QUERY), READ, errors=errors)) for _ in range(50)) == 3
    assert sum(len(ended(Sent(QUERY), READ, sub="bob", errors=errors)) for _ in range(50)) == 3
    assert sum(len(ended(Sent(MUTATION), WRITE, errors=errors)) for _ in range(50)) == 50


def test_an_unknown_caller_is_nobody() -> None:
    assert ended(Sent(MUTATION), WRITE, sub=None)[0]["caller"] == "nobody"


def test_what_runs_is_counted_apart() -> None:
    first, second = Running(), Running()
    first.calls += 1
    assert (first.calls, second.calls) == (1, 0)
