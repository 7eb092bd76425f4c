"""Packages the functions' code as a zip; the same files always give the same bytes."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from models.errors import ExpectedError
from workflows.deployment.template.functions import RUNTIME

_REPOSITORY = Path(__file__).parents[2]
_PACKAGES = ("models", "workflows")
_LOCK = "requirements-functions.txt"
# The earliest time that a zip can hold.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16
_QUIETLY = ("--quiet", "--disable-pip-version-check", "--no-compile")
_LOCKED = ("--only-binary=:all:", "--no-deps", "--require-hashes")


class PackageError(ExpectedError):
    """The package could not be made; the message is one line that says why."""


def build_package(repository: Path = _REPOSITORY) -> bytes:
    """Return a zip of the packages that the functions need and of their locked libraries.

    Raises:
        PackageError: a library could not be fetched for Lambda's platform.
    """
    with TemporaryDirectory() as temporary:
        libraries = Path(temporary)
        _install(repository / _LOCK, libraries)
        return zipped({**dict(_files(libraries, libraries)), **dict(_package_files(repository))})


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip of files, sorted by name and with one fixed date."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.external_attr = _READABLE
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _package_files(repository: Path) -> Iterator[tuple[str, bytes]]:
    for package in _PACKAGES:
        for name, content in _files(repository / package, repository):
            if not name.startswith("workflows/deployment/"):  # not needed by the functions
                yield name, content


def _files(directory: Path, root: Path) -> Iterator[tuple[str, bytes]]:
    for path in directory.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(root).as_posix(), path.read_bytes()


def _install(lock: Path, target: Path) -> None:
    platform = ["--platform", "manylinux2014_x86_64", "--python-version", RUNTIME.removeprefix("python")]
    done = subprocess.run(  # noqa: S603 — this interpreter, fixed arguments
        [sys.executable, "-m", "pip", "install", *_QUIETLY, *_LOCKED, *platform, "-t", target, "-r", lock],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PackageError(f"The functions' libraries cannot be fetched: {done.stderr.strip().splitlines()[-1]}")
