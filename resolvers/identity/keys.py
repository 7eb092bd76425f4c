"""The public keys of issuers: known from the start, or read from a JWKS endpoint, which may be slow or hostile.

UnauthenticatedError        the token is invalid; the message is for the client (Amplify looks for "Token expired")
└── IssuerUnreachableError  the token cannot be verified now, because the issuer's keys cannot be read
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

import aiohttp
import jwt
import orjson
import structlog
from pydantic import BaseModel, Field, ValidationError

from models.limits import LimitSet, limit

_log = structlog.get_logger(__name__)

_UNREACHABLE = "503, closed with 1013"
_SMALLEST_RSA = 2048  # bits, as RFC 7518 requires of RS256
# In bits. What verifying a signature costs grows with both.
_LARGEST_RSA = 8192
_LARGEST_EXPONENT = 32


class UnauthenticatedError(Exception):
    """The token is invalid; the message says why."""


class IssuerUnreachableError(UnauthenticatedError):
    """The token cannot be verified now.

    Args:
        retry_after: whole seconds until the issuer is asked again.
    """

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__("The token's issuer cannot be reached; try again")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerLimits(LimitSet):
    """What an issuer's JWKS endpoint may cost, and for how long its keys are trusted."""

    bytes: int = limit(64 * 1024, "bytes of a JWKS", code=_UNREACHABLE)
    keys: int = limit(100, "keys of a JWKS", code=_UNREACHABLE)
    timeout: float = limit(5.0, "seconds for one answer of a JWKS endpoint", code=_UNREACHABLE)
    cool_down: float = limit(
        60.0, "seconds between two fetches of a JWKS, however many tokens name unknown keys", code="401"
    )
    retry: float = limit(
        2.0, "seconds after a fetch that failed while no key of the issuer is known", code=_UNREACHABLE
    )
    age: float = limit(600.0, "seconds after which keys are fetched again, to drop those withdrawn", code="401")


class Keys(Protocol):
    """An issuer's public keys; as long as a key stays the same, it is the same object."""

    def known(self, kid: str) -> jwt.PyJWK | None:
        """Return the key of that id if it is known already; never waits."""

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """Return the key of that id, or None if the issuer has none."""


class _RsaKey(BaseModel):
    """A key as it must be described to verify RS256 with it; further members are allowed."""

    kty: Literal["RSA"]
    kid: Annotated[str, Field(min_length=1, max_length=256, strict=True)]
    use: Literal["sig"] = "sig"
    alg: Literal["RS256"] = "RS256"


def parse_jwks(jwks: object, *, most: int = IssuerLimits().keys) -> dict[str, jwt.PyJWK]:
    """Return the keys of a JWKS that can verify RS256, by their id; all others are left out.

    An id that two different keys have identifies neither.

    Raises:
        ValueError: it is not a JWKS, has more keys than `most`, or none that can be used.
    """
    described = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(described, list) or len(described) > most:
        raise ValueError(f"a JWKS is {{keys: [...]}}, with {most} keys at most")
    keys: dict[str, jwt.PyJWK] = {}
    ambiguous = set[str]()
    for each in described:
        if (key := _rsa_key(each)) is None:
            continue
        kid = str(key.key_id)
        if not _is_same(keys.setdefault(kid, key), key):
            ambiguous.add(kid)
    usable = {kid: key for kid, key in keys.items() if kid not in ambiguous}
    if not usable:
        raise ValueError("the JWKS has no RSA key for RS256 with an id of its own")
    return usable


def _rsa_key(described: object) -> jwt.PyJWK | None:
    """Return a described key; None if it cannot verify RS256, is too weak, or too expensive to verify with."""
    try:
        _RsaKey.model_validate(described)
        key = jwt.PyJWK(described, "RS256")  # type: ignore[arg-type]  # validated
        public = key.key.public_numbers()
    except (ValidationError, jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None
    is_sound = (
        _SMALLEST_RSA <= public.n.bit_length() <= _LARGEST_RSA and public.e.bit_length() <= _LARGEST_EXPONENT
    )
    return key if is_sound else None


def _is_same(one: jwt.PyJWK, other: jwt.PyJWK) -> bool:
    return bool(one.key.public_numbers() == other.key.public_numbers())


class FixedKeys:
    """Keys that are known from the start, such as the local issuer's."""

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        self._keys = parse_jwks(jwks)

    def known(self, kid: str) -> jwt.PyJWK | None:
        """Return the key of that id."""
        return self._keys.get(kid)

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """Return the key of that id."""
        return self.known(kid)


class RemoteKeys:
    """Keys from an issuer's JWKS endpoint, fetched again when they are old or a token names an unknown one.

    Whoever names a known key never waits: old keys are fetched again in the background, and stay if that fails.

    Args:
        url: the JWKS endpoint.
        limits: what a fetch may cost, and how often there is one.
        now: returns the time in seconds.
    """

    def __init__(
        self,
        url: str,
        limits: IssuerLimits = IssuerLimits(),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._limits = limits
        self._now = now
        self._keys: dict[str, jwt.PyJWK] = {}
        self._stale_at = float("-inf")
        self._next_fetch_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    def known(self, kid: str) -> jwt.PyJWK | None:
        """Return the key of that id if it is known; old keys begin to be fetched again."""
        known = self._keys.get(kid)
        if known is not None and self._now() >= self._stale_at and self._now() >= self._next_fetch_at:
            self._fetch_again()
        return known

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """Return the key of that id, after a fetch if the key is unknown and the cool-down is over.

        Raises:
            IssuerUnreachableError: the issuer cannot be reached, and no key is known yet.
        """
        if (known := self.known(kid)) is not None:
            return known
        if self._fetching is not None or self._now() >= self._next_fetch_at:
            # All wait for the same fetch; one who leaves does not end it for the others.
            await asyncio.shield(self._fetch_again())
        if not self._keys:
            raise IssuerUnreachableError(math.ceil(self._limits.retry))
        return self._keys.get(kid)

    def _fetch_again(self) -> "asyncio.Task[None]":
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._refresh())
        return self._fetching

    async def _refresh(self) -> None:
        try:
            keys = parse_jwks(orjson.loads(await self._fetch()), most=self._limits.keys)
        except Exception as error:  # noqa: BLE001 — whatever a hostile endpoint sends, the known keys stay
            _log.warning("jwks unreadable", url=self._url, error=repr(error)[:300])
        else:
            self._keys = {kid: self._unchanged(kid, key) for kid, key in keys.items()}
            self._stale_at = self._now() + self._limits.age
        finally:
            pause = self._limits.cool_down if self._keys else self._limits.retry
            self._next_fetch_at = self._now() + pause
            self._fetching = None

    def _unchanged(self, kid: str, key: jwt.PyJWK) -> jwt.PyJWK:
        """Return the key as it is known already, if it is the same."""
        known = self._keys.get(kid)
        return known if known is not None and _is_same(known, key) else key

    async def _fetch(self) -> bytes:
        async with (
            # A compressed answer could unpack to any size: none is asked for, and none is unpacked.
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._limits.timeout),
                headers={"Accept-Encoding": "identity"},
                auto_decompress=False,
            ) as session,
            session.get(self._url, allow_redirects=False) as response,
        ):
            if response.status != 200:  # noqa: PLR2004 — HTTP's OK
                raise ValueError(f"status {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > self._limits.bytes:
                    raise ValueError("the JWKS is too large")
            return bytes(body)
