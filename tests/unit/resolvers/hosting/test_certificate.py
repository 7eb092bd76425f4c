"""The local certificate, in real TLS handshakes in memory."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from resolvers.hosting import certificate
from resolvers.hosting.certificate import Certificate, CertificateError, local_certificate


def shake_hands(server: Certificate, trusted: Path, host: str) -> None:
    """Do the handshake of a client that trusts one file with a server of that host name."""
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(server.server)
    asking = ssl.create_default_context(cafile=trusted)
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        serving.wrap_bio(to_server, to_client, server_side=True),
        asking.wrap_bio(to_client, to_server, server_hostname=host),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_who_trusts_the_authority_trusts_the_server(tmp_path: Path, host: str) -> None:
    made = local_certificate(tmp_path)
    shake_hands(made, made.authority, host)


def test_it_is_for_no_other_name(tmp_path: Path) -> None:
    made = local_certificate(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(made, made.authority, "hourbank.example")


def test_another_authority_does_not_vouch_for_it(tmp_path: Path) -> None:
    made, other = local_certificate(tmp_path / "a"), local_certificate(tmp_path / "b")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(made, other.authority, "localhost")


def test_it_lasts_a_year_and_is_kept(tmp_path: Path) -> None:
    made = local_certificate(tmp_path)
    content = made.server.read_bytes()
    assert timedelta(days=364) < made.expires - datetime.now(UTC) <= timedelta(days=365)
    assert local_certificate(tmp_path) == made
    assert made.server.read_bytes() == content


def test_a_client_whose_clock_is_behind_trusts_it(tmp_path: Path) -> None:
    made = local_certificate(tmp_path)
    for path in (made.authority, made.server):
        begins = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_before_utc
        assert begins < datetime.now(UTC) - timedelta(minutes=59)


def test_the_key_is_its_owners_and_the_authoritys_is_nowhere(tmp_path: Path) -> None:
    made = local_certificate(tmp_path)
    assert stat.S_IMODE(made.server.stat().st_mode) == 0o600
    assert b"PRIVATE" not in made.authority.read_bytes()
    assert {path.name for path in made.server.parent.iterdir()} == {"ca.pem", "server.pem"}


def test_it_is_made_anew_before_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as short:
        short.setattr(certificate, "LIFETIME", timedelta(days=6))
        old = local_certificate(tmp_path)
    assert local_certificate(tmp_path).expires - old.expires > timedelta(days=300)


@pytest.mark.parametrize("part", ["authority", "server"])
@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None])
def test_files_that_do_not_belong_together_are_made_anew(tmp_path: Path, part: str, content: bytes | None) -> None:
    made, other = local_certificate(tmp_path / "a"), local_certificate(tmp_path / "b")
    getattr(made, part).write_bytes(getattr(other, part).read_bytes() if content is None else content)
    mended = local_certificate(tmp_path / "a")
    shake_hands(mended, mended.authority, "localhost")


def test_another_key_beside_it_is_noticed(tmp_path: Path) -> None:
    made, other = local_certificate(tmp_path / "a"), local_certificate(tmp_path / "b")
    end = b"-----END PRIVATE KEY-----\n"
    key, _, _ = other.server.read_bytes().partition(end)
    _, _, own = made.server.read_bytes().partition(end)
    made.server.write_bytes(key + end + own)
    mended = local_certificate(tmp_path / "a")
    shake_hands(mended, mended.authority, "localhost")


def test_another_is_made_on_demand(tmp_path: Path) -> None:
    content = local_certificate(tmp_path).authority.read_bytes()
    assert local_certificate(tmp_path, anew=True).authority.read_bytes() != content


def test_a_failure_names_the_directory(tmp_path: Path) -> None:
    (tmp_path / "tls").write_text("a file")
    with pytest.raises(CertificateError, match=r"cannot be kept in .*tls: File exists\."):
        local_certificate(tmp_path)
