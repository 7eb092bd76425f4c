"""The clients that apps are built with, unmodified from npm; `clients/` has a script for each."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import timedelta

import pytest

from resolvers.hosting.demo_data import sub_of
from resolvers.identity.issuer import LocalIssuer
from tests.contract.conftest import API_KEY, SecureServer
from tests.contract.node import Node, Script
from tests.integration.conftest import Server, minting

CLIENTS = ("amplify_v6", "amplify_v5/client", "apollo", "graphql_ws", "urql")
# Lifetimes of tokens: long enough to subscribe with; the second is for a busy machine.
LIFETIMES = (timedelta(seconds=8), timedelta(seconds=40))


def as_alice(server: Server) -> dict[str, str]:
    """Return the variables of a script: the server's address, and tokens."""
    token_for = minting(server)
    expired = LocalIssuer(server.directory).mint(sub_of("alice"), "alice", lifetime=timedelta(minutes=-1))
    return {
        # Amplify turns http:// into wss://, too; HTTP:// avoids it.
        "GRAPHQL_URL": f"{server.url}/graphql".replace("http://", "HTTP://"),
        "NODE_EXTRA_CA_CERTS": str(server.authority) if isinstance(server, SecureServer) else "",
        "TOKEN": token_for("alice"),
        "PROVIDER_TOKEN": token_for("bob"),
        "EXPIRED_TOKEN": expired,
        "API_KEY": API_KEY,
    }


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("transport", ["plain", pytest.param("secure", marks=pytest.mark.long)])
def test_the_story(request: pytest.FixtureRequest, node: Node, transport: str, client: str) -> None:
    server: Server = request.getfixturevalue(transport)
    node.run("run.mjs", f"./{client}.mjs", variables=as_alice(server))


@pytest.mark.parametrize("case", ["pushed", "expired", "unknownKey", "hundred"])
def test_amplify_v6(node: Node, plain: Server, case: str) -> None:
    node.run("amplify_v6_cases.mjs", case, variables=as_alice(plain))


def test_amplify_v6_with_a_key(node: Node, secure: SecureServer) -> None:
    node.run("amplify_v6_cases.mjs", "listedKey", variables=as_alice(secure))


@contextmanager
def waiting(node: Node, server: Server, clients: Iterable[str], play: str) -> Iterator[list[Script]]:
    """Start a script's part with each client; continue when each has asked for what must happen next."""
    with ExitStack() as stack:
        variables = as_alice(server)
        scripts = [
            stack.enter_context(node.started("run.mjs", f"./{client}.mjs", play, variables=variables))
            for client in clients
        ]
        for script in scripts:
            script.await_question()
        yield scripts


def test_every_client_comes_back_when_the_server_does(node: Node, secure: SecureServer) -> None:
    with waiting(node, secure, CLIENTS, "restart") as scripts:
        assert secure.end() == 0
        secure.start()
        for script in scripts:
            script.answer("restarted")
        for script in scripts:
            script.finish()


@pytest.mark.long
def test_every_client_goes_on_with_a_new_token(node: Node, plain: Server) -> None:
    clients = [client for client in CLIENTS if client != "amplify_v5/client"]  # it cannot ask for a new token
    issuer = LocalIssuer(plain.directory)
    for lifetime in LIFETIMES:
        with suppress(AssertionError) if lifetime is not LIFETIMES[-1] else nullcontext():
            with waiting(node, plain, clients, "expiry") as scripts:
                for script in scripts:
                    script.answer(issuer.mint(sub_of("alice"), "alice", lifetime=lifetime))
                for script in scripts:
                    script.finish()
            return
