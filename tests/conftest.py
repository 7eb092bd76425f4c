"""Command-line options of the tests: long or short, and on which engine."""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from botocore.loaders import JSONFileLoader
from httpx._transports import default
from hypothesis import settings

if TYPE_CHECKING:
    from models.storage.names import Names

# An example may take as long as the machine needs: a loaded one is no reason to fail.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_configure() -> None:
    """Let libraries read once what they would read again for each client: tests make many clients."""
    _read_services_once()
    _read_authorities_once()


def _read_authorities_once() -> None:
    """Let clients of httpx share the certificate authorities that they trust by default."""
    made: Any = vars(default)["create_ssl_context"]
    trusting = cache(made)

    def once(verify: Any = True, cert: Any = None, trust_env: bool = True) -> Any:  # noqa: FBT001, FBT002 — httpx's
        return trusting() if verify is True and cert is None and trust_env else made(verify, cert, trust_env)

    setattr(default, "create_ssl_context", once)  # noqa: B010 — mypy has functions fixed


def _read_services_once() -> None:
    """Let botocore read what it knows of a service once: half the time of making a client."""
    read = JSONFileLoader.load_file

    @cache
    def read_once(path: str) -> Any:
        return read(JSONFileLoader(), path)

    setattr(JSONFileLoader, "load_file", lambda _loader, path: read_once(path))  # noqa: B010 — mypy has methods fixed


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long",
        action="store_true",
        help="all tests; every fault at every call, many storms, a minute of the bank",
    )
    parser.addoption("--seed", type=int, default=20261128, help="of the random input that the server is sent")
    parser.addoption(
        "--engine",
        choices=("ministack", "dynamodb-local"),
        default="ministack",
        help="what the tables of the transactions' own tests and of the bank are kept in",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only the long form runs."""
    if not config.getoption("--long"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of random input."""
    return int(request.config.getoption("--seed"))


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Return whether the long form of the tests runs."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of the engine for the tables."""
    return str(request.config.getoption("--engine"))


@pytest.fixture(scope="module")
def names(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Names"]:
    """Start an engine with our tables only, and lead this process's AWS clients to it."""
    from tests.engines.running import running  # noqa: PLC0415 — most tests need neither engine nor its imports

    with running(engine, tmp_path_factory.mktemp("engine"), "proofs") as names:
        yield names
