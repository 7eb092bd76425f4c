"""Callers are identified by their tokens, and by nothing else."""

import asyncio
import base64
import json
import stat
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from resolvers.context import RequestContext, signed_in
from resolvers.identity.callers import GUEST, Caller, Identity, TrustedIssuer
from resolvers.identity.issuer import CLIENT, ISSUER, LocalIssuer
from resolvers.identity.keys import FixedKeys, IssuerLimits, RemoteKeys, UnauthenticatedError
from resolvers.mirror.authorization import is_owner
from schema.errors import UnauthorizedError
from tests.unit.mirror import MemoryStore

VICTIM = "0b6f2a1e-5d7c-4e0a-9a53-3f1f0c1d2e3f"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> LocalIssuer:
    return LocalIssuer(tmp_path_factory.mktemp("local"))


@pytest.fixture
def identity(issuer: LocalIssuer) -> Identity:
    return issuer.identity()


def signed(issuer: LocalIssuer, **changes: Any) -> str:
    """Return a token whose claims differ from a good one's; None leaves a claim out."""
    good = {"sub": "s", "token_use": "access", "client_id": CLIENT, "iss": ISSUER, "exp": time.time() + 60}
    claims = {name: value for name, value in (good | changes).items() if value is not None}
    kid = issuer.jwks()["keys"][0]["kid"]
    return jwt.encode(claims, issuer._key, algorithm="RS256", headers={"kid": kid})


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer ", "BEARER  "])
async def test_a_token_tells_who_is_asking(issuer: LocalIssuer, identity: Identity, prefix: str) -> None:
    token = issuer.mint("sub-1", "ada", ["admin"])
    caller = Caller(sub="sub-1", username="ada", groups=frozenset({"admin"}))
    assert await identity.caller(prefix + token) == caller
    assert await identity.caller(prefix + token) == caller


async def test_a_remembered_token_is_no_more_valid_than_before(issuer: LocalIssuer, identity: Identity) -> None:
    token = issuer.mint("sub-1", "ada")
    assert identity.recall(token) is None
    await identity.caller(token)
    known = identity.recall(token)
    assert known is not None
    assert identity.recall(f"Bearer {token}") == known
    for header in (f"Bearer Bearer {token}", f"bearer Bearer {token}", f"Basic {token}", f"{token} {token}"):
        assert identity.recall(header) is None
        with pytest.raises(UnauthenticatedError):
            await identity.caller(header)


async def test_blanks_and_spellings_do_not_fill_the_memory(issuer: LocalIssuer) -> None:
    identity = issuer.identity()
    token = issuer.mint("sub-1", "ada")
    for blanks in range(1, 50):
        await identity.caller(f"BEARER{' ' * blanks}{token}{' ' * blanks}")
    assert len(identity._verified) == 1


@pytest.mark.parametrize(
    ("claim", "values"),
    [
        ("a@example.org", ("a@example.org",)),
        (["red", "blue"], ("red", "blue")),
        ('["red", "blue"]', ("red", "blue")),
        ("[red", ("[red",)),
        ("7", ("7",)),
        # What is no text, or too much, admits its bearer to nothing.
        (7, ()),
        ({"a": "b"}, ()),
        (["red", 7], ()),
        ([""], ()),
        (["x"] * 101, ()),
        ("x" * 2_049, ()),
        ("a\x00b", ()),
    ],
)
async def test_a_caller_keeps_the_claims_that_the_app_names(
    issuer: LocalIssuer, claim: Any, values: tuple[str, ...]
) -> None:
    identity = Identity(issuer.trusted(), claims=["custom:team", "sub"])
    caller = await identity.caller(signed(issuer, **{"custom:team": claim, "custom:other": "kept by nobody"}))
    assert caller.values_of("custom:team") == values
    assert caller.claims == ((("custom:team", values),) if values else ())
    assert (caller.values_of("sub"), caller.values_of("custom:other")) == (("s",), ())


def test_a_caller_always_has_the_claims_that_cognito_gives() -> None:
    caller = Caller("s", "ada", frozenset({"b", "a"}))
    claims = {name: caller.values_of(name) for name in ("sub", "username", "cognito:username", "cognito:groups")}
    assert claims == {
        "sub": ("s",),
        "username": ("ada",),
        "cognito:username": ("ada",),
        "cognito:groups": ("a", "b"),
    }
    assert GUEST.values_of("sub") == ()


async def test_an_id_token_names_its_owner_and_its_audience_otherwise(
    issuer: LocalIssuer, identity: Identity
) -> None:
    claims = {"token_use": "id", "client_id": None, "aud": CLIENT, "cognito:username": "bob"}
    assert await identity.caller(signed(issuer, **claims)) == Caller(sub="s", username="bob")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": time.time() - 1}, "Token expired"),
        ({"exp": None}, "exp"),
        ({"sub": None}, "sub"),
        ({"iss": "https://elsewhere.example"}, "issuer"),
        ({"token_use": "refresh"}, "token_use: .*access.*id"),
        ({"client_id": "another"}, "another application"),
        ({"token_use": "id", "aud": "another"}, "another application"),
        ({"nbf": 9_999_999_999}, "not yet valid"),
    ],
)
async def test_a_token_that_proves_nothing_is_refused(
    issuer: LocalIssuer, identity: Identity, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnauthenticatedError, match=reason):
        await identity.caller(signed(issuer, **changes))


@pytest.mark.parametrize("header", ["", "Bearer ", "x.y.z", "Basic abc", "a" * 10_000, "Bearer \xff\udc80"])
async def test_nonsense_is_refused(identity: Identity, header: str) -> None:
    with pytest.raises(UnauthenticatedError):
        await identity.caller(header)


async def test_a_foreign_signature_is_refused(issuer: LocalIssuer, identity: Identity) -> None:
    head, body, _ = issuer.mint("s", "bob").split(".")
    kid = issuer.jwks()["keys"][0]["kid"]
    stranger = generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode({"sub": "s"}, stranger, algorithm="RS256", headers={"kid": kid})
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": kid}).encode()).decode().rstrip("=")
    for token in (forged, f"{head}.{body}.", f"{unsigned}.{body}."):
        with pytest.raises(UnauthenticatedError):
            await identity.caller(token)


async def test_the_public_key_is_no_shared_secret(issuer: LocalIssuer, identity: Identity) -> None:
    jwk = issuer.jwks()["keys"][0]
    token = jwt.encode({"sub": "s"}, jwk["n"], algorithm="HS256", headers={"kid": jwk["kid"]})
    with pytest.raises(UnauthenticatedError):
        await identity.caller(token)


async def test_a_token_expires_from_memory_too(
    issuer: LocalIssuer, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.mint("s", "bob", lifetime=timedelta(seconds=30))
    await identity.caller(token)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 31)
    with pytest.raises(UnauthenticatedError, match="Token expired"):
        await identity.caller(token)


@pytest.mark.parametrize(
    "username",
    [VICTIM, VICTIM.upper(), VICTIM.replace("-", ""), f"{VICTIM}::victim", f"urn:uuid:{VICTIM}"],
)
@pytest.mark.parametrize("use", ["access", "id"])
async def test_a_user_name_gives_nobody_anothers_rows(
    issuer: LocalIssuer, identity: Identity, username: str, use: str
) -> None:
    names = {"username": username} if use == "access" else {"cognito:username": username, "aud": CLIENT}
    caller = await identity.caller(signed(issuer, token_use=use, **names))
    assert caller == Caller(sub="s", username="s")
    assert not is_owner(caller, username)
    assert is_owner(caller, "s")


async def test_ones_own_sub_may_be_ones_user_name(issuer: LocalIssuer, identity: Identity) -> None:
    caller = await identity.caller(signed(issuer, sub=VICTIM, username=VICTIM))
    assert caller == Caller(sub=VICTIM, username=VICTIM)
    assert is_owner(caller, VICTIM)


async def test_an_expired_caller_is_signed_in_no_longer(
    issuer: LocalIssuer, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = await identity.caller(issuer.mint("s", "bob", lifetime=timedelta(seconds=30)))
    info: Any = SimpleNamespace(context=RequestContext(MemoryStore(), caller, {}))
    assert signed_in(info) is caller
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 31)
    with pytest.raises(UnauthorizedError, match="Token expired"):
        signed_in(info)


def test_the_key_is_the_owners_alone_and_stays(tmp_path: Path) -> None:
    first, second = LocalIssuer(tmp_path), LocalIssuer(tmp_path)
    assert first.jwks() == second.jwks()
    assert [path.name for path in tmp_path.iterdir()] == ["issuer.pem"]
    assert stat.S_IMODE((tmp_path / "issuer.pem").stat().st_mode) == 0o600


def test_the_jwks_keeps_the_key_private(issuer: LocalIssuer) -> None:
    (key,) = issuer.jwks()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg", "key_ops"}


class Endpoint:
    """A JWKS endpoint on loopback that counts how often it is asked."""

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        self.body = json.dumps(jwks).encode()
        self.asked = 0
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(self.body))
        writer.write(self.body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def endpoint(issuer: LocalIssuer) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(issuer.jwks())
    server = await asyncio.start_server(endpoint.answer, "127.0.0.1", 0)
    endpoint.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
    async with server:
        yield endpoint


async def test_keys_are_fetched_once_for_all_who_wait(issuer: LocalIssuer, endpoint: Endpoint) -> None:
    identity = Identity(TrustedIssuer(ISSUER, [CLIENT], RemoteKeys(endpoint.url)))
    tokens = [issuer.mint(str(number), "bob") for number in range(20)]
    callers = await asyncio.gather(*(identity.caller(token) for token in tokens))
    assert [caller.sub for caller in callers] == [str(number) for number in range(20)]
    assert endpoint.asked == 1


async def test_an_unknown_key_is_asked_for_after_the_cool_down(
    endpoint: Endpoint,
) -> None:
    moments = iter([0.0, 0.0, 0.0, 20.0, 40.0, 60.0, 60.0, 60.0])
    keys = RemoteKeys(endpoint.url, IssuerLimits(cool_down=60), now=lambda: next(moments))
    for _ in range(3):
        assert await keys.key("forged") is None
    assert endpoint.asked == 1
    assert await keys.key("forged") is None
    assert endpoint.asked == 2


async def test_a_large_answer_is_not_read(endpoint: Endpoint) -> None:
    endpoint.body = b" " * 100_000 + endpoint.body
    with pytest.raises(UnauthenticatedError, match="cannot be reached"):
        await RemoteKeys(endpoint.url).key("any")


async def test_an_issuer_that_fails_leaves_the_keys_known(issuer: LocalIssuer, endpoint: Endpoint) -> None:
    keys = RemoteKeys(endpoint.url, IssuerLimits(cool_down=1e-9))
    kid = issuer.jwks()["keys"][0]["kid"]
    assert await keys.key(kid)
    endpoint.body = b"<html>"
    assert await keys.key("new") is None
    assert await keys.key(kid)


def _named(issuer: LocalIssuer, name: object) -> str:
    """Return a token whose `iss` is of any type."""
    kid = issuer.jwks()["keys"][0]["kid"]
    return jwt.PyJWS().encode(json.dumps({"iss": name}).encode(), issuer._key, "RS256", headers={"kid": kid})


async def test_each_issuer_speaks_for_itself_only(issuer: LocalIssuer, tmp_path: Path) -> None:
    other = LocalIssuer(tmp_path)
    pool = TrustedIssuer("https://pool.example", ["app"], FixedKeys(other.jwks()))
    away = TrustedIssuer("https://away.example", ["app"], RemoteKeys("http://127.0.0.1:1/"))
    identity = Identity(issuer.trusted(), pool, away)
    own = {"iss": pool.name, "client_id": "app"}
    assert (await identity.caller(signed(issuer))).sub == "s"
    assert (await identity.caller(signed(other, **own))).sub == "s"
    for token, reason in (
        (signed(issuer, **own), "unknown key"),
        (signed(other), "unknown key"),
        (signed(other, iss=pool.name), "another application"),
        (signed(issuer, client_id="app"), "another application"),
        (signed(other, iss=away.name, client_id="app"), "cannot be reached"),
        (signed(other, iss=None), "issuer"),
        *((_named(other, name), "issuer") for name in ([pool.name], 7, None)),
    ):
        with pytest.raises(UnauthenticatedError, match=reason):
            await identity.caller(token)


async def test_fixed_keys_know_their_own(issuer: LocalIssuer) -> None:
    keys = FixedKeys(issuer.jwks())
    assert await keys.key(issuer.jwks()["keys"][0]["kid"])
    assert await keys.key("other") is None
