"""Authentication: of members by a token, and of applications by an API key."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Protocol

from starlette.datastructures import Headers

from resolvers.identity.callers import GUEST, Caller
from resolvers.identity.keys import UnauthenticatedError
from resolvers.identity.membership import Membership


class TokenVerifier(Protocol):
    """Verifies members' tokens."""

    def recall(self, authorization: str) -> Caller | None:
        """Return whom an Authorization header identified before; None if it has to be verified.

        Raises:
            UnauthenticatedError: the token has expired since.
        """

    async def caller(self, authorization: str) -> Caller:
        """Return the caller whom an Authorization header identifies.

        Raises:
            UnauthenticatedError: the token is invalid or has expired.
        """


class Authentication:
    """Authenticates whoever has a valid token or API key.

    Args:
        tokens: verifies members' tokens.
        api_keys: the keys of applications.
        admits_guests: whether an application is a guest, who may read what is public.
        membership: who of the signed in is a member; without it, everybody.
    """

    def __init__(
        self,
        tokens: TokenVerifier,
        api_keys: Sequence[str] = (),
        *,
        admits_guests: bool = False,
        membership: Membership | None = None,
    ) -> None:
        self.membership = membership
        self._application = GUEST if admits_guests else None
        self._tokens = tokens
        self._api_keys = [_digest(key) for key in api_keys]

    def recall(self, authorization: str | None) -> Caller | None:
        """Return whom an Authorization header identified before; None if the request is to be authenticated.

        Keys of applications are not remembered: to look at one takes no time.

        Raises:
            UnauthenticatedError: the token has expired since.
        """
        return None if authorization is None else self._tokens.recall(authorization)

    async def authenticate(self, *sources: Mapping[str, object]) -> Caller | None:
        """Return whom headers identify; None for an application to whom no rule gives access.

        Args:
            sources: sets of headers, with names in any case; the first set that has a token or a key counts.

        Raises:
            UnauthenticatedError: the token is invalid, the key is unknown, or there is neither.
        """
        for headers in sources:
            if (authorization := _value(headers, "authorization")) is not None:
                return await self._tokens.caller(authorization)
            if (api_key := _value(headers, "x-api-key")) is not None:
                self._check_key(api_key)
                return self._application
        raise UnauthenticatedError("Missing authorization header")

    def _check_key(self, api_key: str) -> None:
        """Compare with every key, in constant time."""
        digest = _digest(api_key)
        if not sum([hmac.compare_digest(digest, known) for known in self._api_keys]):
            raise UnauthenticatedError("You are not authorized to make this call.")


def _value(headers: Mapping[str, object], name: str) -> str | None:
    """Return the text of a header, None if there is none.

    Args:
        headers: with names in any case.
        name: the header's, in lower case.

    Raises:
        UnauthenticatedError: there are several, of which a proxy may have looked at another than we would.
    """
    if isinstance(headers, Headers):
        values = headers.getlist(name)
        if len(values) > 1:
            raise UnauthenticatedError(f"Several headers are named {name}; send one")
        return values[0] if values else None
    value = headers.get(name)
    if isinstance(value, str):
        return value
    return next((each for key, each in headers.items() if key.lower() == name and isinstance(each, str)), None)


def _digest(api_key: str) -> bytes:
    return hashlib.sha256(api_key.encode(errors="surrogatepass")).digest()
