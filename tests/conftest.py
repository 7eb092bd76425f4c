"""How far the tests go, and on which engine: what the command line says."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from models.storage.names import Names


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="every fault at every call, many storms, a minute of the bank"
    )
    parser.addoption(
        "--engine",
        choices=("ministack", "dynamodb-local"),
        default="ministack",
        help="what the tables of the transactions' own tests and of the bank are kept in",
    )


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Tell whether to go all the way."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of the engine that the tables are kept in."""
    return str(request.config.getoption("--engine"))


@pytest.fixture(scope="module")
def names(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Names"]:
    """Start an engine with our tables and nothing else, and lead this process's AWS clients to it."""
    from tests.engines.running import running  # noqa: PLC0415 — most tests need none, and no such imports

    with running(engine, tmp_path_factory.mktemp("engine"), "proofs") as names:
        yield names
