"""The page of `docs/angular.md`, as `ng serve` would serve it, in a real browser: a request, and its progress."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from resolvers.hosting.demo_data import sub_of
from tests.contract import chromium
from tests.contract.node import Node
from tests.integration.conftest import GraphQL, Server, asking, minting
from tests.integration.request_client import CREATE_SERVICE, RESPOND

NG_SERVE = "localhost:4200"


class Files(SimpleHTTPRequestHandler):
    """Serves a folder's files at once, without logging."""

    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def page(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Build the page and serve it; yield the port."""
    folder = tmp_path_factory.mktemp("angular")
    node.run("angular/build.mjs", str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=folder)) as files:
        serving = threading.Thread(target=files.serve_forever)
        serving.start()
        yield files.server_port
        files.shutdown()
        serving.join()


@chromium.needed
@pytest.mark.parametrize("client", ["amplify", "apollo"])
async def test_the_page_asks_and_its_bar_moves(page: int, plain: Server, client: str) -> None:
    token_for = minting(plain)
    async with asking(plain) as graphql:
        create_input = await new_create_input(graphql, token_for("bob"))
        account = {"graphql": f"HTTP://127.0.0.1:{plain.port}/graphql", "token": token_for("alice")}
        address = (
            f"http://{NG_SERVE}/#{quote(json.dumps({**account, 'client': client, 'createInput': create_input}))}"
        )
        async with chromium.open_tab(address, f"--host-resolver-rules=MAP {NG_SERVE} 127.0.0.1:{page}") as tab:
            await tab.until("document.querySelector('button')")
            await tab.evaluate("document.querySelector('button').click()")
            await tab.until(f"({CURRENT}) === 'Waiting for the provider'")
            before = await tab.evaluate("document.querySelector('progress').value")
            answer = {"requestId": create_input["id"], "response": "ACCEPTED"}
            await graphql(token_for("bob"), RESPOND, {"input": answer})
            await tab.until(f"document.querySelector('progress').value > {before}")
            assert tab.complaints == []


CURRENT = "document.querySelector('li.CURRENT')?.firstChild.data.trim()"


async def new_create_input(graphql: GraphQL, provider_token: str) -> dict[str, Any]:
    """Let bob offer a service, and return the input of alice's request for it."""
    bob = sub_of("bob")
    offer = {"userId": bob, "title": "Garden help", "description": "Weeding.", "category": "garden"}
    price = {"hourlyRate": 1, "isActive": True, "tags": []}
    service = await graphql(provider_token, CREATE_SERVICE, {"input": {**offer, **price}})
    return {
        "id": str(uuid4()),
        "serviceId": service["createService"]["id"],
        "requesterId": sub_of("alice"),
        "providerId": bob,
        "status": "INITIATED",
        "estimatedHours": 1,
        "negotiationRound": 0,
    }
