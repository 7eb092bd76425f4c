"""Tokens that are forged, or verified and odd: a clear 401 from the whole server, and cheaply."""

import base64
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from models import clock
from resolvers.identity.authentication import Authentication
from resolvers.identity.issuer import CLIENT, ISSUER, LocalIssuer
from resolvers.transport.app import build_app
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.idempotency import Idempotency
from tests.unit import asgi_socket
from tests.unit.mirror import MemoryStore, schema_over
from tests.unit.processor_time import least_seconds_async
from tests.unit.rates import without_limits
from tests.unit.realtime import header

DEAREST = 0.05  # seconds of the processor
QUERY = {"query": "{ __typename }"}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> LocalIssuer:
    return LocalIssuer(tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="module")
def app(issuer: LocalIssuer) -> Any:
    store = MemoryStore()
    return build_app(
        schema=schema_over(store),
        store=store,
        authentication=Authentication(issuer.identity()),
        graphiql=GraphiQL("HourBank"),
        idempotency=Idempotency(store, clock.now),
        rates=without_limits(),
    )


Ask = Callable[[str], Awaitable[httpx.Response]]


@pytest.fixture
def ask(app: Any) -> Ask:
    """Return a function that asks with a token."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")

    async def asked(token: str) -> httpx.Response:
        return await client.post("/graphql", json=QUERY, headers={"Authorization": token})

    return asked


def signed(issuer: LocalIssuer, payload: bytes, **header: Any) -> str:
    """Return a token of any payload, with a valid signature, and any header."""
    kid = issuer.jwks()["keys"][0]["kid"]
    written = {"alg": "RS256", "kid": kid, **header}
    head = _encoded(json.dumps({name: value for name, value in written.items() if value is not ...}).encode())
    signed_part = f"{head}.{_encoded(payload)}"
    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    return f"{signed_part}.{_encoded(algorithm.sign(signed_part.encode(), issuer._key))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def claiming(issuer: LocalIssuer, **changes: Any) -> str:
    """Return a validly signed token whose claims differ from a good one's; `...` leaves a claim out."""
    good = {"sub": "s", "token_use": "access", "client_id": CLIENT, "iss": ISSUER, "exp": time.time() + 60}
    return signed(issuer, json.dumps({n: v for n, v in (good | changes).items() if v is not ...}).encode())


async def assert_refused(ask: Ask, token: str, reason: str) -> None:
    """Assert that a token is refused with a reason that does not repeat it, and cheaply."""
    response = await ask(token)
    assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (401, "UnauthorizedException")
    message = response.json()["message"]
    assert reason in message
    assert len(message) < 400
    assert await least_seconds_async(lambda: ask(token)) < DEAREST


async def test_a_good_token_is_taken(issuer: LocalIssuer, ask: Ask) -> None:
    for token in (claiming(issuer), claiming(issuer, exp=int(time.time()) + 60, iat=time.time(), nbf=1.5)):
        assert (await ask(token)).json() == {"data": {"__typename": "Query"}}


ID: dict[str, Any] = {"token_use": "id", "client_id": ...}
Tried = list[tuple[dict[str, Any], str]]


def each(name: str, *odd: Any, reason: str = "", **more: Any) -> Tried:
    """Return claims with odd values of one, each with what the refusal says: by default the claim's name."""
    return [({**more, name: value}, reason or name) for value in odd]


OTHER, EARLY = "another application", "not yet valid"
YES, NO = True, False
CLAIMS: Tried = [
    # An audience of several, ours among them, is refused, too: Cognito names one.
    *each("aud", [CLIENT], [CLIENT, "another"], [], 5, {"a": CLIENT}, [[CLIENT]], YES, **ID),
    *each("aud", ..., None, "", "another", reason=OTHER, **ID),
    *each("client_id", 5, [CLIENT], {}, YES, 1e300),
    *each("client_id", ..., None, "", "x" * 2_000, reason=OTHER),
    *each("username", 5, 0, "", "u" * 2_500, ["a"], {}, NO, "a\u0000b"),
    *each("username", "\u202eecila", "ali\u200bce", "a\nb", "a\u00a0b"),
    *each("cognito:username", 7, "", [], "x" * 129),
    *each("cognito:groups", 5, "admin", [5], [["admin"]], {"admin": 1}, [None]),
    *each("cognito:groups", [""], ["g"] * 101, ["g" * 129], YES),
    *each("sub", 5, "", "s" * 2_000, None, ["s"], ..., "s\u0007", {"s": 1}),
    *each("exp", "9999999999", None, [1], {}, YES, -1, 1e30, ..., "soon"),
    *each("exp", 0, 1.5, 1, reason="Token expired"),
    *each("iat", "1", [1], -1, 1e30, YES, {}),
    *each("nbf", "1", [1], -1, 1e30, YES, {}),
    *each("iat", 9_999_999_999, reason=EARLY),
    *each("nbf", 9_999_999_999, reason=EARLY),
    *each("token_use", 5, None, ..., "refresh", ["access"], "ACCESS", "", {}),
    *each("iss", 5, None, ..., [ISSUER], "", ISSUER + "/", ISSUER.upper(), {}, reason="issuer"),
]


@pytest.mark.parametrize(("changes", "reason"), CLAIMS)
async def test_an_odd_claim_is_refused_by_its_name(
    issuer: LocalIssuer, ask: Ask, changes: dict[str, Any], reason: str
) -> None:
    await assert_refused(ask, claiming(issuer, **changes), reason)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[1]",
        b"5",
        b'"eyJhbGciOiJub25lIn0.e30."',  # a nested token
        b"{" * 2_000,
        b"[" * 5_000,
        b'{"iss":' + b'{"a":' * 900 + b"1" + b"}" * 901,
        b'{"iss": "x", "exp": ' + b"9" * 5_000 + b"}",
        b'{"exp": NaN}',
        b'{"exp": Infinity}',
        b'{"exp": 1e999}',
        b"\xff\xfe{}",
        b'{"sub": "\\ud800"}',
        b"\x1f\x8b\x08\x00" + b"\x00" * 3_000,  # compressed
        b"{}",
    ],
)
async def test_a_payload_that_is_no_set_of_claims_is_refused(
    issuer: LocalIssuer, ask: Ask, payload: bytes
) -> None:
    await assert_refused(ask, signed(issuer, payload), "")


GOOD = json.dumps({"sub": "s", "token_use": "access", "client_id": CLIENT, "iss": ISSUER, "exp": 9_999_999_999})


HEADERS: Tried = [
    *each("alg", "none", "None", "", "HS256", "RS512", "ES256", "PS256", 5, None, ["RS256"], {}, ...),
    *each("kid", 5, None, ["k"], {}, "", "k" * 300, ..., YES, "../../etc/passwd", "' or 1=1 --"),
    *each("crit", ["b64"], ["exp"], [], 5, "exp"),
    *each("b64", NO, 0, None, crit=["b64"]),
    *each("b64", NO),
]


@pytest.mark.parametrize("header", [header for header, _ in HEADERS])
async def test_an_odd_header_is_refused(issuer: LocalIssuer, ask: Ask, header: dict[str, Any]) -> None:
    await assert_refused(ask, signed(issuer, GOOD.encode(), **header), "")


@pytest.mark.parametrize(
    "header", [{"zip": "DEF"}, {"cty": "JWT"}, {"jku": "http://169.254.169.254/"}, {"x5c": ["a"]}]
)
async def test_a_header_that_means_nothing_here_changes_nothing(
    issuer: LocalIssuer, ask: Ask, header: dict[str, Any]
) -> None:
    assert (await ask(signed(issuer, GOOD.encode(), **header))).status_code == 200


async def test_what_is_forged_is_refused(issuer: LocalIssuer, ask: Ask) -> None:
    head, body, signature = claiming(issuer).split(".")
    stranger = generate_private_key(public_exponent=65537, key_size=2048)
    kid = issuer.jwks()["keys"][0]["kid"]
    public = jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    claims = json.loads(GOOD)
    none = _encoded(json.dumps({"alg": "none", "kid": kid}).encode())
    for token in (
        jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": kid}),
        jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": kid, "jwk": public}),
        jwt.encode(claims, "x" * 64, algorithm="HS256", headers={"kid": kid}),
        f"{none}.{_encoded(GOOD.encode())}.",
        f"{head}.{_encoded(GOOD.encode())}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature}.{signature}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{'.' * 4_000}",
        f"{head}..{signature}",
        "a" * 8_192,
        "%%%.%%%.%%%",
    ):
        await assert_refused(ask, token, "")


@pytest.mark.parametrize(
    "changes", [{"username": 5}, {"cognito:groups": 5}, {**ID, "aud": [CLIENT]}, {"exp": 1e30}]
)
async def test_a_socket_is_refused_an_odd_token_as_a_forged_one(
    issuer: LocalIssuer, app: Any, changes: dict[str, Any]
) -> None:
    token = claiming(issuer, **changes)
    async with asgi_socket.connected(app, "/graphql", ["graphql-transport-ws"]) as socket:
        await socket.receive()
        socket.send(type="connection_init", payload={"Authorization": token})
        closed = await socket.receive()
        assert (closed["type"], closed["code"]) == ("websocket.close", 4403)
    subprotocols = ["graphql-ws", header(Authorization=token)]
    async with asgi_socket.connected(app, "/graphql/realtime", subprotocols) as socket:
        await socket.receive()
        socket.send(type="connection_init")
        refused = await socket.receive_json()
        assert refused["payload"]["errors"][0]["errorType"] == "UnauthorizedException"
