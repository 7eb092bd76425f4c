"""Callers, as verified Cognito tokens identify them."""

import math
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from uuid import UUID

import jwt

from resolvers.identity.claims import Claims, TokenLimits, read_token, verified_claims
from resolvers.identity.keys import Keys, UnauthenticatedError
from schema.amplify.rules import GROUPS_CLAIM
from schema.amplify.wire import OWNER_SEPARATOR


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
        issued: when the token was issued, in epoch seconds; 0 if it does not say.
        standing: whether they are a member.
        claims: the further claims of the token that the app's rules name, in the order of their names.
    """

    sub: str
    username: str
    groups: frozenset[str] = frozenset()
    expires: float = field(default=math.inf, compare=False)
    issued: float = field(default=0, compare=False)
    standing: Standing = Standing.MEMBER
    claims: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def values_of(self, claim: str) -> tuple[str, ...]:
        """Return the values of a claim that rules may name; none if the token lacks it."""
        if claim == GROUPS_CLAIM:
            return tuple(sorted(self.groups))
        if claim in _OWN_CLAIMS:
            value = self.sub if claim == "sub" else self.username
            return (value,) if value else ()
        return dict(self.claims).get(claim, ())

    @property
    def has_expired(self) -> bool:
        """Return whether the token has expired."""
        return self.expires <= time.time()


# The claims that a caller always has; both names of the second mean the same.
_OWN_CLAIMS = frozenset({"sub", "username", "cognito:username"})
# A guest owns nothing: no rule for owners admits one.
GUEST = Caller("", "", standing=Standing.GUEST)


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


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that was verified, and the key that it was verified with."""

    caller: Caller
    keys: Keys
    key_id: str
    key: jwt.PyJWK


class Identity:
    """Verifies tokens: signed with RS256, by one of the trusted issuers, for one of its app clients.

    Args:
        issuers: those trusted; a token is verified with the keys of the one that it names, and with no other's.
        limits: how large tokens may be, and how many are remembered.
        claims: the further claims that callers keep, because the app's rules name them.
    """

    def __init__(
        self,
        *issuers: TrustedIssuer,
        limits: TokenLimits = TokenLimits(),  # noqa: B008 — immutable
        claims: Collection[str] = (),
    ) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._limits = limits
        self._named_claims = tuple(sorted(set(claims) - _OWN_CLAIMS - {GROUPS_CLAIM}))
        self._verified: OrderedDict[str, _Verified] = OrderedDict()  # by the token

    def recall(self, authorization: str) -> Caller | None:
        """Return whom a header value identified before; None if that is unknown, or has to be verified anew.

        Raises:
            UnauthenticatedError: the token has expired since.
        """
        return self._recall(authorization.removeprefix("Bearer "))  # `caller` takes other spellings

    def _recall(self, token: str) -> Caller | None:
        if (verified := self._verified.get(token)) is None:
            return None
        if verified.caller.has_expired:
            del self._verified[token]
            raise UnauthenticatedError("Token expired")
        if verified.keys.known(verified.key_id) is not verified.key:  # the issuer has withdrawn it
            del self._verified[token]
            return None
        self._verified.move_to_end(token)
        return verified.caller

    async def caller(self, authorization: str) -> Caller:
        """Return the caller whom a header value identifies, a raw token or `Bearer …`.

        Raises:
            UnauthenticatedError: the token is malformed, expired, forged or for another application.
        """
        token = self._token_in(authorization)
        if (known := self._recall(token)) is not None:
            return known
        verified = await self._verify(token)
        self._verified[token] = verified
        if len(self._verified) > self._limits.remembered:
            self._verified.popitem(last=False)
        return verified.caller

    def _token_in(self, authorization: str) -> str:
        scheme, _, rest = authorization.strip().partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else authorization.strip()
        if not token.isascii() or not 0 < len(token) <= self._limits.bytes:
            raise UnauthenticatedError("Missing or malformed token")
        return token

    async def _verify(self, text: str) -> _Verified:
        token = read_token(text)
        if (issuer := self._issuers.get(token.issuer)) is None:
            raise UnauthenticatedError("Invalid token: Invalid issuer")
        if (key := await issuer.keys.key(token.key_id)) is None:
            raise UnauthenticatedError("Token signed by an unknown key")
        claims = verified_claims(token, key, time.time())
        if claims.client not in issuer.clients:
            raise UnauthenticatedError("Token of another application")
        return _Verified(_caller(claims, self._named_claims), issuer.keys, token.key_id, key)


def _caller(claims: Claims, named: Iterable[str]) -> Caller:
    """Return the caller of verified claims; an id token prefixes the names of its own with `cognito:`."""
    username = claims.username or claims.cognito_username or claims.sub
    return Caller(
        sub=claims.sub,
        # Members choose their user names, and a row whose owner field equals the name is theirs. So a name that
        # looks like another member's `sub` or owner value must not count.
        username=claims.sub if _may_own_as_another(username) else username,
        groups=frozenset(claims.groups or ()),
        expires=claims.exp,
        issued=claims.iat or 0,
        claims=tuple((name, values) for name in named if (values := claims.texts_of(name))),
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
