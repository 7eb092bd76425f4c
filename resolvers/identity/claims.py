"""The claims of a token and its header, read and checked in one place; nothing else reads a token.

A signature proves who made a token, not that its claims make sense: whatever is odd about them is a reason to
refuse the token, never to fail.
"""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jwt
import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from models.identifiers import unprintable_in
from models.limits import LimitSet, limit
from resolvers.identity.keys import UnauthenticatedError

_ALGORITHM = "RS256"
_JWS = jwt.PyJWS()
_LAST_MOMENT = 253_402_300_799  # the end of the year 9999, in epoch seconds
# Cognito keeps no more in an attribute, and no more groups in a token.
_LONGEST_TEXT = 2_048
_MOST_TEXTS = 100
_SKEW = 60.0  # seconds that the issuer's clock may be ahead of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLimits(LimitSet):
    """How large a token may be, and how many are remembered."""

    bytes: int = limit(8 * 1024, "bytes of a token; Cognito's stay below 2 KB", code="401")
    remembered: int = limit(
        10_000, "verified tokens that are remembered; others are verified each time", code="none"
    )


def _printable(text: str) -> str:
    if (found := unprintable_in(text)) is not None:
        raise ValueError(f"has {found}")
    return text


_Name = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_printable)]
_Moment = Annotated[float, Field(ge=0, le=_LAST_MOMENT, allow_inf_nan=False)]


class _Header(BaseModel):
    """A token's header: no other algorithm, and no extension that would have to be understood."""

    model_config = ConfigDict(strict=True)

    alg: Literal["RS256"]
    kid: Annotated[str, Field(min_length=1, max_length=256)]
    crit: None = None
    b64: Literal[True] = True


class Claims(BaseModel):
    """A token's claims, as far as they count here.

    `aud` is one text, as Cognito writes it: a token that is meant for several applications is refused.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    iss: str
    sub: _Name
    exp: _Moment
    token_use: Literal["access", "id"]
    iat: _Moment | None = None
    nbf: _Moment | None = None
    client_id: str | None = None
    aud: str | None = None
    username: _Name | None = None
    cognito_username: Annotated[_Name | None, Field(alias="cognito:username")] = None
    groups: Annotated[list[_Name] | None, Field(alias="cognito:groups", max_length=100)] = None

    @property
    def client(self) -> str | None:
        """Return the app client that the token is for; an id token names it differently."""
        return self.client_id if self.token_use == "access" else self.aud  # noqa: S105 — no password

    def texts_of(self, claim: str) -> tuple[str, ...]:
        """Return the texts of a claim that is none of the above: one, or a list, perhaps written as JSON.

        A claim that is anything else, or too large, counts as absent: it admits its bearer to nothing.
        """
        value = (self.model_extra or {}).get(claim)
        texts = _list_in(value) if isinstance(value, str) else value
        if not isinstance(texts, list) or len(texts) > _MOST_TEXTS:
            return ()
        return tuple(texts) if all(_is_name(text) for text in texts) else ()


def _list_in(text: str) -> list[Any]:
    """Return the list that a text is in JSON, else the text alone."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    return found if isinstance(found, list) else [text]


def _is_name(text: Any) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _LONGEST_TEXT and unprintable_in(text) is None


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token of which nothing is proved yet.

    Args:
        text: the token.
        key_id: the key that it says it is signed with.
        issuer: the issuer that it says it is from.
    """

    text: str
    key_id: str
    issuer: str


def read_token(text: str) -> UnverifiedToken:
    """Return what a token says about itself, without verifying any of it.

    Raises:
        UnauthenticatedError: it is malformed.
    """
    try:
        parts = _JWS.decode_complete(text, options={"verify_signature": False})
    except (jwt.PyJWTError, binascii.Error, ValueError, RecursionError) as error:
        raise UnauthenticatedError(f"Invalid token: {str(error)[:100]}") from error
    header: _Header = _validated(_Header, parts["header"])
    issuer = _object_of(parts["payload"]).get("iss")
    if not isinstance(issuer, str):
        raise UnauthenticatedError("Invalid token: Invalid issuer")
    return UnverifiedToken(text, header.kid, issuer)


def verified_claims(token: UnverifiedToken, key: jwt.PyJWK, now: float) -> Claims:
    """Return the claims of a token that a key has signed and that is valid now.

    Args:
        token: the token.
        key: its issuer's key.
        now: the time in epoch seconds.

    Raises:
        UnauthenticatedError: it is forged, expired, not yet valid, or a claim is missing or odd.
    """
    try:
        payload = _JWS.decode(token.text, key, algorithms=[_ALGORITHM])
    except jwt.PyJWTError as error:
        raise UnauthenticatedError(f"Invalid token: {str(error)[:100]}") from error
    claims: Claims = _validated(Claims, _object_of(payload))
    if claims.exp <= now:
        raise UnauthenticatedError("Token expired")
    if max(claims.nbf or 0, claims.iat or 0) > now + _SKEW:
        raise UnauthenticatedError("Invalid token: The token is not yet valid")
    return claims


def _object_of(payload: bytes) -> Mapping[str, Any]:
    try:
        claims = orjson.loads(payload)
    except orjson.JSONDecodeError:
        claims = None
    if not isinstance(claims, dict):
        raise UnauthenticatedError("Invalid token: its payload is not a JSON object")
    return claims


def _validated(model: type[Any], given: Mapping[str, Any]) -> Any:
    """Return an object of a model.

    Raises:
        UnauthenticatedError: a member is odd; the message names it, and does not repeat its value.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))[:100]
        raise UnauthenticatedError(f"Invalid token: {place}: {first['msg'][:200]}") from error
