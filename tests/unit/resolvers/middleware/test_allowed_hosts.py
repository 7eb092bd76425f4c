"""Which host names are allowed."""

import pytest
from structlog.testing import capture_logs

from resolvers.middleware.allowed_hosts import ADDRESSES, ANY, THIS_MACHINE
from resolvers.security_log import SecurityLogLimits, limit_security_log
from tests.unit.resolvers.middleware.answering import app, ask, gate

LOCAL = (*THIS_MACHINE, ADDRESSES)
OURS = ("api.example.org", "*.apps.example.org")


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        (LOCAL, "localhost"),
        (LOCAL, "localhost:8000"),
        (LOCAL, "LocalHost:8000"),
        (LOCAL, "bank.localhost:8000"),
        (LOCAL, "127.0.0.1:8000"),
        (LOCAL, "[::1]:8000"),
        (LOCAL, "192.168.1.20:8000"),
        (LOCAL, "[fe80::1]:8000"),
        (OURS, "api.example.org"),
        (OURS, "API.example.org:443"),
        (OURS, "one.apps.example.org"),
        ((ANY,), "evil.example"),
    ],
)
async def test_a_host_of_ours_is_allowed(allowed: tuple[str, ...], host: str) -> None:
    status, _, body = await ask(gate(app(), allowed), ("host", host))
    assert (status, body) == (200, b"ours")


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        (LOCAL, "evil.example"),
        (LOCAL, "localhost.evil.example"),
        (LOCAL, "evil.example:8000"),
        (LOCAL, "127.0.0.1.evil.example"),
        (LOCAL, "127.1.evil"),
        (LOCAL, "localhost@evil.example"),
        (LOCAL, "evil.example#localhost"),
        (LOCAL, ""),
        (LOCAL, "[evil]"),
        (LOCAL, "ÿ"),
        (OURS, "example.org"),
        (OURS, "apps.example.org"),
        (OURS, "evilapps.example.org"),
        (OURS, "127.0.0.1"),
        (OURS, "localhost"),
    ],
)
async def test_any_other_host_is_refused_by_name(allowed: tuple[str, ...], host: str) -> None:
    status, headers, body = await ask(gate(app(), allowed), ("host", host))
    assert status == 400
    assert headers["x-amzn-errortype"] == "HostNotAllowed"
    assert b"HOURBANK_ALLOWED_HOSTS" in body


async def test_a_refusal_is_logged_with_the_host() -> None:
    limit_security_log(SecurityLogLimits())
    with capture_logs() as lines:
        await ask(gate(app(), LOCAL), ("host", "Evil.example:8000"))
    assert lines == [{"event": "host refused", "log_level": "info", "host": "evil.example"}]


async def test_a_request_without_a_host_or_with_several_is_refused() -> None:
    tested = gate(app(), LOCAL)
    assert (await ask(tested))[0] == 400
    assert (await ask(tested, ("host", "localhost"), ("host", "evil.example")))[0] == 400


async def test_a_socket_is_refused_too() -> None:
    extensions: dict[str, object] = {"websocket.http.response": {}}
    tested = gate(app(), LOCAL)
    assert (await ask(tested, ("host", "evil.example"), type="websocket", extensions=extensions))[0] == 400
    assert (await ask(tested, ("host", "localhost"), type="websocket"))[0] == 101


async def test_health_checks_come_under_any_name() -> None:
    tested = gate(app(), OURS, exempt=["/healthz"])
    assert (await ask(tested, ("host", "10.0.0.7"), path="/healthz"))[0] == 200
    assert (await ask(tested, ("host", "10.0.0.7"), path="/graphql"))[0] == 400
