"""The local mode's token issuer, in place of Cognito, with a key that is generated at the first start."""

import base64
import hashlib
import os
import tempfile
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from models.errors import ExpectedError
from resolvers.identity.callers import Identity, TrustedIssuer
from resolvers.identity.keys import FixedKeys

ISSUER = "http://localhost/hourbank-local"  # only a name: nothing is fetched from it
CLIENT = "hourbank-local"
LIFETIME = timedelta(hours=12)
_KEY_DIGITS = 26  # as many characters as AppSync's keys have


class LocalIssuer:
    """Mints Cognito-like access tokens for demo members and tests.

    Args:
        directory: where `issuer.pem` is kept; created if absent, with a file that only its owner can read.

    Raises:
        TypeError: the file holds another kind of key.
        ValueError: the file does not hold a key.
    """

    def __init__(self, directory: Path) -> None:
        self._key = _read_or_create(directory / "issuer.pem")
        der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self._kid = base64.urlsafe_b64encode(hashlib.sha256(der).digest()[:12]).decode()

    def mint(
        self,
        sub: str,
        username: str,
        groups: Collection[str] = (),
        *,
        lifetime: timedelta = LIFETIME,
        more: Mapping[str, object] | None = None,
    ) -> str:
        """Return an access token for a member, which is valid for `lifetime` from now.

        Args:
            sub: the member's id.
            username: their name.
            groups: their groups.
            lifetime: for how long the token is valid.
            more: further claims, as a pool's own function adds them; none takes the place of the issuer's own.
        """
        issued = int(time.time())
        claims: dict[str, Any] = {
            **(more or {}),
            "sub": sub,
            "username": username,
            "token_use": "access",
            "client_id": CLIENT,
            "iss": ISSUER,
            "iat": issued,
            "exp": issued + int(lifetime.total_seconds()),
            "jti": str(uuid.uuid4()),
        }
        if groups:  # Cognito leaves the claim out for a user without groups
            claims["cognito:groups"] = sorted(groups)
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._kid})

    def jwks(self) -> Mapping[str, Any]:
        """Return the public key as a JWKS, for programs that verify tokens themselves."""
        jwk: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**jwk, "kid": self._kid, "use": "sig", "alg": "RS256"}]}

    def secret(self, purpose: str) -> bytes:
        """Return a secret that is derived from the private key, so it is the same at every start."""
        private = self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return hashlib.sha256(purpose.encode() + private).digest()

    def api_key(self) -> str:
        """Return a key for applications, of the form of AppSync's, which is the same at every start."""
        return f"da2-{self.secret('API key').hex()[:_KEY_DIGITS]}"

    def routes(self) -> list[BaseRoute]:
        """Return the route of the public key, which has the same path as Cognito's."""
        jwks = JSONResponse(self.jwks())
        return [Route("/.well-known/jwks.json", lambda _request: jwks)]

    def trusted(self) -> TrustedIssuer:
        """Return this issuer as one whose tokens are accepted."""
        return TrustedIssuer(ISSUER, [CLIENT], FixedKeys(self.jwks()))

    def identity(self) -> Identity:
        """Return the identity that accepts this issuer's tokens only."""
        return Identity(self.trusted())


class InvalidClaimError(ExpectedError):
    """A further claim of a token is not written as NAME=VALUE."""


def claims_of(texts: Iterable[str]) -> dict[str, object]:
    """Return claims that are written as `team=red`; one whose name comes again is a list.

    Raises:
        InvalidClaimError: one is written otherwise.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise InvalidClaimError(f"--claim {text}: write NAME=VALUE, such as team=red.")
        found.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def _read_or_create(path: Path) -> RSAPrivateKey:
    if not path.exists():
        _create(path)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key; remove it to have a new one made")
    return key


def _create(path: Path) -> None:
    """Write a new key beside `path` and link it there, so that concurrent first starts agree on one key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".issuer-") as draft:  # made with mode 0600
        draft.write(pem)
        draft.flush()
        os.fsync(draft.fileno())
        try:
            path.hardlink_to(draft.name)
        except FileExistsError:
            return
