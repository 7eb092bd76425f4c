"""A local certificate for TLS, for clients that open sockets over TLS only.

The authority signs one certificate, then its key is discarded: whoever trusts the authority trusts this one
certificate, and nobody can ever sign another. The authority is also constrained to the names of this machine.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from models.errors import ExpectedError

HOST = "localhost"
ADDRESSES = ("127.0.0.1", "::1")
LIFETIME = timedelta(days=365)
# A certificate must not expire soon after the server has started.
_LEFT_AT_LEAST = timedelta(days=7)
# It is valid from a little before it was made, for clients whose clock is behind; OpenSSL's own lags by some
# milliseconds.
_BACKDATED = timedelta(hours=1)

_Key = ec.EllipticCurvePrivateKey


class CertificateError(ExpectedError):
    """The certificate cannot be stored; the message is one line that says where and why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate, and the authority that its clients must trust.

    Attributes:
        authority: the file with the authority's certificate, which is public.
        server: the file with the server's key and certificate, which only its owner can read.
        expires: when both certificates expire.
    """

    authority: Path
    server: Path
    expires: datetime


def local_certificate(directory: Path, *, anew: bool = False) -> Certificate:
    """Return the certificate in `directory`, or a new one if there is none that is valid for another week.

    Args:
        directory: the server's directory; the files are in its subdirectory `tls`.
        anew: make a new certificate in any case.

    Raises:
        CertificateError: the files cannot be read or written.
    """
    kept = directory / "tls"
    authority, server = kept / "ca.pem", kept / "server.pem"
    try:
        kept.mkdir(parents=True, exist_ok=True)
        with _locked(kept):
            expires = None if anew else _expiry(authority, server)
            if expires is None or expires < datetime.now(UTC) + _LEFT_AT_LEAST:
                expires = _make(authority, server)
    except OSError as error:
        raise CertificateError(f"The certificate cannot be kept in {kept}: {error.strerror}.") from error
    return Certificate(authority, server, expires)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Lock a directory, so that concurrent first starts agree on one certificate."""
    held = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _expiry(authority: Path, server: Path) -> datetime | None:
    """Return when the stored certificates expire, None if files are missing or do not belong together."""
    try:
        root = x509.load_pem_x509_certificate(authority.read_bytes())
        both = server.read_bytes()
        own, key = x509.load_pem_x509_certificate(both), load_pem_private_key(both, password=None)
        own.verify_directly_issued_by(root)
    except (FileNotFoundError, ValueError, TypeError, InvalidSignature):
        return None
    return own.not_valid_after_utc if own.public_key() == key.public_key() else None


def _make(authority: Path, server: Path) -> datetime:
    """Write a new authority and a certificate that it has signed; return when both expire."""
    expires = datetime.now(UTC) + LIFETIME
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _authority(root_key, expires)
    own = _signed_by(root, root_key, key, expires)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(authority, root.public_bytes(Encoding.PEM), mode=0o644)
    _write(server, private + own.public_bytes(Encoding.PEM), mode=0o600)
    return own.not_valid_after_utc


def _authority(key: _Key, expires: datetime) -> x509.Certificate:
    name = _name("HourBank on this machine")
    here = [x509.DNSName(HOST), *(x509.IPAddress(ip_network(address)) for address in ADDRESSES)]
    return (
        _builder(name, name, key, expires)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=here, excluded_subtrees=None), critical=True)
        .sign(key, SHA256())
    )


def _signed_by(root: x509.Certificate, root_key: _Key, key: _Key, expires: datetime) -> x509.Certificate:
    names = [x509.DNSName(HOST), *(x509.IPAddress(ip_address(address)) for address in ADDRESSES)]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    return (
        _builder(_name(HOST), root.subject, key, expires)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(issuer, critical=False)
        .sign(root_key, SHA256())
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: _Key, expires: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(expires - LIFETIME - _BACKDATED)
        .not_valid_after(expires)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file atomically, so that nobody without the right to read it can do so at any moment."""
    # Created with mode 0600.
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".draft-", delete=False) as draft:
        draft.write(content)
        os.fchmod(draft.fileno(), mode)
    Path(draft.name).replace(path)
