"""What is answered at once is answered as it would be by a task."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from starlette.types import Message, Scope

from resolvers.identity.callers import Caller
from resolvers.identity.keys import UnauthenticatedError
from resolvers.rates.limits import RateLimits
from resolvers.rates.rates import Rates
from resolvers.transport.over_http.at_once import DONE, body_at_hand, give_body
from resolvers.transport.over_http.bodies import BODY_BYTES
from tests.unit.mirror import ALICE
from tests.unit.resolvers.transport.app_in_memory import BALANCE, Callers, app_in_memory

TYPENAME = {"query": "{ __typename }"}
SIGNED = ("authorization", "alice")
GONE = replace(ALICE, expires=0)  # as membership has it of whoever has signed out everywhere
PAGE = ("origin", "https://app.example")
JSON = ("content-type", "application/json")


class Remembering(Callers):
    """Remembers whom it knows, and that a token has expired."""

    def recall(self, authorization: str) -> Caller | None:
        if authorization == "expired":
            raise UnauthenticatedError("Token expired")
        return {"alice": ALICE, "gone": GONE}.get(authorization)

    async def caller(self, authorization: str) -> Caller:
        return self.recall(authorization) or await super().caller(authorization)


class Request:
    """A request to an app; each is from an app of its own, so that nothing is remembered of others."""

    def __init__(self, body: bytes, *headers: tuple[str, str], rates: Rates | None = None) -> None:
        self.app = app_in_memory(rates, tokens=Remembering())
        self.body = body
        self.headers = headers
        self.answer: list[Message] = []

    def begin(self, *, at_hand: bool) -> Awaitable[None]:
        """Let the app begin to answer; what is sent is noted at once."""
        scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "scheme": "http",
            "query_string": b"",
            "client": ("192.0.2.1", 1234),
            "headers": [(name.encode(), value.encode()) for name, value in self.headers],
        }
        if at_hand:
            give_body(scope, self.body)
        received = iter([{"type": "http.request", "body": self.body}])

        async def receive() -> Message:
            if (message := next(received, None)) is None:
                await asyncio.Event().wait()
            return message or {}

        def send(message: Message) -> Awaitable[None]:
            self.answer.append(message)
            return DONE

        return self.app(scope, receive, send)

    async def answered(self, *, at_hand: bool) -> Any:
        """Return status, headers and body of the answer, without what is always another."""
        await self.begin(at_hand=at_hand)
        start, rest = self.answer
        headers = [header for header in start["headers"] if header[0] != b"x-amzn-requestid"]
        return start["status"], sorted(headers), rest.get("body")


def written(payload: Any) -> bytes:
    return orjson.dumps(payload)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (written(TYPENAME), [JSON, SIGNED], 200),
        (written(BALANCE), [JSON, SIGNED], 200),
        (written(TYPENAME), [JSON, SIGNED, PAGE], 200),
        (written(BALANCE), [JSON, SIGNED, PAGE], 200),
        (written({"query": "{ nothing }"}), [JSON, SIGNED], 200),
        (written({"query": "mutation { __typename }"}), [JSON, SIGNED], 200),
        (written({"query": "subscription { onCreateService { id } }"}), [JSON, SIGNED], 400),
        (written({"query": "{ __schema { queryType { name } } }"}), [JSON, SIGNED], 200),
        (written({"query": 1}), [JSON, SIGNED], 400),
        (b"{", [JSON, SIGNED], 400),
        (b"[]", [JSON, SIGNED], 400),
        (b"", [JSON, SIGNED], 400),
        (written(TYPENAME), [SIGNED], 400),
        (written(TYPENAME), [JSON, SIGNED, ("content-encoding", "gzip")], 415),
        (written(TYPENAME).ljust(BODY_BYTES + 1), [JSON, SIGNED], 413),
        (written(TYPENAME), [JSON], 401),
        (written(TYPENAME), [JSON, ("authorization", "forged")], 401),
        (written(TYPENAME), [JSON, ("authorization", "expired")], 401),
        (written(TYPENAME), [JSON, SIGNED, SIGNED], 401),
    ],
)
async def test_the_answer_is_the_same(body: bytes, headers: list[tuple[str, str]], status: int) -> None:
    expected = await Request(body, *headers).answered(at_hand=False)
    assert await Request(body, *headers).answered(at_hand=True) == expected
    assert expected[0] == status


async def test_an_answer_that_is_always_the_same_needs_no_task() -> None:
    request = Request(written(TYPENAME), JSON, SIGNED)
    assert request.begin(at_hand=True) is DONE
    assert request.answer[1]["body"] == b'{"data":{"__typename":"Query"}}'


@pytest.mark.parametrize("headers", [[JSON, ("authorization", "expired")], [SIGNED]])
async def test_nor_does_a_refusal(headers: list[tuple[str, str]]) -> None:
    request = Request(written(TYPENAME), *headers)
    assert request.begin(at_hand=True) is DONE
    assert request.answer[0]["status"] in (400, 401)


@pytest.mark.parametrize("at_hand", [True, False])
async def test_who_has_signed_out_everywhere_is_charged_for_trying(*, at_hand: bool) -> None:
    request = Request(written(TYPENAME), JSON, ("authorization", "gone"), rates=Rates(RateLimits(requests=2)))
    statuses = []
    for _ in range(3):
        request.answer.clear()
        statuses.append((await request.answered(at_hand=at_hand))[0])
    assert statuses == [401, 401, 429]


async def test_it_is_charged_for_as_any_other() -> None:
    request = Request(written(TYPENAME), JSON, SIGNED, rates=Rates(RateLimits(requests=2)))
    statuses = []
    for _ in range(3):
        request.answer.clear()
        assert request.begin(at_hand=True) is DONE
        statuses.append(request.answer[0]["status"])
    assert statuses == [200, 200, 429]


async def test_what_has_to_be_read_is_answered_by_a_task() -> None:
    request = Request(written(BALANCE), JSON, SIGNED)
    answering = request.begin(at_hand=True)
    assert request.answer == []
    await answering
    assert request.answer[0]["status"] == 200


def test_a_body_that_is_too_large_is_to_be_received() -> None:
    scope: Scope = {}
    give_body(scope, b"x" * (BODY_BYTES + 1))
    assert body_at_hand(scope) is None
    give_body(scope, b"x" * BODY_BYTES)
    assert body_at_hand(scope) == b"x" * BODY_BYTES
