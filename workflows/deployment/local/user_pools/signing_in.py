"""Signing in: InitiateAuth, RespondToAuthChallenge and GetTokensFromRefreshToken."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from workflows.deployment.local.user_pools import attributes, passwords, tokens
from workflows.deployment.local.user_pools.pool import Answer, Pool, Request, User, text
from workflows.deployment.local.user_pools.refusals import RefusedError, invalid, not_authorized, wrong_password
from workflows.deployment.local.user_pools.srp import Challenge, Verifier

# What an app client may do that says nothing about it.
_DEFAULT_FLOWS = ("ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH")
_PERMISSIONS = {
    "USER_SRP_AUTH": "ALLOW_USER_SRP_AUTH",
    "USER_PASSWORD_AUTH": "ALLOW_USER_PASSWORD_AUTH",
    "ADMIN_USER_PASSWORD_AUTH": "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "ADMIN_NO_SRP_AUTH": "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "REFRESH_TOKEN_AUTH": "ALLOW_REFRESH_TOKEN_AUTH",
    "REFRESH_TOKEN": "ALLOW_REFRESH_TOKEN_AUTH",
}


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A user who must prove their password; `username` is None for a name that nobody has."""

    client: str
    username: str | None
    challenge: Challenge


@dataclass(frozen=True, slots=True)
class _NewPassword:
    """A user who has signed in with a password that an administrator gave them, and must choose their own."""

    client: str
    username: str


def initiate_auth(pool: Pool, request: Request) -> Answer:
    """Begin to sign in, or refresh the tokens."""
    flow = text(request, "AuthFlow")
    permission = _PERMISSIONS.get(flow)
    if permission is None or permission not in (pool.client.get("ExplicitAuthFlows") or _DEFAULT_FLOWS):
        raise invalid(f"{flow} flow not enabled for this client")
    given = _map(request, "AuthParameters")
    if permission == "ALLOW_REFRESH_TOKEN_AUTH":
        return _refreshed(pool, text(given, "REFRESH_TOKEN", 4096))
    if flow == "USER_SRP_AUTH":
        return _begin_srp(pool, text(given, "USERNAME"), text(given, "SRP_A"))
    user = pool.find(text(given, "USERNAME"))
    if user is None:
        raise wrong_password()
    passwords.check(pool.stored, user, text(given, "PASSWORD", 4096), pool.now)
    return _signed_in(pool, user)


def get_tokens_from_refresh_token(pool: Pool, request: Request) -> Answer:
    """Refresh the tokens, as newer clients do."""
    return _refreshed(pool, text(request, "RefreshToken", 4096))


def respond_to_auth_challenge(pool: Pool, request: Request) -> Answer:
    """Go on signing in with the answer to a challenge."""
    name = text(request, "ChallengeName")
    respond = _RESPONSES.get(name)
    if respond is None:
        raise invalid(f"Unsupported challenge: {name}")
    return respond(pool, request, _map(request, "ChallengeResponses"))


def _map(request: Request, name: str) -> Mapping[str, Any]:
    value = request.get(name)
    return value if isinstance(value, Mapping) else {}


def _refreshed(pool: Pool, token: str) -> Answer:
    result = tokens.refresh(pool.stored, pool.client, token, pool.signer, pool.now)
    return {"AuthenticationResult": result, "ChallengeParameters": {}}


def _begin_srp(pool: Pool, username: str, client_public: str) -> Answer:
    """Ask for the proof of a password; of a user who does not exist, too, so that nobody learns that."""
    user = pool.find(username)
    if user is not None:
        passwords.check_lock(user, pool.now)
    user_id = user["Username"] if user else str(uuid4())
    identity = passwords.identity_of(pool.stored, user_id)
    stored = user.get("_verifier") if user else None
    verifier = Verifier.load(stored) if stored else Verifier.of(identity, secrets.token_urlsafe())
    try:
        challenge = Challenge.begin(identity, verifier, client_public)
    except ValueError as error:
        raise invalid(str(error)) from error
    attempt = _Attempt(pool.client["ClientId"], user["Username"] if user else None, challenge)
    block = base64.b64encode(challenge.block).decode()
    pool.challenges.add(attempt, pool.now, block)
    return {
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeParameters": {
            "USERNAME": user_id,
            "USER_ID_FOR_SRP": user_id,
            "SRP_B": f"{challenge.public:x}",
            "SALT": f"{verifier.salt:x}",
            "SECRET_BLOCK": block,
        },
    }


def _end_srp(pool: Pool, _request: Request, given: Mapping[str, Any]) -> Answer:
    attempt = pool.challenges.take(given.get("PASSWORD_CLAIM_SECRET_BLOCK"), pool.now)
    if not isinstance(attempt, _Attempt) or attempt.client != pool.client["ClientId"]:
        raise not_authorized("Invalid session for the user.")
    signature = text(given, "PASSWORD_CLAIM_SIGNATURE")
    is_right = attempt.challenge.accepts(signature, text(given, "TIMESTAMP"))
    user = pool.stored["_users"].get(attempt.username)
    if user is None:
        raise wrong_password()
    # Several attempts may have begun before any of them failed.
    passwords.check_lock(user, pool.now)
    # The password may have been changed since the attempt began.
    is_current = user.get("_verifier") == attempt.challenge.verifier.stored()
    passwords.count(user, pool.now, right=is_right and is_current)
    return _signed_in(pool, user)


def _signed_in(pool: Pool, user: User) -> Answer:
    """Return the tokens of a user who has proved their password, unless there is more to do first.

    Raises:
        RefusedError: the account is disabled or not confirmed, or its password must be reset.
    """
    if not user.get("Enabled", True):
        raise not_authorized("User is disabled.")
    match user["UserStatus"]:
        case "UNCONFIRMED":
            raise RefusedError("UserNotConfirmedException", "User is not confirmed.")
        case "RESET_REQUIRED":
            raise RefusedError("PasswordResetRequiredException", "Password reset required for the user")
        case "FORCE_CHANGE_PASSWORD":
            waiting = _NewPassword(pool.client["ClientId"], user["Username"])
            described = {name: value for name, value in attributes.of(user).items() if name != "sub"}
            return {
                "ChallengeName": "NEW_PASSWORD_REQUIRED",
                "Session": pool.challenges.add(waiting, pool.now),
                "ChallengeParameters": {
                    "USER_ID_FOR_SRP": user["Username"],
                    "requiredAttributes": "[]",
                    "userAttributes": json.dumps(described),
                },
            }
    result = tokens.begin_session(pool.stored, pool.client, user, pool.signer, pool.now)
    return {"AuthenticationResult": result, "ChallengeParameters": {}}


def _set_new_password(pool: Pool, request: Request, given: Mapping[str, Any]) -> Answer:
    password = text(given, "NEW_PASSWORD", 4096)
    passwords.check_policy(pool.stored, password)
    waiting = pool.challenges.take(request.get("Session"), pool.now)
    if not isinstance(waiting, _NewPassword) or waiting.client != pool.client["ClientId"]:
        raise not_authorized("Invalid session for the user, session is expired.")
    user = pool.stored["_users"].get(waiting.username)
    if user is None or user["UserStatus"] != "FORCE_CHANGE_PASSWORD":
        raise not_authorized("Invalid session for the user.")
    passwords.store(pool.stored, user, password)
    user["UserStatus"] = "CONFIRMED"
    pool.touch(user)
    return _signed_in(pool, user)


_RESPONSES: Mapping[str, Callable[[Pool, Request, Mapping[str, Any]], Answer]] = {
    "PASSWORD_VERIFIER": _end_srp,
    "NEW_PASSWORD_REQUIRED": _set_new_password,
}
