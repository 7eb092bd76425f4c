"""The log says who was refused what and what administrators did, and nobody fills it: no traceback, no flood."""

import asyncio
import re
import socket
import struct
from collections.abc import Iterator

import pytest

from models.settings import Settings
from resolvers.hosting.certificate import local_certificate
from resolvers.hosting.demo_data import sub_of
from resolvers.security_log import SecurityLogLimits
from tests.integration.conftest import Server
from tests.security.asking import LogSince, ask
from tests.security.hostile_bytes import HALF, RESET, Parts, inputs
from tests.security.measuring import Target, measuring, serving
from tests.security.wire import Wire, connected, exchange, frame, request, signed_in, upgraded
from workflows.deployment.local.local_cloud import LocalCloud

WINDOW = 2.0  # seconds
LINES = SecurityLogLimits(seconds=WINDOW)
FAULTS = re.compile(r"Traceback|\"level\": ?\"(error|critical)\"|Exception")
FLOODS = {
    "not HTTP": b"GET / HTTP/9.9\r\n\r\n",
    "not signed in": b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "bad tokens": b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: a.b.c\r\n\r\n",
    "foreign hosts": b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
}


@pytest.fixture(scope="module")
def server(home: Server) -> Iterator[Target]:
    """Yield a server on AWS that has a name and logs JSON."""
    with serving(home, HOURBANK_ALLOWED_HOSTS="127.0.0.1", HOURBANK_LOG_LINES_SECONDS=str(WINDOW)) as target:
        yield target


class TlsServer(Server):
    """A server with a certificate of its own, over the local cloud of another."""

    def __init__(self, home: Server) -> None:
        cloud = LocalCloud(home.directory, Settings())
        cloud.attach()
        super().__init__(home.directory, **cloud.environment)
        self.log_name = f"server-{self.port}.log"
        self.url = f"https://127.0.0.1:{self.port}"
        self.trust.load_verify_locations(local_certificate(home.directory).authority)


async def send(target: Target, parts: Parts) -> None:
    """Send parts one by one, and end the connection as they say."""
    async with connected(target) as wire:
        for part in parts:
            if part == RESET:
                reset(wire)
                return
            if part == HALF:
                wire.writer.write_eof()
            else:
                await wire.send(part)
                await wire.until(b"\r\n\r\n" if part.startswith(b"GET") else b"}", within=0.1)
        await wire.rest(within=0.1)


def reset(wire: Wire) -> None:
    """End a connection as a client that has crashed does."""
    opened: socket.socket = wire.writer.get_extra_info("socket")
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.writer.transport.abort()


async def test_nothing_that_a_client_sends_is_an_error_of_ours(server: Target) -> None:
    found = {}
    for name, parts in inputs(server).items():
        logged = LogSince(server)
        await send(server, parts)
        await asyncio.sleep(0.02)
        if FAULTS.search(logged.text):
            found[name] = logged.text[-2_000:]
    assert found == {}
    assert len(inputs(server)) > 100
    async with server.client() as client:
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("sent", FLOODS.values(), ids=FLOODS)
async def test_a_flood_of_refusals_is_a_few_lines_and_a_number(server: Target, sent: bytes) -> None:
    logged = LogSince(server)
    async with measuring(server) as cost:
        for _ in range(200):
            async with connected(server) as wire:
                await wire.send(sent)
                await wire.until(b"\r\n\r\n", within=5)
    windows = cost.seconds // WINDOW + 2  # the first had begun, and the last may have
    assert len(logged.lines()) <= windows * (LINES.each + 2)
    assert len(logged.text) < windows * 10_000
    cost.check(cpu=200 * 0.005)


async def test_what_was_left_out_is_counted(server: Target) -> None:
    logged = LogSince(server)
    for _ in range(50):
        await exchange(server, FLOODS["foreign hosts"].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    await asyncio.sleep(WINDOW + 0.5)
    counted = sum(line["count"] for line in logged.lines("host refused: further lines left out"))
    assert counted + len(logged.lines("host refused")) >= 50


async def _quiet() -> None:
    """Wait until counting has begun anew."""
    await asyncio.sleep(WINDOW + 0.1)


async def test_a_refused_sign_in_is_logged_without_the_token(server: Target) -> None:
    await _quiet()
    logged = LogSince(server)
    token = server.token("alice")
    forged = f"{token[:-20]}{'A' * 20}"
    async with server.client(forged) as client:
        answer = await client.post("/graphql", json={"query": "{ __typename }"})
    assert answer.status_code == 401
    async with upgraded(server) as wire:
        await wire.send(frame({"type": "connection_init", "payload": {"Authorization": forged}}))
        await wire.until(b"nothing", within=0.3)
    over_http, over_socket = logged.lines("sign-in refused")
    assert over_http["request_id"] == answer.headers["x-amzn-RequestId"]
    assert (over_http["reason"], over_http["cause"]) == ("Invalid token", "InvalidSignatureError")
    assert over_http["address"] == "127.0.0.1"
    assert over_socket["connection_id"]
    assert "eyJ" not in logged.text


async def test_a_refusal_by_a_rule_names_code_field_and_caller(server: Target) -> None:
    logged = LogSince(server)
    for way in ("http", "graphql-transport-ws"):
        text = "of a member, secret"
        errors = await ask(
            server,
            way,
            {"query": f'mutation {{ mine: deleteService(input: {{id: "{text}"}}) {{ id }} }}'},
            "bob",
        )
        assert errors[0]["errorType"] == "Unauthorized", errors
    lines = logged.lines("refused by a rule")
    assert [(line["code"], line["field"], line["sub"]) for line in lines] == [
        ("Unauthorized", "deleteService", sub_of("bob"))
    ] * 2
    assert "secret" not in logged.text
    assert lines[1]["operation_id"] == "1"
    assert lines[1]["connection_id"] != lines[1]["request_id"]


async def test_a_limit_that_was_met_is_named(server: Target) -> None:
    logged = LogSince(server)
    await ask(server, "http", {"query": f"{{ {' '.join(f'a{n}: __typename' for n in range(40))} }}"}, "bob")
    (line,) = logged.lines("limit met")
    assert "at most 30 aliases" in line["limit"]
    assert line["sub"] == sub_of("bob")


async def test_an_administrators_acts_are_logged_with_their_outcome(server: Target) -> None:
    logged = LogSince(server)
    note = "a note that is nobody's business"
    query = f'mutation {{ x: updateReport(input: {{id: "no-such", adminNotes: "{note}"}}) {{ id }} }}'
    variables = "mutation ($input: UpdateReportInput!) { updateReport(input: $input) { id } }"
    await ask(server, "http", {"query": query}, "admin")
    await ask(server, "graphql-transport-ws", {"query": variables, "variables": {"input": {"id": "2"}}}, "admin")
    await ask(server, "http", {"query": "{ listReports { items { id } } }"}, "admin")
    lines = logged.lines("act of an administrator")
    assert [(line["mutation"], line["ids"]) for line in lines] == [
        ("updateReport", ["id=no-such"]),
        ("updateReport", ["id=2"]),
    ]
    assert {line["sub"] for line in lines} == {sub_of("admin")}
    assert all(line["outcome"] != "done" for line in lines)
    assert note not in logged.text


async def test_a_request_id_is_taken_from_a_proxy_and_cannot_forge_a_line(server: Target) -> None:
    logged = LogSince(server)
    forged = "x\x1b[2J [error] forged"
    for given in ("from-the-proxy", forged):
        headers = {"Authorization": "none", "X-Request-Id": given}
        answer = await exchange(server, request(server, b"{}", headers))
        assert (b"x-amzn-requestid: from-the-proxy" in answer.lower()) == (given == "from-the-proxy")
    assert "forged" not in logged.text


async def test_operations_of_one_socket_have_ids_of_their_own(server: Target) -> None:
    await _quiet()
    logged = LogSince(server)
    payload = {"query": "subscription { onCreateMessage { id } }"}
    async with signed_in(server, "somebody-who-never-joined") as wire:
        for operation in ("one", "two", "bad id"):
            await wire.send(frame({"type": "subscribe", "id": operation, "payload": payload}))
            await wire.until(operation.encode(), within=5)
    lines = logged.lines("refused by a rule")
    assert [line.get("operation_id") for line in lines] == ["one", "two", None]
    assert len({line["request_id"] for line in lines}) == 3
    assert len({line["connection_id"] for line in lines}) == 1


@pytest.mark.long
async def test_noise_at_a_tls_port_is_no_error_of_ours(home: Server) -> None:
    server = TlsServer(home)
    server.start("serve", "--aws", "--tls")
    assert server.process
    target = Target(server.url, server.process.pid, server.directory, server.log_file)
    try:
        logged = LogSince(target)
        for sent in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00" + bytes(600), b"\x00" * 100, b""):
            for parts in ([sent], [sent, RESET], [sent, HALF]):
                await send(target, parts)
        await asyncio.sleep(0.3)
        assert not FAULTS.search(logged.text), logged.text
        assert server.is_ready()
    finally:
        server.end()
