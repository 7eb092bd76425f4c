"""Packages the functions' code as a zip; the same files always give the same bytes.

Lambda unpacks it into a folder that cannot be written, so that Python would compile every module at every cold
start: the package holds compiled modules, too. Of botocore it holds the descriptions of those services only that
the functions call.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from models.errors import ExpectedError
from workflows.deployment.template.functions import RUNTIME

# What the functions call, by botocore's names.
SERVICES = frozenset({"dynamodb", "events", "sns", "sqs", "stepfunctions"})
LOCK = "requirements-functions.txt"
_REPOSITORY = Path(__file__).parents[2]
_PACKAGES = ("models", "workflows")
# Not needed by the functions: what deploys them, and what describes types to checkers.
_LEFT_OUT = shutil.ignore_patterns("deployment", "console", "drawing", "__pycache__", "*.pyi")
_VERSION = RUNTIME.removeprefix("python")
# Where Lambda unpacks the package, as tracebacks say.
_TASK_ROOT = "/var/task"
# The earliest time that a zip can hold.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16
_QUIETLY = ("--quiet", "--disable-pip-version-check", "--no-compile")
_LOCKED = ("--only-binary=:all:", "--no-deps", "--require-hashes")


class PackageError(ExpectedError):
    """The package could not be made; the message is one line that says why."""


def build_package(report: Callable[[str], None], repository: Path = _REPOSITORY) -> bytes:
    """Return a zip of the packages that the functions need and of their locked libraries.

    Args:
        report: prints a line.
        repository: where the code and the lock are.

    Raises:
        PackageError: a library could not be fetched for Lambda's platform, or a module cannot be compiled.
    """
    with TemporaryDirectory() as temporary:
        root = Path(temporary)
        _install(repository / LOCK, root)
        for package in _PACKAGES:
            shutil.copytree(repository / package, root / package, ignore=_LEFT_OUT)
        prune_services(root / "botocore" / "data")
        if (python := _interpreter()) is None:
            report(f"no {RUNTIME} is here to compile the package: each cold start takes a second more")
        else:
            compile_modules(root, python)
        return zipped({path.relative_to(root).as_posix(): path.read_bytes() for path in _files(root)})


def prune_services(descriptions: Path) -> None:
    """Remove botocore's descriptions of services that no function calls; what belongs to all stays."""
    for service in descriptions.iterdir():
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)


def compile_modules(root: Path, python: str = sys.executable) -> None:
    """Compile all modules below a folder, to bytes that depend on nothing but their sources and Python's version.

    The compiled modules are never compared with their sources, whose times a zip does not keep.

    Raises:
        PackageError: one of them cannot be compiled.
    """
    options = ("-q", "--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", _TASK_ROOT)
    _run([python, "-m", "compileall", *options, str(root)], "The functions cannot be compiled")


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip of files, sorted by name and with one fixed date."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.external_attr = _READABLE
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _interpreter() -> str | None:
    """Return a Python of the functions' version, whose compiled modules are theirs; None if there is none."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if here == _VERSION:
        return sys.executable
    found = shutil.which(RUNTIME)
    return found if found is not None and _is_python(found) else None


def _is_python(program: str) -> bool:
    """Return whether a program is the functions' Python; a version manager's may only say that it is missing."""
    asked = [program, "-c", "import sys; print(sys.version_info[:2])"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 — fixed arguments
    return done.stdout.strip() == str(tuple(map(int, _VERSION.split("."))))


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyi")


def _install(lock: Path, target: Path) -> None:
    platform = ["--platform", "manylinux2014_x86_64", "--python-version", _VERSION]
    _run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            *_QUIETLY,
            *_LOCKED,
            *platform,
            "-t",
            str(target),
            "-r",
            str(lock),
        ],
        "The functions' libraries cannot be fetched",
    )


def _run(command: list[str], failure: str) -> None:
    """Run a program of Python's own.

    Raises:
        PackageError: it has failed.
    """
    # Sets of constants are written in an order that hashes decide.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(  # noqa: S603 — fixed arguments
        command, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise PackageError(f"{failure}: {said[-1] if said else command[0]}")
