"""Who may read the metrics: this machine, or whoever has the token; never who comes through a balancer."""

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from resolvers.hosting.metrics.page import MetricsPage

TOKEN = "a-token-of-thirty-characters-1"  # noqa: S105 — a test's


async def status(
    peer: str, *, token: str | None = None, host: str = "127.0.0.1:8000", **headers: str
) -> tuple[int, str]:
    page = MetricsPage(lambda: b"up 1\n", None if token is None else SecretStr(token))
    transport = httpx.ASGITransport(Starlette(routes=page.routes), client=(peer, 5))
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
        answer = await client.get("/metrics", headers=named)
    return answer.status_code, answer.text


async def test_this_machine_may_read() -> None:
    assert await status("127.0.0.1") == (200, "up 1\n")
    assert await status("::1", host="localhost") == (200, "up 1\n")


@pytest.mark.parametrize("peer", ["10.0.0.7", "192.168.1.2", "203.0.113.9", "nonsense"])
async def test_others_may_not_not_even_from_a_private_network(peer: str) -> None:
    assert (await status(peer))[0] == 404


@pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded", "x_amzn_trace_id", "via"])
async def test_what_a_proxy_of_this_machine_passes_on_is_not_from_this_machine(header: str) -> None:
    assert (await status("127.0.0.1", **{header: "for=203.0.113.9"}))[0] == 404


async def test_a_page_whose_name_was_made_to_lead_here_may_not() -> None:
    assert (await status("127.0.0.1", host="evil.example"))[0] == 404


async def test_with_a_token_it_alone_counts() -> None:
    assert (await status("10.0.0.7", token=TOKEN, authorization=f"Bearer {TOKEN}"))[0] == 200
    assert (await status("127.0.0.1", token=TOKEN))[0] == 404
    assert (await status("127.0.0.1", token=TOKEN, authorization=f"Bearer {TOKEN}x"))[0] == 404
    assert (await status("127.0.0.1", token=TOKEN, authorization="Bearer \xfc"))[0] == 404
