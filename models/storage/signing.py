"""Signs requests as AWS's Signature Version 4 asks, with the day's key kept.

botocore's own signer derives the key and parses the URL anew for each request, which costs ten times as much. The
steps are those of https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from botocore.credentials import ReadOnlyCredentials

_ALGORITHM = "AWS4-HMAC-SHA256"


class Signer:
    """Signs POSTs of JSON to the root of one service's endpoint.

    Args:
        service: the service's name, such as `dynamodb`.
        region: the region.
        host: the endpoint's host, with its port unless that is the scheme's own.
        version: of AWS's JSON that the service speaks.
    """

    def __init__(self, service: str, region: str, host: str, *, version: str = "1.0") -> None:
        self._service = service
        self._region = region
        self._host = host
        self._content_type = f"application/x-amz-json-{version}"
        self._key: tuple[str, str, bytes] | None = None  # the day, the secret, and the key made from both

    def headers(
        self, target: str, body: bytes, credentials: ReadOnlyCredentials, now: datetime | None = None
    ) -> Mapping[str, str]:
        """Return the headers of a signed request.

        Args:
            target: the operation, such as `DynamoDB_20120810.GetItem`.
            body: the request's body.
            credentials: whose request it is.
            now: the time, by default the present one.
        """
        moment = _moment(int(time.time() if now is None else now.timestamp()))
        access_key, secret_key = str(credentials.access_key), str(credentials.secret_key)
        token = credentials.token
        # In alphabetical order, as they are signed.
        tokened, its_name = (f"x-amz-security-token:{token}\n", "x-amz-security-token;") if token else ("", "")
        lines = (
            f"content-type:{self._content_type}\nhost:{self._host}\nx-amz-date:{moment}\n{tokened}"
            f"x-amz-target:{target}"
        )
        signed = f"content-type;host;x-amz-date;{its_name}x-amz-target"
        asked = f"POST\n/\n\n{lines}\n\n{signed}\n{hashlib.sha256(body).hexdigest()}"
        day = moment[:8]
        scope = f"{day}/{self._region}/{self._service}/aws4_request"
        signature = signature_of(self._key_of(day, secret_key), asked, moment, scope)
        headers = {
            "Content-Type": self._content_type,
            "Host": self._host,
            "X-Amz-Date": moment,
            "X-Amz-Target": target,
            "Authorization": (
                f"{_ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"
            ),
        }
        return {**headers, "X-Amz-Security-Token": token} if token else headers

    def _key_of(self, day: str, secret: str) -> bytes:
        kept = self._key  # another thread may replace it meanwhile
        if kept is not None and kept[:2] == (day, secret):
            return kept[2]
        key = signing_key(secret, day, self._region, self._service)
        self._key = (day, secret, key)
        return key


@lru_cache(maxsize=4)  # formatting takes as long as signing, and a busy server makes many calls a second
def _moment(second: int) -> str:
    """Return a second since the epoch as requests have it, such as 20261128T235916Z."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))


def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """Return the key by which a day's requests to a service are signed; the day is like 20261128."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def signature_of(key: bytes, canonical: str, moment: str, scope: str) -> str:
    """Return the signature of a request in canonical form.

    Args:
        key: the day's.
        canonical: the request.
        moment: when it is signed, like 20261128T235916Z.
        scope: the day, the region and the service, like 20261128/us-east-1/dynamodb/aws4_request.
    """
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return _hmac(key, f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}").hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
