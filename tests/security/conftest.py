"""A real cloud for these tests, and the server's API over it, in this process."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from models.settings import Settings
from tests.integration.conftest import Cloud, Server
from tests.security.backends import CloudBackend, MemoryBackend
from workflows.deployment.local.local_cloud import LocalCloud


@pytest.fixture(scope="package")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    running = Server(tmp_path_factory.mktemp("hourbank"))
    running.start()
    attached = LocalCloud(running.directory, Settings())
    attached.attach()
    yield Cloud(attached.endpoint)
    running.stop()


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
