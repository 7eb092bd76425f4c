"""Tokens whose signature is right and whose claims are odd, and tokens that are none."""

import base64
import json
import time
from typing import Any

import jwt

from resolvers.identity.issuer import CLIENT, ISSUER, LocalIssuer
from tests.security.attacks.catalogue import Attacker, Kind

KIND = Kind(14, "claims")

_QUERY = "{ listServices(limit: 1) { items { id } } }"

CLAIMS: dict[str, dict[str, Any]] = {
    "groups are a number": {"cognito:groups": 5},
    "groups are a text": {"cognito:groups": "admin"},
    "groups hold numbers": {"cognito:groups": [1, None, {}]},
    "groups are an object": {"cognito:groups": {"admin": True}},
    "the name is a number": {"username": 7},
    "the name is a list": {"username": ["alice"]},
    "the subject is a list": {"sub": ["alice"]},
    "the subject is empty": {"sub": ""},
    "the subject has 100 KB": {"sub": "x" * 100_000},
    "the client is a list": {"client_id": [CLIENT]},
    "the audience is an object": {"aud": {"a": 1}, "token_use": "id"},
    "the issuer is a list": {"iss": [ISSUER]},
    "it expires in a text": {"exp": "tomorrow"},
    "it expires at no number": {"exp": float("1e400")},
    "it was issued in a list": {"iat": [0]},
    "it is used for a number": {"token_use": 1},
}


@KIND.each(CLAIMS)
async def _claim(attacker: Attacker, claims: dict[str, Any]) -> str:
    issuer = LocalIssuer(attacker.target.directory)
    now = int(time.time())
    usual = {
        "sub": attacker.sub,
        "username": attacker.name,
        "token_use": "access",
        "client_id": CLIENT,
        "iss": ISSUER,
        "iat": now,
        "exp": now + 600,
    }
    # As any other issuer might: PyJWT itself refuses to write some of these.
    header = {"alg": "RS256", "kid": issuer._kid, "typ": "JWT"}
    token = jwt.PyJWS().encode(_json({**usual, **claims}), issuer._key, algorithm="RS256", headers=header)
    return await attacker.ask(_QUERY, token=token)


def _json(claims: dict[str, Any]) -> bytes:
    return json.dumps(claims).encode()


def _token(header: bytes, claims: bytes = b"{}") -> str:
    parts = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, claims, b"x"))
    return ".".join(parts)


@KIND.each(
    {
        "no algorithm": _token(b'{"alg": "none"}', b'{"sub": "alice"}'),
        "a header that is a list": _token(b"[1]"),
        "a key that is a list": _token(b'{"alg": "RS256", "kid": ["a"]}'),
        "30 KB of dots": "." * 30_000,
        "20,000 levels": _token(b"[" * 20_000),
        "no base64": "%%%.%%%.%%%",
    }
)
async def _forge(attacker: Attacker, token: str) -> str:
    return await attacker.ask(_QUERY, token=token)
