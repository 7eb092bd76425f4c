"""Who is let in: a member by a token, or an application by an API key."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Protocol

from resolvers.identity.callers import Caller, UnauthenticatedError


class Callers(Protocol):
    """Tells who is asking."""

    async def caller(self, authorization: str) -> Caller:
        """Return the caller that an Authorization header proves.

        Raises:
            UnauthenticatedError: it proves nothing.
        """


class Authentication:
    """Lets in whoever shows a good token, or an API key of ours.

    Args:
        callers: tells members by their tokens.
        api_keys: the keys of applications.
    """

    def __init__(self, callers: Callers, api_keys: Sequence[str] = ()) -> None:
        self._callers = callers
        self._api_keys = [_digest(key) for key in api_keys]

    async def admit(self, *shown: Mapping[str, object]) -> Caller | None:
        """Return who shows these headers, or None for an application, which is nobody: no rule admits it.

        Args:
            shown: headers, their names in any case; the first ones with a token or a key in them count.

        Raises:
            UnauthenticatedError: a bad token, an unknown key, or nothing at all.
        """
        for headers in shown:
            named = {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
            if (authorization := named.get("authorization")) is not None:
                return await self._callers.caller(authorization)
            if (api_key := named.get("x-api-key")) is not None:
                self._check(api_key)
                return None
        raise UnauthenticatedError("Missing authorization header")

    def _check(self, api_key: str) -> None:
        """Compare with every key, in a time that tells nothing of any."""
        digest = _digest(api_key)
        if not sum([hmac.compare_digest(digest, known) for known in self._api_keys]):
            raise UnauthenticatedError("You are not authorized to make this call.")


def _digest(api_key: str) -> bytes:
    return hashlib.sha256(api_key.encode(errors="surrogatepass")).digest()
