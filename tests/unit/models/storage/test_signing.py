"""A request is signed as botocore signs it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from models.storage.signing import Signer

NOON = datetime(2026, 11, 29, 12, 0, 1, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 30, tzinfo=UTC)
ALICE = ReadOnlyCredentials("AKIA1", "secret/1", None)
ROLE = ReadOnlyCredentials("ASIA2", "secret+2", "a-token==")


def botocores(
    monkeypatch: pytest.MonkeyPatch, host: str, target: str, body: bytes, who: ReadOnlyCredentials, now: datetime
) -> Any:
    """Return the Authorization header that botocore makes."""
    monkeypatch.setattr(auth, "get_current_datetime", lambda *_: now)
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}
    request = AWSRequest("POST", f"https://{host}/", headers=headers, data=body)
    auth.SigV4Auth(who, "dynamodb", "eu-central-1").add_auth(request)
    return request.headers["Authorization"]


@pytest.mark.parametrize("host", ["dynamodb.eu-central-1.amazonaws.com", "127.0.0.1:4566"])
def test_requests_are_signed_as_botocore_signs_them(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    signer = Signer("dynamodb", "eu-central-1", host)
    for who, now, body in [
        (ALICE, NOON, b'{"TableName":"a"}'),
        (ALICE, NOON, "ünïcode".encode()),
        (ROLE, NOON, b""),
        (ROLE, MIDNIGHT, b"{}"),
        (ALICE, MIDNIGHT, b"{}"),
    ]:
        headers = signer.headers("DynamoDB_20120810.GetItem", body, who, now)
        expected = botocores(monkeypatch, host, "DynamoDB_20120810.GetItem", body, who, now)
        assert headers["Authorization"] == expected
        assert headers.get("X-Amz-Security-Token") == who.token
        assert (headers["Host"], headers["X-Amz-Date"]) == (host, f"{now:%Y%m%dT%H%M%SZ}")


def test_the_key_is_made_once_a_day() -> None:
    signer = Signer("dynamodb", "eu-central-1", "example.org")
    signer.headers("T", b"", ALICE, NOON)
    kept = signer._key
    signer.headers("T", b"other", ALICE, NOON)
    assert signer._key is kept
    signer.headers("T", b"", ALICE, MIDNIGHT)
    assert signer._key is not kept
