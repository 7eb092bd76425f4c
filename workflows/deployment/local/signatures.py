"""Verifies AWS's signatures, version 4: with our secret, the same request must be signed in the same way.

Most requests go to the root of a service, and their signature is made here; for any other, botocore makes it,
which takes four times as long.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Signer

from models.storage.signing import signature_of, signing_key
from workflows.deployment.local.credentials import Credentials

Headers = Sequence[tuple[bytes, bytes]]

# As on AWS: how far the clocks of client and service may be apart.
_SKEW = timedelta(minutes=5)
_TIME = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]{1,128})/(\d{8})/([a-z0-9-]{1,40})/([a-z0-9-]{1,40})/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]{1,2000}), ?Signature=([0-9a-f]{64})"
)
_DIGEST_HEADER, _DIGEST = "x-amz-content-sha256", re.compile(r"[0-9a-f]{64}")


class SignatureError(Exception):
    """A request is not signed by the owner of the credentials.

    Args:
        code: AWS's name for what is wrong.
        message: AWS's words for it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says about its signature.

    Args:
        date: the day of the signing key, as 20261128.
        region: of the signing key.
        service: of the signing key.
        signed: the names of the headers that are signed, in lower case.
        value: the signature, in hexadecimal.
        time: when it was signed, as 20261128T235916Z.
    """

    date: str
    region: str
    service: str
    signed: frozenset[str]
    value: str
    time: str


def read_signature(headers: Headers, credentials: Credentials, now: datetime) -> Signature:
    """Return what a request's headers say about its signature, which may be verified once its body is there.

    Raises:
        SignatureError: it is not signed, not with this key, not now, or not in all that matters.
    """
    given = _single(headers, b"authorization")
    if not given:
        raise SignatureError("MissingAuthenticationTokenException", "Missing Authentication Token")
    if (match := _AUTHORIZATION.fullmatch(given)) is None:
        raise SignatureError(
            "IncompleteSignatureException", "The Authorization header is no signature, version 4."
        )
    access_key, date, region, service, signed, value = match.groups()
    if not hmac.compare_digest(access_key, credentials.access_key):
        raise SignatureError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    signature = Signature(
        date, region, service, frozenset(signed.split(";")), value, _single(headers, b"x-amz-date")
    )
    _check_time(signature, now)
    _check_signed_headers(signature, headers)
    return signature


def verify(
    signature: Signature,
    credentials: Credentials,
    *,
    method: str,
    target: str,
    headers: Headers,
    body: bytes,
) -> None:
    """Verify a signature.

    Args:
        signature: what the request says.
        credentials: with whose secret it must be signed.
        method: of the request.
        target: its path and query, as they came.
        headers: all of its headers.
        body: its body.

    Raises:
        SignatureError: it was not made of this request with this secret.
    """
    signed = [
        (text, value.decode("latin-1"))
        for name, value in headers
        if (text := name.decode("latin-1").lower()) in signature.signed
    ]
    digest = next((value for name, value in signed if name == _DIGEST_HEADER), "")
    if _DIGEST.fullmatch(digest) and digest != hashlib.sha256(body).hexdigest():
        raise _mismatch()
    if target == "/" and len(dict(signed)) == len(signed):
        expected = _of_root(signature, credentials, method, dict(signed), body)
    else:
        expected = _by_botocore(signature, credentials, method, target, signed, body)
    if not hmac.compare_digest(expected, signature.value):
        raise _mismatch()


def _of_root(
    signature: Signature, credentials: Credentials, method: str, signed: Mapping[str, str], body: bytes
) -> str:
    """Return the signature that a request to the root must have; no header may occur twice."""
    names = sorted(signed)
    lines = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in names)
    digest = signed.get(_DIGEST_HEADER) or hashlib.sha256(body).hexdigest()
    canonical = f"{method}\n/\n\n{lines}\n{';'.join(names)}\n{digest}"
    key = _key(credentials.secret, signature.date, signature.region, signature.service)
    scope = f"{signature.date}/{signature.region}/{signature.service}/aws4_request"
    return signature_of(key, canonical, signature.time, scope)


_key = lru_cache(maxsize=32)(signing_key)


def _by_botocore(
    signature: Signature,
    credentials: Credentials,
    method: str,
    target: str,
    signed: Iterable[tuple[str, str]],
    body: bytes,
) -> str:
    """Return the signature that a request must have, whatever its target and headers.

    Raises:
        SignatureError: botocore cannot parse the target.
    """
    request = AWSRequest(method, f"http://host{target}", data=body)
    for name, value in signed:
        request.headers.add_header(name, value)
    request.context["timestamp"] = signature.time
    # S3 alone signs a path as it is.
    kind = S3SigV4Auth if signature.service == "s3" else SigV4Auth
    signer = kind(Signer(credentials.access_key, credentials.secret), signature.service, signature.region)
    try:
        text = signer.string_to_sign(request, signer.canonical_request(request))
    except ValueError:
        raise _mismatch() from None
    return str(signer.signature(text, request))


def _mismatch() -> SignatureError:
    return SignatureError(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
        "Access Key and signing method.",
    )


def _single(headers: Headers, name: bytes) -> str:
    """Return the value of a header that must stand once, "" if it does not."""
    values = [value for key, value in headers if key.lower() == name]
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _check_time(signature: Signature, now: datetime) -> None:
    try:
        signed = datetime.fromisoformat(signature.time if _TIME.fullmatch(signature.time) else "")
    except ValueError:
        raise SignatureError(
            "IncompleteSignatureException", "X-Amz-Date must stand once, as 20261128T235916Z."
        ) from None
    if abs(now - signed) > _SKEW or not signature.time.startswith(signature.date):
        raise SignatureError("InvalidSignatureException", "Signature expired or not yet current.")


def _check_signed_headers(signature: Signature, headers: Headers) -> None:
    must = {"host", "x-amz-date"}
    must.update(text for key, _ in headers if (text := key.decode("latin-1").lower()).startswith("x-amz-"))
    if not must <= signature.signed:
        raise SignatureError(
            "InvalidSignatureException", f"Not signed: {', '.join(sorted(must - signature.signed))[:200]}."
        )
