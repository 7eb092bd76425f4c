"""Two real servers over the same rows, one with TLS, and what real clients need."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolvers.hosting.certificate import local_certificate
from tests.contract.node import Node
from tests.integration.conftest import Cloud, Server

API_KEY = "da2-the-catalogue-of-the-tests"


class SecureServer(Server):
    """A server with TLS, over the rows of another server's directory."""

    def __init__(self, directory: Path, **settings: str) -> None:
        super().__init__(directory, **settings)
        self.url = f"https://localhost:{self.port}"
        self.authority = local_certificate(directory).authority
        self.trust = ssl.create_default_context(cafile=self.authority)

    def start(self, *arguments: str) -> None:
        """Start it and wait until it is ready."""
        super().start("serve", "--aws", "--tls", *arguments)


@pytest.fixture(scope="session")
def node() -> Node:
    return Node.installed()


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server as `make run` starts it."""
    server = Server(tmp_path_factory.mktemp("clients"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def secure(plain: Server) -> Iterator[SecureServer]:
    """Yield another server, with TLS, that accepts an application's API key."""
    settings = {**Cloud.of(plain.directory).environment, "HOURBANK_API_KEYS": API_KEY}
    server = SecureServer(plain.directory, **settings)
    server.start()
    yield server
    server.stop()
