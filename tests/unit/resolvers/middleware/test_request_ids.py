"""Where a request's id comes from, and where it shows."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from starlette.types import Receive, Scope, Send

from models.correlation import correlated, correlated_facts, correlation_id
from resolvers.middleware.request_ids import bind_operation
from schema.errors import mask
from tests.unit.resolvers.middleware.answering import app, ask, gate

TRACE = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture(autouse=True)
def _context() -> Iterator[None]:
    with correlated(None):
        yield


async def test_each_request_has_an_id_of_its_own() -> None:
    ids = {(await ask(gate(app())))[1]["x-amzn-requestid"] for _ in range(10)}
    assert len({UUID(one) for one in ids}) == 10


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("x-request-id", "abc-123")], "abc-123"),
        ([("x-amzn-trace-id", TRACE)], TRACE),
        ([("x-amzn-trace-id", TRACE), ("x-request-id", "abc")], "abc"),
        ([("x-request-id", "a b"), ("x-amzn-trace-id", TRACE)], TRACE),
        ([("x-request-id", "x" * 128)], "x" * 128),
        ([("x-request-id", "the client's"), ("x-request-id", "proxy")], "proxy"),
        ([("x-request-id", "client"), ("x-request-id", "proxy"), ("x-request-id", "a b")], "proxy"),
    ],
)
async def test_a_proxys_id_is_taken_over(headers: list[tuple[str, str]], expected: str) -> None:
    assert (await ask(gate(app()), *headers))[1]["x-amzn-requestid"] == expected


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a\nb", "a\x1b[31m", "é", "<script>", '"'])
async def test_what_is_no_id_is_not_taken_over(given: str) -> None:
    answered = (await ask(gate(app()), ("x-request-id", given)))[1]["x-amzn-requestid"]
    assert str(UUID(answered)) == answered


async def test_the_id_is_bound_while_the_app_answers() -> None:
    seen: dict[str, object] = {}

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(correlated_facts(), correlation_id=correlation_id())
        await app()(scope, receive, send)

    await ask(gate(look), ("x-request-id", "abc"), client=("192.0.2.1", 1234))
    assert seen == {"request_id": "abc", "address": "192.0.2.1", "correlation_id": "abc"}
    await ask(gate(look), ("x-request-id", "def"), type="websocket")
    assert seen["connection_id"] == "def"


async def test_a_masked_error_quotes_the_id() -> None:
    async def fail(_scope: Scope, _receive: Receive, send: Send) -> None:
        info = mask(ZeroDivisionError()).info or {}
        headers = [(b"quoted", info["correlationId"].encode())]
        await send({"type": "http.response.start", "status": 500, "headers": headers})

    _, headers, _ = await ask(gate(fail))
    assert headers["quoted"] == headers["x-amzn-requestid"]


async def test_no_two_requests_have_the_same_id() -> None:
    ids = [(await ask(gate(app())))[1]["x-amzn-requestid"] for _ in range(1_000)]
    assert len(set(ids)) == len(ids)
    assert [str(UUID(name)) for name in ids] == ids


@pytest.mark.parametrize(("given", "bound"), [("7", "7"), ("a b", None), ("x" * 129, None), ("\ud800", None)])
def test_an_operation_of_a_socket_has_an_id_of_its_own(given: str, bound: str | None) -> None:
    bind_operation(given)
    facts = correlated_facts()
    assert facts.get("operation_id") == bound
    assert str(UUID(facts["request_id"])) == facts["request_id"] == correlation_id()
