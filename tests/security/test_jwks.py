"""An issuer's JWKS endpoint that is slow, down or hostile: no error of ours, few fetches, and known keys go on."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from models import clock
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Identity, TrustedIssuer
from resolvers.identity.issuer import CLIENT, ISSUER, LocalIssuer
from resolvers.identity.keys import (
    IssuerLimits,
    IssuerUnreachableError,
    RemoteKeys,
    UnauthenticatedError,
    parse_jwks,
)
from resolvers.transport.app import build_app
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.idempotency import Idempotency
from tests.unit import asgi_socket
from tests.unit.mirror import MemoryStore, schema_over
from tests.unit.processor_time import least_seconds
from tests.unit.rates import without_limits
from tests.unit.realtime import header

DEAREST = 0.05  # seconds of the processor
Write = Callable[[asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> LocalIssuer:
    return LocalIssuer(tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="module")
def successor(tmp_path_factory: pytest.TempPathFactory) -> LocalIssuer:
    return LocalIssuer(tmp_path_factory.mktemp("two"))


def answering(body: bytes, *more: str, status: str = "200 OK") -> Write:
    """Return what writes a whole answer."""

    async def write(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", "Connection: close", f"Content-Length: {len(body)}", *more, "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()

    return write


async def drip(writer: asyncio.StreamWriter) -> None:
    """Write an answer that does not end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def be_silent(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def pour(writer: asyncio.StreamWriter) -> None:
    """Write without end, as fast as it is read."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


def jwks(*keys: Any) -> Write:
    return answering(json.dumps({"keys": keys}).encode())


@dataclass
class Endpoint:
    """A JWKS endpoint on loopback."""

    write: Write
    asked: int = 0
    url: str = ""
    answering: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.answering.add(asyncio.current_task())  # type: ignore[arg-type]  # a task runs this
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            await self.write(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(write: Write) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(write)
    server = await asyncio.start_server(endpoint.answer, "127.0.0.1", 0)
    endpoint.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
    try:
        yield endpoint
    finally:
        for task in endpoint.answering:
            task.cancel()
        server.close()


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def remote(url: str, now: Clock | None = None, **limits: Any) -> RemoteKeys:
    given = {"timeout": 0.2, **limits}
    return RemoteKeys(url, IssuerLimits(**given), now or Clock())


def key_of(issuer: LocalIssuer, **changes: Any) -> Mapping[str, Any]:
    return {**issuer.jwks()["keys"][0], **changes}


def kid_of(issuer: LocalIssuer) -> str:
    return str(key_of(issuer)["kid"])


BOMB = gzip.compress(b" " * 50_000_000)

ODD: list[Any] = [5, None, [], {}, "", "!", True]

HOSTILE: dict[str, Write] = {
    "a list": answering(b"[1]"),
    "a number": answering(b"5"),
    "null": answering(b"null"),
    "nothing": answering(b""),
    "an object": answering(b"{}"),
    "keys of a number": answering(b'{"keys": 5}'),
    "keys of an object": answering(b'{"keys": {"a": 1}}'),
    "no key": jwks(),
    "keys that are none": jwks(1, None, "a", [], {}, {"kty": 5}, {"kty": "RSA"}, {"kty": ["RSA"], "kid": "a"}),
    "odd parts": jwks(*({"kty": "RSA", "kid": "a", "n": odd, "e": odd} for odd in ODD)),
    "odd ids": jwks(*({"kty": "RSA", "kid": odd, "n": "AQAB", "e": "AQAB"} for odd in ODD)),
    "ten thousand": jwks(*[{}] * 10_000),
    "a page": answering(b"<html>"),
    "deep": answering(b"[" * 60_000),
    "too large": answering(b" " * 100_000 + b"{}"),
    "compressed": answering(BOMB, "Content-Encoding: gzip"),
    "not found": answering(b'{"keys": []}', status="404 Not Found"),
    "broken": answering(b"", status="500 Oops"),
    "elsewhere": answering(b"", "Location: http://127.0.0.1:9/", status="302 Found"),
    "not changed": answering(b"", status="304 Not Modified"),
    "no HTTP": answering(b"", status="\x00"),
    "drip": drip,
    "silence": be_silent,
    "hanging up": hang_up,
    "without end": pour,
}


def _one_fetch(write: Write) -> tuple[int, ...]:
    """Return how often one fetch may ask: aiohttp asks once more if the other side hangs up."""
    return (1, 2) if write is hang_up else (1,)


@pytest.mark.parametrize("write", HOSTILE.values(), ids=HOSTILE)
async def test_a_bad_answer_leaves_callers_waiting_for_no_more_of_them(issuer: LocalIssuer, write: Write) -> None:
    now = Clock()
    async with serving(write) as endpoint:
        identity = Identity(TrustedIssuer(ISSUER, [CLIENT], remote(endpoint.url, now)))
        token = issuer.mint("s", "bob")
        spent = time.thread_time()
        for _ in range(20):
            with pytest.raises(IssuerUnreachableError):
                await identity.caller(token)
        assert time.thread_time() - spent < 20 * DEAREST
        asked = endpoint.asked
        assert asked in _one_fetch(write)
        now.now += IssuerLimits().retry
        endpoint.write = jwks(key_of(issuer))
        assert (await identity.caller(token)).sub == "s"
        assert endpoint.asked == asked + 1


@pytest.mark.parametrize("write", HOSTILE.values(), ids=HOSTILE)
async def test_a_bad_answer_leaves_known_keys_and_nobody_waits(issuer: LocalIssuer, write: Write) -> None:
    now = Clock()
    async with serving(jwks(key_of(issuer))) as endpoint:
        keys = remote(endpoint.url, now)
        assert await keys.key(kid_of(issuer))
        endpoint.write, now.now = write, IssuerLimits().age + 1
        for _ in range(20):
            async with asyncio.timeout(0.1):
                assert await keys.key(kid_of(issuer))
            await asyncio.sleep(0)
        assert await keys.key("unknown") is None
        assert await keys.key(kid_of(issuer))
        assert endpoint.asked - 1 in _one_fetch(write)


async def test_an_endpoint_that_is_down_is_asked_again_in_two_seconds(issuer: LocalIssuer) -> None:
    keys = remote("http://127.0.0.1:1/")
    for _ in range(5):
        with pytest.raises(IssuerUnreachableError):
            await keys.key(kid_of(issuer))


async def test_a_slow_fetch_holds_up_nobody_whose_key_is_known(issuer: LocalIssuer) -> None:
    async with serving(jwks(key_of(issuer))) as endpoint:
        now = Clock()
        keys = remote(endpoint.url, now)
        assert await keys.key(kid_of(issuer))
        endpoint.write, now.now = be_silent, IssuerLimits().cool_down
        stranger = asyncio.create_task(keys.key("unknown"))
        await asyncio.sleep(0.02)
        for _ in range(100):
            assert await keys.key(kid_of(issuer))
        assert not stranger.done()
        assert await stranger is None


async def test_unknown_keys_cause_one_fetch_in_a_cool_down(issuer: LocalIssuer) -> None:
    now = Clock()
    async with serving(jwks(key_of(issuer))) as endpoint:
        keys = remote(endpoint.url, now)
        await keys.key(kid_of(issuer))
        for number in range(300):
            now.now += 1
            assert await keys.key(f"forged-{number}") is None
        assert endpoint.asked == 1 + 300 // 60


async def test_keys_are_rotated(issuer: LocalIssuer, successor: LocalIssuer) -> None:
    now = Clock()
    async with serving(jwks(key_of(issuer))) as endpoint:
        identity = Identity(TrustedIssuer(ISSUER, [CLIENT], remote(endpoint.url, now)))
        old, new = issuer.mint("old", "old"), successor.mint("new", "new")
        assert (await identity.caller(old)).sub == "old"
        # The new key comes beside the old one: its first token has it fetched, once the cool-down is over.
        endpoint.write = jwks(key_of(issuer), key_of(successor))
        with pytest.raises(UnauthenticatedError, match="unknown key"):
            await identity.caller(new)
        now.now = 60
        assert [(await identity.caller(token)).sub for token in (old, new)] == ["old", "new"]
        # The old key is withdrawn: its tokens die, remembered ones too, when the keys are next fetched.
        endpoint.write = jwks(key_of(successor))
        now.now += IssuerLimits().age
        await identity.caller(new)
        await asyncio.sleep(0.1)
        with pytest.raises(UnauthenticatedError, match="unknown key"):
            await identity.caller(old)
        assert (await identity.caller(new)).sub == "new"
        assert endpoint.asked == 3


async def test_another_key_under_the_same_id_ends_the_tokens_of_the_first(
    issuer: LocalIssuer, successor: LocalIssuer
) -> None:
    now = Clock()
    async with serving(jwks(key_of(issuer))) as endpoint:
        identity = Identity(TrustedIssuer(ISSUER, [CLIENT], remote(endpoint.url, now)))
        token = issuer.mint("s", "bob")
        await identity.caller(token)
        endpoint.write = jwks(key_of(successor, kid=kid_of(issuer)))
        now.now = IssuerLimits().age
        await identity.caller(token)
        await asyncio.sleep(0.1)
        with pytest.raises(UnauthenticatedError, match="Signature"):
            await identity.caller(token)


def described(bits: int, exponent: int = 65537) -> Mapping[str, Any]:
    public = generate_private_key(public_exponent=exponent, key_size=bits).public_key()
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True), "kid": f"{bits}"}


def test_only_sound_keys_count(issuer: LocalIssuer, successor: LocalIssuer) -> None:
    good, curve = key_of(issuer), ec.generate_private_key(ec.SECP256R1()).public_key()
    unsound: list[Any] = [
        described(1024),
        {**jwt.algorithms.ECAlgorithm.to_jwk(curve, as_dict=True), "kid": "ec"},
        {"kty": "oct", "kid": "shared", "k": "AAAA"},
        {**key_of(successor), "kid": "enc", "use": "enc"},
        {**key_of(successor), "kid": "512", "alg": "RS512"},
        {**key_of(successor), "kid": "e", "e": "AAAAAQAAAAAAAAAB"},
        {**key_of(successor), "kid": "huge", "n": "f" * 3_000},
        {"kty": "RSA", "kid": "n", "n": "AQAB", "e": "AQAB"},
    ]
    assert parse_jwks({"keys": [*unsound, good]}).keys() == {good["kid"]}
    assert parse_jwks({"keys": [good, good]}).keys() == {good["kid"]}
    twice = key_of(successor, kid=good["kid"])
    with pytest.raises(ValueError, match="id of its own"):
        parse_jwks({"keys": [good, twice]})
    assert parse_jwks({"keys": [good, twice, key_of(successor)]}).keys() == {kid_of(successor)}


def test_as_many_keys_as_there_may_be_are_read_cheaply(issuer: LocalIssuer) -> None:
    many = {"keys": [key_of(issuer, kid=str(number)) for number in range(100)]}
    assert len(parse_jwks(many)) == 100
    assert least_seconds(lambda: parse_jwks(many)) < DEAREST
    with pytest.raises(ValueError, match="100 keys at most"):
        parse_jwks({"keys": [*many["keys"], key_of(issuer)]})


@pytest.mark.parametrize("write", [answering(b"[1]"), hang_up, answering(BOMB, "Content-Encoding: gzip"), jwks()])
async def test_clients_are_told_to_try_again_and_not_to_sign_in_again(issuer: LocalIssuer, write: Write) -> None:
    async with serving(write) as endpoint:
        store = MemoryStore()
        identity = Identity(TrustedIssuer(ISSUER, [CLIENT], remote(endpoint.url)))
        app = build_app(
            schema=schema_over(store),
            store=store,
            authentication=Authentication(identity),
            graphiql=GraphiQL("HourBank"),
            idempotency=Idempotency(store, clock.now),
            rates=without_limits(),
        )
        token = issuer.mint("s", "bob")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as client:
            for _ in range(3):
                answer = await client.post(
                    "/graphql", json={"query": "{ __typename }"}, headers={"Authorization": token}
                )
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
                assert answer.json()["errors"][0]["errorType"] == "ServiceUnavailable"
        for path, subprotocols in (
            ("/graphql", ["graphql-transport-ws"]),
            ("/graphql/realtime", ["graphql-ws", header(Authorization=token)]),
        ):
            async with asgi_socket.connected(app, path, subprotocols) as socket:
                await socket.receive()
                socket.send(type="connection_init", payload={"Authorization": token})
                assert (await socket.receive())["code"] == 1013
