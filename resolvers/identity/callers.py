"""Callers, as verified Cognito tokens identify them.

UnauthenticatedError        the token is invalid; the message is for the client (Amplify looks for "Token expired")
└── IssuerUnreachableError  the token cannot be verified now, because the issuer's keys cannot be read
"""

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol
from uuid import UUID

import aiohttp
import jwt
import orjson
import structlog

from schema.amplify.wire import OWNER_SEPARATOR

_log = structlog.get_logger(__name__)

_TOKEN_BYTES = 8 * 1024  # Cognito's stay below 2 KB; longer ones are neither hashed nor parsed
_JWKS_BYTES = 64 * 1024
_JWKS_TIMEOUT = aiohttp.ClientTimeout(total=5)
_JWKS_COOL_DOWN = 60.0  # seconds between fetches, so that forged key ids cause no load on the issuer
_JWKS_RETRY = 2.0  # seconds after a failed fetch while no key is known
_JWKS_AGE = 3600.0  # seconds for which a key is trusted that the issuer has withdrawn
_VERIFIED = 10_000  # verified tokens that are remembered
_REQUIRED = ["exp", "iss", "sub", "token_use"]


class UnauthenticatedError(Exception):
    """The token is invalid; the message says why."""


class IssuerUnreachableError(UnauthenticatedError):
    """The token cannot be verified now."""

    def __init__(self) -> None:
        super().__init__("The token's issuer cannot be reached; try again")


class Standing(Enum):
    """What a caller is to the time bank."""

    MEMBER = auto()
    NEWCOMER = auto()  # signed in, and has not joined or is inactive: may do what a guest may, and join
    GUEST = auto()  # an application with an API key, where guests are admitted


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever is calling: someone who is signed in, or a guest.

    Args:
        sub: the Cognito subject, which is also the member's `User.id`.
        username: the Cognito user name, which owner fields may hold instead of the `sub`.
        groups: the Cognito groups, such as `admin`.
        expires: when the token expires, in epoch seconds; callers are equal whatever it is.
        standing: whether they are a member.
    """

    sub: str
    username: str
    groups: frozenset[str] = frozenset()
    expires: float = field(default=math.inf, compare=False)
    standing: Standing = Standing.MEMBER

    @property
    def has_expired(self) -> bool:
        """Return whether the token has expired."""
        return self.expires <= time.time()


# A guest owns nothing: no rule for owners admits one.
GUEST = Caller("", "", standing=Standing.GUEST)


class Keys(Protocol):
    """An issuer's public keys."""

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """Return the key of that id, or None if the issuer has none."""


def parse_jwks(jwks: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """Return the RSA keys of a JWKS by their id.

    Raises:
        jwt.PyJWTError: the JWKS is invalid.
    """
    keys = jwt.PyJWKSet.from_dict(dict(jwks)).keys
    return {key.key_id: key for key in keys if key.key_id and key.key_type == "RSA"}


class FixedKeys:
    """Keys that are known from the start, such as the local issuer's."""

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        self._keys = parse_jwks(jwks)

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """Return the key of that id."""
        return self._keys.get(kid)


class RemoteKeys:
    """Keys from an issuer's JWKS endpoint, which are fetched again when a token names an unknown one.

    Args:
        url: the JWKS endpoint.
        cool_down: the minimum number of seconds between two fetches.
    """

    def __init__(self, url: str, *, cool_down: float = _JWKS_COOL_DOWN) -> None:
        self._url = url
        self._cool_down = cool_down
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._next_fetch_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """Return the key of that id, after a fetch if the key is unknown and the cool-down is over.

        Raises:
            IssuerUnreachableError: the issuer cannot be reached, and no key is known yet.
        """
        if not self._knows(kid):
            async with self._fetching:
                if not self._knows(kid) and time.monotonic() >= self._next_fetch_at:
                    await self._refresh()
        if not self._keys:
            raise IssuerUnreachableError
        return self._keys.get(kid)

    def _knows(self, kid: str) -> bool:
        return kid in self._keys and time.monotonic() < self._fetched_at + _JWKS_AGE

    async def _refresh(self) -> None:
        try:
            self._keys = parse_jwks(await self._fetch())
            self._fetched_at = time.monotonic()
        except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError) as error:
            _log.warning("jwks unreadable", url=self._url, error=repr(error))
        self._next_fetch_at = time.monotonic() + (self._cool_down if self._keys else _JWKS_RETRY)

    async def _fetch(self) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession(timeout=_JWKS_TIMEOUT, raise_for_status=True) as session,
            session.get(self._url, allow_redirects=False) as response,
        ):
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _JWKS_BYTES:
                    raise ValueError("the JWKS is too large")
            jwks: dict[str, Any] = orjson.loads(body)
            return jwks


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """Whose tokens are accepted.

    Args:
        name: the `iss` of the tokens.
        clients: the app clients accepted, as `client_id` (access) or `aud` (id tokens).
        keys: the issuer's keys.
    """

    name: str
    clients: Collection[str]
    keys: Keys


class Identity:
    """Verifies tokens: signed with RS256, by one of the trusted issuers, for one of its app clients.

    Args:
        issuers: those trusted; a token is verified with the keys of the one that it names, and with no other's.
    """

    def __init__(self, *issuers: TrustedIssuer) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._verified: OrderedDict[bytes, Caller] = OrderedDict()

    async def caller(self, authorization: str) -> Caller:
        """Return the caller whom a header value identifies, a raw token or `Bearer …`.

        Raises:
            UnauthenticatedError: the token is malformed, expired, forged or for another application.
        """
        scheme, _, rest = authorization.strip().partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else authorization.strip()
        if not token.isascii() or not 0 < len(token) <= _TOKEN_BYTES:
            raise UnauthenticatedError("Missing or malformed token")
        digest = hashlib.sha256(token.encode()).digest()
        return self._recall(digest) or await self._verify(token, digest)

    def _recall(self, digest: bytes) -> Caller | None:
        if (caller := self._verified.get(digest)) is None:
            return None
        if caller.has_expired:
            del self._verified[digest]
            raise UnauthenticatedError("Token expired")
        self._verified.move_to_end(digest)
        return caller

    async def _verify(self, token: str, digest: bytes) -> Caller:
        try:
            issuer, kid = self._named(token)
            key = await issuer.keys.key(kid) if isinstance(kid, str) else None
            if key is None:
                raise UnauthenticatedError("Token signed by an unknown key")
            claims = _claims(token, issuer, key)
        except jwt.ExpiredSignatureError as error:
            raise UnauthenticatedError("Token expired") from error
        except jwt.PyJWTError as error:
            raise UnauthenticatedError(f"Invalid token: {error}") from error
        caller = _caller(claims)
        self._verified[digest] = caller
        if len(self._verified) > _VERIFIED:
            self._verified.popitem(last=False)
        return caller

    def _named(self, token: str) -> tuple[TrustedIssuer, object]:
        """Return the issuer that a token names, and its key's id; nothing of the token is verified yet."""
        unverified = jwt.decode_complete(token, options={"verify_signature": False})
        name = unverified["payload"].get("iss")
        if not isinstance(name, str) or name not in self._issuers:
            raise jwt.InvalidIssuerError("Invalid issuer")
        return self._issuers[name], unverified["header"].get("kid")


def _claims(token: str, issuer: TrustedIssuer, key: jwt.PyJWK) -> dict[str, Any]:
    options: jwt.types.Options = {"require": _REQUIRED, "verify_aud": False}
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], issuer=issuer.name, options=options)
    use = claims["token_use"]
    if use not in {"access", "id"}:
        raise UnauthenticatedError("Only access and id tokens are accepted")
    if claims.get("client_id" if use == "access" else "aud") not in issuer.clients:
        raise UnauthenticatedError("Token of another application")
    return claims


def _caller(claims: Mapping[str, Any]) -> Caller:
    """Return the caller of verified claims; an id token prefixes the names of its own with `cognito:`."""
    sub = claims["sub"]
    username = claims.get("username") or claims.get("cognito:username") or sub
    return Caller(
        sub=sub,
        # Members choose their user names, and a row whose owner field equals the name is theirs. So a name that
        # looks like another member's `sub` or owner value must not count.
        username=sub if _may_own_as_another(username) else username,
        groups=frozenset(claims.get("cognito:groups") or ()),
        expires=float(claims["exp"]),
    )


def _may_own_as_another(username: str) -> bool:
    """Return whether a user name has the form of a `sub`, or of an owner field's `sub::username`."""
    if OWNER_SEPARATOR in username:
        return True
    try:
        UUID(username)
    except ValueError:
        return False
    return True
