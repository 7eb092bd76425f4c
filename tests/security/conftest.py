"""A real cloud for these tests, and the server's API over it, in this process."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.integration.conftest import Cloud, Server
from tests.security.backends import CloudBackend, MemoryBackend
from tests.security.measuring import Target, serving


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for an event loop on asyncio's, and in the long form on uvloop's, too."""
    if "loop" in metafunc.fixturenames:
        loops = ["asyncio", "uvloop"] if metafunc.config.getoption("--long") else ["asyncio"]
        metafunc.parametrize("loop", loops, scope="module")


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server with its local cloud and functions, over whose rows others run."""
    running = Server(tmp_path_factory.mktemp("hourbank"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def cloud(home: Server) -> Cloud:
    return Cloud.of(home.directory)


@pytest.fixture(scope="module")
def measured_server(home: Server) -> Iterator[Target]:
    """Yield a server as it is by default, which a module's tests attack; see `measuring`."""
    with serving(home) as target:
        yield target


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def cloud_backend(cloud: Cloud) -> AsyncIterator[CloudBackend]:
    with pytest.MonkeyPatch.context() as patched:
        for name, value in cloud.environment.items():
            patched.setenv(name, value)
        async with CloudBackend.over_aws() as backend:
            yield backend


@pytest.fixture(scope="package")
def backend() -> MemoryBackend:
    return MemoryBackend()
