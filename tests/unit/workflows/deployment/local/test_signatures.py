"""Signatures are verified by our credentials alone, and at next to no cost."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Signer

from workflows.deployment.local import signatures
from workflows.deployment.local.credentials import FILE, Credentials, CredentialsError
from workflows.deployment.local.signatures import SignatureError, read_signature, verify

OURS = Credentials("LOCALKEY", "secret")
BODY = b'{"TableName": "hourbank-User", "Key": {"id": {"S": "alice"}}}'

Headers = list[tuple[bytes, bytes]]


def signed(target: str = "/", body: bytes = BODY, service: str = "dynamodb") -> Headers:
    """Return the headers that AWS's client would send."""
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    request = AWSRequest("POST", f"http://127.0.0.1:4566{target}", data=body, headers={"X-Amz-Target": "A.B"})
    kind(Signer(OURS.access_key, OURS.secret), service, "us-east-1").add_auth(request)
    sent = {**dict(request.headers.items()), "Host": "127.0.0.1:4566", "User-Agent": "anything"}
    return [(name.lower().encode(), value.encode()) for name, value in sent.items()]


def check(headers: Headers, target: str = "/", body: bytes = BODY, credentials: Credentials = OURS) -> None:
    signature = read_signature(headers, credentials, datetime.now(UTC))
    verify(signature, credentials, method="POST", target=target, headers=headers, body=body)


@pytest.mark.parametrize(
    ("target", "service"),
    [
        ("/", "dynamodb"),
        ("/2015-03-31/functions/a%3Ab/invocations", "lambda"),
        ("/?b=2&a=1&a=%20", "sts"),
        ("/bucket/a%20b//c/../d", "s3"),
        ("/bucket/%C3%BC?list-type=2", "s3"),
    ],
)
def test_what_botocore_signs_is_valid(target: str, service: str) -> None:
    check(signed(target, service=service), target)


@pytest.mark.parametrize("value", ["a", "  a   b ", "a,b", "\u00fc", ""])
@pytest.mark.parametrize("body", [BODY, b""])
def test_a_request_to_the_root_is_signed_as_botocore_signs_it(value: str, body: bytes) -> None:
    signature = read_signature(signed(), OURS, datetime.now(UTC))
    headers = {"host": "127.0.0.1:4566", "x-amz-date": signature.time, "x-amz-target": value}
    ours = signatures._of_root(signature, OURS, "POST", headers, body)
    assert ours == signatures._by_botocore(signature, OURS, "POST", "/", headers.items(), body)


@pytest.mark.parametrize("target", ["/a", "/?a=1", "/b/", "/%2F"])
def test_another_path_is_not(target: str) -> None:
    with pytest.raises(SignatureError):
        check(signed(), target)


@pytest.mark.parametrize("body", [b"", b"{}", BODY + b" ", BODY[:-1]])
def test_another_body_is_not(body: bytes) -> None:
    for service in ("dynamodb", "s3"):
        with pytest.raises(SignatureError) as refused:
            check(signed(service=service), body=body)
        assert refused.value.code == "InvalidSignatureException"


def test_a_verification_costs_a_fraction_of_a_millisecond() -> None:
    headers, fastest = signed(), 1.0
    for _ in range(5):
        began = time.process_time()
        for _ in range(100):
            check(headers)
        fastest = min(fastest, (time.process_time() - began) / 100)
    assert fastest < 0.0003


def test_credentials_are_made_once_for_their_owner_only(tmp_path: Path) -> None:
    made = Credentials.find_or_make(tmp_path)
    assert Credentials.find_or_make(tmp_path) == made
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert len(made.secret) >= 40
    assert not made.access_key.isdigit()
    (tmp_path / "other").mkdir()
    assert Credentials.find_or_make(tmp_path / "other").secret != made.secret


@pytest.mark.parametrize("content", ["", "nonsense", "[default]\naws_access_key_id = a\n", "[else]\na = b\n"])
def test_a_file_without_credentials_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(CredentialsError, match="remove it to have new ones made"):
        Credentials.find_or_make(tmp_path)


@pytest.mark.parametrize("key", [b"\xc3\xa9", b"A\x00B", b"", b"A" * 129, b"<x>"])
def test_an_access_key_that_is_none_is_refused(key: bytes) -> None:
    headers = [
        (name, value.replace(b"Credential=LOCALKEY", b"Credential=" + key))
        if name == b"authorization"
        else (name, value)
        for name, value in signed()
    ]
    with pytest.raises(SignatureError) as refused:
        check(headers)
    assert refused.value.code == "IncompleteSignatureException"


@pytest.mark.parametrize("target", ["//[", "/?a=1#[", "@[::"])
def test_a_target_that_is_none_is_refused(target: str) -> None:
    with pytest.raises(SignatureError):
        check(signed(), target)
