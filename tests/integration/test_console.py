"""The console in a real browser: a request moves on the picture of its machine while members act."""

import json
from typing import Any

import pytest

from tests.contract import chromium
from tests.integration.conftest import GraphQL, Server
from tests.integration.request_client import Joining, RequestClient, new_client

# What the page shows of the chosen request.
SHOWN = """JSON.stringify({
  current: document.querySelector('.state.current')?.dataset.state,
  until: document.querySelector('.state.current .until')?.textContent,
  done: [...document.querySelectorAll('.state.done')].map((state) => state.dataset.state),
  status: document.querySelector('.now .status')?.textContent,
  hours: document.querySelector('.escrow')?.textContent,
  log: [...document.querySelectorAll('.log li')].map((line) => line.dataset.type),
})"""


@pytest.fixture
async def client(graphql: GraphQL, members: Joining) -> RequestClient:
    return await new_client(graphql, members)


async def shown(tab: chromium.Tab, condition: str) -> dict[str, Any]:
    """Return what the page shows as soon as a condition holds."""
    await tab.until(f"Boolean({condition})")
    found: dict[str, Any] = json.loads(await tab.evaluate(SHOWN))
    return found


def at(state: str) -> str:
    return f"document.querySelector('.state.current')?.dataset.state === '{state}'"


def card(request_id: str) -> str:
    return f"""document.querySelector('.card[data-id="{request_id}"]')"""


def says(words: str) -> str:
    return f"document.querySelector('.escrow')?.textContent.includes('{words}')"


@chromium.needed
async def test_a_request_moves_while_somebody_looks(server: Server, client: RequestClient) -> None:
    async with chromium.open_tab(f"{server.url}/console") as tab:
        await tab.until("document.getElementById('live')?.dataset.state === 'live'")
        await client.ask()
        await tab.until(f"{card(client.id)}?.dataset.status === 'AWAITING_RESPONSE'")
        await tab.evaluate(f"{card(client.id)}.click()")
        waits = await shown(tab, f"{at('WaitForProviderResponse')} && {says('held')}")
        assert waits["until"].startswith("until ")
        assert waits["done"] == ["ResumePoint", "ContinueFrom", "ValidateRequest", "CreateEscrow"]
        assert waits["status"] == "awaiting response"
        assert waits["hours"].startswith("2 h held")
        assert waits["log"][-1] == "Service Request Submitted"

        await client.respond("ACCEPTED")
        accepted = await shown(tab, at("WaitForServiceStart"))
        assert accepted["done"][-2:] == ["ProviderAnswered", "StartServiceExecution"]
        assert "ProcessProviderResponse" not in accepted["done"]

        await client.end("withdrawServiceRequest", by=client.bob)
        ended = await shown(tab, f"!document.querySelector('.state.current') && {says('given back')}")
        assert ended["status"] == "rejected"
        assert {"RefundEscrow", "CompleteWorkflow"} <= set(ended["done"])

        await _look_as(tab, "carol")
        await tab.until("document.body.dataset.shown === 'carol'")
        assert await tab.evaluate(f"{card(client.id)} === null"), "carol has no part in it"
        own = (f"{server.url}/", f"{server.url.replace('http', 'ws')}/", "data:")
        assert [url for url in tab.requests if not url.startswith(own)] == []
        assert tab.complaints == []


async def _look_as(tab: chromium.Tab, name: str) -> None:
    button = f"[...document.querySelectorAll('#callers button')].find((one) => one.textContent === '{name}')"
    await tab.evaluate(f"{button}.click()")
    await tab.until(f"{button}.getAttribute('aria-pressed') === 'true'")
