"""What a call to a user pool is answered from, and the challenges that wait for their answers."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.deployment.local.user_pools import attributes, codes
from workflows.deployment.local.user_pools.codes import Purpose
from workflows.deployment.local.user_pools.refusals import RefusedError, invalid
from workflows.deployment.local.user_pools.tokens import Signer

Request = Mapping[str, Any]
Answer = dict[str, Any]
User = dict[str, Any]

_CHALLENGES = 10_000
_CHALLENGE_SECONDS = 180.0


class Challenges:
    """What users were asked to prove a moment ago; each is answered once, within three minutes."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, tuple[float, Any]] = OrderedDict()

    def add(self, challenge: Any, now: float, name: str | None = None) -> str:
        """Keep a challenge under a name, by default under a random one, and return the name."""
        name = secrets.token_urlsafe(48) if name is None else name
        self._open[name] = (now + _CHALLENGE_SECONDS, challenge)
        if len(self._open) > _CHALLENGES:
            self._open.popitem(last=False)
        return name

    def take(self, name: object, now: float) -> Any | None:
        """Return the challenge of that name and forget it; None if there is none or its time is over."""
        expires, challenge = self._open.pop(str(name), (0.0, None))
        return challenge if expires > now else None


@dataclass(frozen=True, slots=True)
class Pool:
    """A user pool, for one call.

    Args:
        stored: the pool as MiniStack stores it, with what these modules add: of users `_verifier`, `_failures`
            and `_codes`, of the pool `_sessions`.
        client: the app client that the call comes from; empty for calls that name none.
        signer: signs its tokens.
        challenges: those of all pools.
        send: delivers a code, given the address and the code.
        now: epoch seconds.
    """

    stored: dict[str, Any]
    client: Mapping[str, Any]
    signer: Signer
    challenges: Challenges
    send: Callable[[str, str], None]
    now: float

    def find(self, name: object) -> User | None:
        """Return the user whom a name that was typed stands for."""
        return attributes.find(self.stored, name)

    def user(self, request: Request) -> User:
        """Return the user whom an administrator's call names.

        Raises:
            RefusedError: there is none.
        """
        user = self.find(request.get("Username"))
        if user is None:
            raise RefusedError("UserNotFoundException", "User does not exist.")
        return user

    def touch(self, user: User) -> None:
        """Note when a user was changed."""
        user["UserLastModifiedDate"] = self.now

    def deliver(self, user: User, purpose: Purpose) -> Answer:
        """Send a user a new code, and return Cognito's CodeDeliveryDetails.

        Raises:
            RefusedError: they have asked too often, or have no address.
        """
        described = attributes.of(user)
        kind = next((name for name in attributes.ADDRESSES if described.get(name)), None)
        if kind is None:
            raise invalid("Cannot send a code: the user has neither an email address nor a phone number.")
        self.send(described[kind], codes.issue(user, purpose, self.now))
        return delivery(kind, described[kind])


def delivery(kind: str, address: str) -> Answer:
    """Return Cognito's CodeDeliveryDetails for a code that goes to an address."""
    return {
        "Destination": attributes.masked(kind, address),
        "DeliveryMedium": "EMAIL" if kind == "email" else "SMS",
        "AttributeName": kind,
    }


def pretended_delivery(username: str) -> Answer:
    """Return CodeDeliveryDetails for a user who does not exist, so that nobody learns that."""
    return delivery("phone_number" if username.startswith("+") else "email", username)


def text(request: Request, name: str, longest: int = 2048) -> str:
    """Return a string of a request.

    Raises:
        RefusedError: it is missing, empty, of another type or too long.
    """
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"Missing required parameter {name}")
    if len(value) > longest:
        raise invalid(f"Value at '{name}' must have length less than or equal to {longest}")
    return value
