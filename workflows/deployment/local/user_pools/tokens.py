"""Tokens of a user pool: minted as Cognito mints them, refreshed for as long as their session lasts, verified."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from workflows.deployment.local.user_pools import attributes
from workflows.deployment.local.user_pools.refusals import RefusedError, not_authorized

User = dict[str, Any]
StoredPool = dict[str, Any]
Client = Mapping[str, Any]

_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
_HOUR, _MONTH = 3600, 30 * 86_400  # Cognito's lifetimes, unless an app client has its own
_SECRET_BYTES = 32
_SESSIONS = 100  # of one user; the oldest makes room
_BOOLEANS = frozenset({"email_verified", "phone_number_verified"})


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs a pool's tokens.

    Args:
        key: whose public half the pool's JWKS shows.
        kid: that half's id there.
    """

    key: RSAPrivateKey
    kid: str

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a token."""
        return jwt.encode(dict(claims), self.key, algorithm="RS256", headers={"kid": self.kid})

    def read(self, token: object, issuer: str) -> dict[str, Any]:
        """Return the claims of a token that this key has signed, whether it has expired or not.

        Raises:
            jwt.PyJWTError: it has not.
        """
        options: jwt.types.Options = {"verify_aud": False, "verify_exp": False, "require": ["exp", "sub"]}
        claims: dict[str, Any] = jwt.decode(
            str(token), self.key.public_key(), algorithms=["RS256"], issuer=issuer, options=options
        )
        return claims


def issuer_of(pool: Mapping[str, Any]) -> str:
    """Return the `iss` of a pool's tokens: the address that the pool would have on AWS."""
    pool_id = str(pool["Id"])
    return f"https://cognito-idp.{pool_id.partition('_')[0]}.amazonaws.com/{pool_id}"


def begin_session(pool: StoredPool, client: Client, user: User, signer: Signer, now: float) -> dict[str, Any]:
    """Sign a user in.

    Returns:
        Cognito's AuthenticationResult, with a refresh token.
    """
    sessions = _live_sessions(pool, now)
    own = [name for name, session in sessions.items() if session["username"] == user["Username"]]
    for name in own[: max(0, len(own) - _SESSIONS + 1)]:
        del sessions[name]
    name, secret = str(uuid4()), secrets.token_urlsafe(_SECRET_BYTES)
    sessions[name] = {
        "username": user["Username"],
        "client": client["ClientId"],
        "digest": _digest(secret),
        "began": now,
        "expires": now + _lifetime(client, "Refresh", _MONTH),
    }
    return {**_minted(pool, client, user, signer, now, name), "RefreshToken": f"{name}.{secret}"}


def refresh(pool: StoredPool, client: Client, token: object, signer: Signer, now: float) -> dict[str, Any]:
    """Return new access and id tokens for a refresh token.

    Raises:
        RefusedError: the session has ended, or the user is gone.
    """
    name = _session_of(pool, client, token, now)
    user = pool["_users"].get(pool["_sessions"][name]["username"]) if name else None
    if user is None:
        raise not_authorized("Refresh Token has been revoked")
    if not user.get("Enabled", True):
        raise not_authorized("User is disabled.")
    assert name is not None  # noqa: S101 — for the type checker: a user was found by it
    return _minted(pool, client, user, signer, now, name)


def user_of(pool: StoredPool, token: object, signer: Signer, now: float) -> User:
    """Return the user whom an access token is for.

    Raises:
        RefusedError: it is forged or expired, its session has ended, or the user is gone.
    """
    try:
        claims = signer.read(token, issuer_of(pool))
    except jwt.PyJWTError as error:
        raise not_authorized("Invalid Access Token") from error
    if claims.get("token_use") != "access":
        raise not_authorized("Invalid Access Token")
    if claims["exp"] <= now:
        raise not_authorized("Access Token has expired")
    if claims.get("origin_jti") not in _live_sessions(pool, now):
        raise not_authorized("Access Token has been revoked")
    user: User | None = pool["_users"].get(claims.get("username"))
    if user is None:
        raise RefusedError("UserNotFoundException", "User does not exist.")
    return user


def end_session(pool: StoredPool, client: Client, token: object, now: float) -> None:
    """End the session of a refresh token; one that has ended is none of a user's business."""
    if name := _session_of(pool, client, token, now):
        del pool["_sessions"][name]


def end_sessions(pool: StoredPool, user: User) -> None:
    """End all sessions of a user."""
    sessions = pool.get("_sessions", {})
    pool["_sessions"] = {
        name: session for name, session in sessions.items() if session["username"] != user["Username"]
    }


def _live_sessions(pool: StoredPool, now: float) -> dict[str, dict[str, Any]]:
    sessions = {name: session for name, session in pool.get("_sessions", {}).items() if session["expires"] > now}
    pool["_sessions"] = sessions
    return sessions


def _session_of(pool: StoredPool, client: Client, token: object, now: float) -> str | None:
    name, _, secret = str(token).partition(".")
    session = _live_sessions(pool, now).get(name)
    if session is None or session["client"] != client["ClientId"]:
        return None
    return name if hmac.compare_digest(session["digest"], _digest(secret)) else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _lifetime(client: Client, kind: str, default: int) -> int:
    """Return how many seconds tokens of a kind live; MiniStack fills in numbers whose unit nobody knows."""
    unit = client.get("TokenValidityUnits", {}).get(f"{kind}Token")
    return int(client[f"{kind}TokenValidity"]) * _UNITS[unit] if unit else default


def _minted(
    pool: StoredPool, client: Client, user: User, signer: Signer, now: float, session: str
) -> dict[str, Any]:
    described = attributes.of(user)
    begun = int(pool["_sessions"][session]["began"])
    common: dict[str, Any] = {
        "sub": described["sub"],
        "iss": issuer_of(pool),
        "origin_jti": session,
        "event_id": str(uuid4()),
        "auth_time": begun,
        "iat": int(now),
    }
    if groups := user.get("_groups"):  # Cognito leaves the claim out for a user without groups
        common["cognito:groups"] = list(groups)
    lives = _lifetime(client, "Access", _HOUR)
    access = {
        "token_use": "access",
        "client_id": client["ClientId"],
        "username": user["Username"],
        "scope": "aws.cognito.signin.user.admin",
        "exp": int(now) + lives,
        "jti": str(uuid4()),
    }
    known = {name: value == "true" if name in _BOOLEANS else value for name, value in described.items()}
    identity = {
        "token_use": "id",
        "aud": client["ClientId"],
        "cognito:username": user["Username"],
        "exp": int(now) + _lifetime(client, "Id", _HOUR),
        "jti": str(uuid4()),
    }
    return {
        "AccessToken": signer.sign({**common, **access}),
        "IdToken": signer.sign({**known, **common, **identity}),
        "TokenType": "Bearer",
        "ExpiresIn": lives,
    }
