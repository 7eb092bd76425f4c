"""The client's half of the Secure Remote Password protocol, written from RFC 5054 and what Amplify sends."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from workflows.deployment.local.user_pools.srp import N

TIMESTAMP = "Sat Nov 28 20:32:44 UTC 2026"


def _hex(number: int) -> str:
    """Return the digits of a number, padded as Java's BigInteger does."""
    digits = f"{number:x}"
    digits = digits if len(digits) % 2 == 0 else f"0{digits}"
    return f"00{digits}" if digits[0] in "89abcdef" else digits


def _sha(digits: str) -> int:
    return int(hashlib.sha256(bytes.fromhex(digits)).hexdigest(), 16)


class SrpClient:
    """Somebody who claims to know a user's password.

    Args:
        pool: the pool's id.
        password: which they type.
    """

    def __init__(self, pool: str, password: str) -> None:
        self._pool = pool.split("_")[1]
        self._password = password
        self._a = secrets.randbits(1024)
        self._public = pow(2, self._a, N)

    @property
    def public(self) -> str:
        """Return SRP_A."""
        return f"{self._public:x}"

    def answer(self, challenge: Mapping[str, str]) -> dict[str, str]:
        """Return the responses to a PASSWORD_VERIFIER challenge."""
        user, salt, server = challenge["USER_ID_FOR_SRP"], int(challenge["SALT"], 16), int(challenge["SRP_B"], 16)
        u = _sha(_hex(self._public) + _hex(server))
        inner = hashlib.sha256(f"{self._pool}{user}:{self._password}".encode()).hexdigest()
        x = _sha(_hex(salt) + inner)
        k = _sha(_hex(N) + _hex(2))
        shared = pow(server - k * pow(2, x, N), self._a + u * x, N)
        drawn = hmac.new(bytes.fromhex(_hex(u)), bytes.fromhex(_hex(shared)), "sha256").digest()
        key = hmac.new(drawn, b"Caldera Derived Key\x01", "sha256").digest()[:16]
        block = base64.b64decode(challenge["SECRET_BLOCK"])
        signed = self._pool.encode() + user.encode() + block + TIMESTAMP.encode()
        return {
            "USERNAME": user,
            "PASSWORD_CLAIM_SECRET_BLOCK": challenge["SECRET_BLOCK"],
            "TIMESTAMP": TIMESTAMP,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode(),
        }
