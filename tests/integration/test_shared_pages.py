"""Two servers over one cloud: a page of one continues on the other, because they share a secret."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from models.settings import Settings
from tests.integration.test_shared_rates import two_servers
from workflows.deployment.target import UnreachableError, page_secret

LIST = "query Q($from: String) { listServices(limit: 1, nextToken: $from) { items { id } nextToken } }"


async def page(client: httpx.AsyncClient, member: dict[str, str], token: str | None) -> dict[str, Any]:
    """Return the page that begins at a token."""
    answer = await client.post("/graphql", json={"query": LIST, "variables": {"from": token}}, headers=member)
    found: dict[str, Any] = answer.json()["data"]["listServices"]
    return found


@pytest.mark.usefixtures("aws")
async def test_a_page_of_one_server_continues_on_another(tmp_path: Path) -> None:
    async with two_servers(tmp_path) as servers:
        member, (one, other) = servers.member(), servers.clients
        first = await page(one, member, None)
        continued = await page(other, member, first["nextToken"])
        assert continued["items"] == (await page(one, member, first["nextToken"]))["items"]
        assert continued["items"] != first["items"]


@pytest.mark.usefixtures("aws")
def test_a_deployment_without_its_secret_says_what_to_do() -> None:
    with pytest.raises(UnreachableError, match=r"nowhere/page-secret.*deploy.*HOURBANK_PAGE_SECRET"):
        page_secret(Settings(stack="nowhere"))
