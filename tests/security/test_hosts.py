"""A server answers under its own names only, and sends nobody to another one."""

from collections.abc import Iterator

import pytest

from tests.integration.conftest import Server
from tests.security.measuring import Target, measuring, serving
from tests.security.wire import APPSYNC, TRANSPORT_WS, exchange, handshake

FOREIGN = (
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.example",
    "127.0.0.1.evil.example:{port}",
    "evil.example#127.0.0.1",
    "127.0.0.1@evil.example",
    "xn--lcalhost-n4a",
    "localhost%00.evil.example",
    "\xff",
    "",
)
OWN = ("127.0.0.1:{port}", "localhost", "LOCALHOST:{port}", "app.localhost:{port}", "[::1]:{port}", "192.168.1.7")
PATHS = ("/", "/graphql", "/graphql/", "/local/token/alice", "/.well-known/jwks.json", "/nothing")


@pytest.fixture(scope="module")
def local(home: Server) -> Target:
    """Return the server that runs the local cloud, which is a local one."""
    assert home.process
    return Target(home.url, home.process.pid, home.directory, home.log_file)


@pytest.fixture(scope="module")
def named_server(home: Server) -> Iterator[Target]:
    """Yield a server on AWS that has a name."""
    with serving(home, HOURBANK_ALLOWED_HOSTS="api.example.org, *.apps.example.org") as target:
        yield target


def get(target: Target, path: str, host: str, *lines: str) -> bytes:
    """Return a request for a path, under a host's name."""
    named = f"Host: {host.format(port=target.address[1])}"
    head = "\r\n".join([f"GET {path} HTTP/1.1", named, "Accept: text/html", "Connection: close", *lines])
    return f"{head}\r\n\r\n".encode("latin-1")


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_local_server_refuses_foreign_names(local: Target, host: str) -> None:
    async with measuring(local) as cost:
        for path in PATHS:
            answer = await exchange(local, get(local, path, host))
            assert answer.startswith(b"HTTP/1.1 400"), answer
            assert b"HostNotAllowed" in answer
            assert b"HOURBANK_ALLOWED_HOSTS" in answer
            assert b"eyJ" not in answer
    cost.check()


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize(("protocol", "path"), [(TRANSPORT_WS, "/graphql"), (APPSYNC, "/graphql/realtime")])
async def test_a_local_server_opens_no_socket_under_foreign_names(
    local: Target, protocol: str, path: str, host: str
) -> None:
    ours = "Host: {}:{}".format(*local.address).encode()
    named = f"Host: {host.format(port=local.address[1])}".encode("latin-1")
    async with measuring(local) as cost:
        answer = await exchange(local, handshake(local, protocol, path).replace(ours, named))
    assert answer.startswith(b"HTTP/1.1 400"), answer
    assert b"HostNotAllowed" in answer
    cost.check()


@pytest.mark.parametrize("host", OWN)
async def test_a_local_server_answers_under_its_own_names(local: Target, host: str) -> None:
    assert (await exchange(local, get(local, "/graphql", host))).startswith(b"HTTP/1.1 200")


async def test_two_hosts_are_refused(local: Target) -> None:
    answer = await exchange(local, get(local, "/graphql", "localhost", "Host: evil.example"))
    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("api.example.org", b"404"),
        ("API.EXAMPLE.ORG:443", b"404"),
        ("shop.apps.example.org", b"404"),
        ("apps.example.org", b"400"),
        ("evilapi.example.org", b"400"),
        ("localhost", b"400"),
        ("10.0.0.7", b"400"),
        ("api.example.org.evil.example", b"400"),
    ],
)
async def test_a_setting_names_the_hosts(named_server: Target, host: str, status: bytes) -> None:
    answer = await exchange(named_server, get(named_server, "/graphql", host))
    assert answer.startswith(b"HTTP/1.1 " + status), answer


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("host", ["10.0.0.7", "anything.example", "", "\xff"])
async def test_health_is_told_under_any_name(named_server: Target, path: str, host: str) -> None:
    answer = await exchange(named_server, get(named_server, path, host))
    assert answer.startswith(b"HTTP/1.1 200"), answer


@pytest.mark.parametrize("host", ["evil.example", "evil.example:443", "evil.example/x?", "\\evil", "[::1"])
@pytest.mark.parametrize("path", ["/", "/graphql/", "/?next=https://evil.example", "//evil.example", "/graphiql"])
async def test_a_redirect_leads_to_ourselves(measured_server: Target, path: str, host: str) -> None:
    answer = await exchange(measured_server, get(measured_server, path, host))
    head = answer.partition(b"\r\n\r\n")[0].lower()
    locations = [line for line in head.split(b"\r\n") if line.startswith(b"location:")]
    assert locations in ([], [b"location: /graphql"]), answer
    assert answer.startswith((b"HTTP/1.1 307", b"HTTP/1.1 404")), answer
