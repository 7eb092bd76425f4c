"""The server's half of the Secure Remote Password protocol, version 6a, with Cognito's parameters.

The client proves that it knows the password without sending it, and the server stores a verifier from which nobody
can sign in. All numbers are as in RFC 5054, but for `g = 2`, the paddings and the signature, which are Cognito's:
`aws-amplify`'s folder `auth/src/providers/cognito/utils/srp` has the client's half.

A user's identity in the protocol is `<pool's name><user's name>`; the pool `eu-west-1_abc` has the name `abc`.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

# The 3,072-bit group of RFC 3526.
N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2

_SALT_BYTES = 16
_SECRET_BYTES = 128
_BLOCK_BYTES = 512
_KEY_BYTES = 16
_KEY_INFO = b"Caldera Derived Key\x01"
_LONGEST = len(f"{N:x}") + 2  # hexadecimal digits of a number below N, padded


def padded(number: int) -> bytes:
    """Return a positive number as the bytes of its two's complement, the first of which begins with a zero bit."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _hashed(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


_K = _hashed(padded(N), padded(G))


@dataclass(frozen=True, slots=True)
class Verifier:
    """What is stored of a password.

    Args:
        salt: a random number.
        value: `g^x mod N`, where x is the salted hash of the user's identity and password.
    """

    salt: int
    value: int

    @classmethod
    def of(cls, identity: str, password: str, salt: int | None = None) -> "Verifier":
        """Return the verifier of a user's password, with a new salt unless one is given."""
        salt = int.from_bytes(secrets.token_bytes(_SALT_BYTES), "big") if salt is None else salt
        inner = hashlib.sha256(f"{identity}:{password}".encode()).digest()
        return cls(salt, pow(G, _hashed(padded(salt), inner), N))

    def matches(self, identity: str, password: str) -> bool:
        """Return whether this is the verifier of that password."""
        other = Verifier.of(identity, password, self.salt)
        return hmac.compare_digest(padded(self.value), padded(other.value))

    def stored(self) -> dict[str, str]:
        """Return the verifier as JSON can hold it."""
        return {"salt": f"{self.salt:x}", "value": f"{self.value:x}"}

    @classmethod
    def load(cls, stored: dict[str, str]) -> "Verifier":
        """Return the verifier that was stored."""
        return cls(int(stored["salt"], 16), int(stored["value"], 16))


@dataclass(frozen=True, slots=True)
class Challenge:
    """One attempt to sign in, of which the server keeps `secret` to itself.

    Args:
        identity: the user's identity in the protocol.
        verifier: what is stored of the user's password.
        client_public: the client's public number, A.
        secret: the server's secret number, b.
        block: random bytes that the client must sign, so that a signature fits one attempt only.
    """

    identity: str
    verifier: Verifier
    client_public: int
    secret: int
    block: bytes

    @classmethod
    def begin(cls, identity: str, verifier: Verifier, client_public: str) -> "Challenge":
        """Begin an attempt.

        Args:
            identity: the user's identity in the protocol.
            verifier: what is stored of the user's password.
            client_public: the client's public number, in hexadecimal digits.

        Raises:
            ValueError: the client's number is none, or one that would make the password irrelevant.
        """
        number = int(client_public, 16) if len(client_public) <= _LONGEST else 0
        if number <= 0 or number % N == 0:
            raise ValueError("SRP_A is not a number of the group")
        secret = int.from_bytes(secrets.token_bytes(_SECRET_BYTES), "big")
        return cls(identity, verifier, number, secret, secrets.token_bytes(_BLOCK_BYTES))

    @property
    def public(self) -> int:
        """Return the server's public number, B."""
        return (_K * self.verifier.value + pow(G, self.secret, N)) % N

    def accepts(self, signature: str, timestamp: str) -> bool:
        """Return whether the client's signature, in base64, proves that it knows the password."""
        signed = self.identity.encode() + self.block + timestamp.encode()
        expected = hmac.digest(self._key(), signed, "sha256")
        return hmac.compare_digest(base64.b64encode(expected), signature.encode())

    def _key(self) -> bytes:
        u = _hashed(padded(self.client_public), padded(self.public))
        shared = pow(self.client_public * pow(self.verifier.value, u, N), self.secret, N)
        drawn = hmac.digest(padded(u), padded(shared), "sha256")
        return hmac.digest(drawn, _KEY_INFO, "sha256")[:_KEY_BYTES]
