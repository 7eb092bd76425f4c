"""Every answer tells browsers what they must not do with it, and names its request."""

import asyncio
import re
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest

from resolvers.transport.graphiql import ASSETS_PATH
from schema.graphiql import manifest
from tests.contract import chromium
from tests.integration.conftest import Server
from tests.security.measuring import Target, serving

ASSET = f"{ASSETS_PATH}/{manifest()['entries']['main']}"
JSON = {"content-type": "application/json"}
# Method, path, headers, body, and the status of each kind of answer.
ANSWERS = {
    "answer": ("POST", "/graphql", JSON, b'{"query": "{ __typename }"}', 200),
    "invalid document": ("POST", "/graphql", JSON, b'{"query": "{ nothing }"}', 200),
    "not JSON": ("POST", "/graphql", JSON, b"{", 400),
    "form": ("POST", "/graphql", {"content-type": "text/plain"}, b"{}", 400),
    "encoded": ("POST", "/graphql", {**JSON, "content-encoding": "gzip"}, b"{}", 415),
    "too large": ("POST", "/graphql", JSON, b" " * 1_100_000, 413),
    "not signed in": ("POST", "/graphql", {**JSON, "authorization": "x"}, b"{}", 401),
    "page": ("GET", "/graphql", {"accept": "text/html"}, b"", 200),
    "file": ("GET", ASSET, {}, b"", 200),
    "console": ("GET", "/console", {}, b"", 200),
    "file of the console": ("GET", "/console/assets/main.js", {}, b"", 200),
    "no file of the console": ("GET", "/console/assets/nothing.js", {}, b"", 404),
    "no file": ("GET", f"{ASSETS_PATH}/nothing.js", {}, b"", 404),
    "nothing": ("GET", "/nothing", {}, b"", 404),
    "redirect": ("GET", "/", {}, b"", 307),
    "method": ("DELETE", "/graphql", JSON, b"", 405),
    "alive": ("GET", "/healthz", {}, b"", 200),
    "ready": ("GET", "/readyz", {}, b"", 200),
    "preflight": (
        "OPTIONS",
        "/graphql",
        {"origin": "https://evil.example", "access-control-request-method": "POST"},
        b"",
        400,
    ),
}
# What may be kept, because its name changes with its content, or only after asking.
KEPT = {
    "file": "public, max-age=31536000, immutable",
    "page": "no-cache",
    "console": "no-cache",
    "file of the console": "no-cache",
}


@pytest.fixture(scope="module")
def page_server(home: Server) -> Iterator[Target]:
    """Yield a server on AWS that shows GraphiQL and the console."""
    with serving(home, HOURBANK_GRAPHIQL="true", HOURBANK_CONSOLE="true") as target:
        yield target


async def answer_of(target: Target, kind: str) -> httpx.Response:
    method, path, headers, body, status = ANSWERS[kind]
    async with target.client(target.token("alice")) as client:
        answer = await client.request(method, path, headers=headers, content=body)
    assert answer.status_code == status, answer.text
    return answer


@pytest.mark.parametrize("kind", ANSWERS)
async def test_every_answer_has_the_headers(page_server: Target, kind: str) -> None:
    headers = (await answer_of(page_server, kind)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == KEPT.get(kind, "no-store")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'")
    # The address is not reached by TLS, so nobody is told to use it.
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize("kind", ANSWERS)
async def test_every_answer_names_its_request(page_server: Target, kind: str) -> None:
    first, second = [(await answer_of(page_server, kind)).headers["x-amzn-RequestId"] for _ in range(2)]
    assert UUID(first) != UUID(second)


@pytest.mark.parametrize("header", ["content-type", "x-content-type-options", "x-amzn-requestid", "cache-control"])
@pytest.mark.parametrize("kind", ANSWERS)
async def test_no_header_comes_twice(page_server: Target, kind: str, header: str) -> None:
    assert len((await answer_of(page_server, kind)).headers.get_list(header)) <= 1


async def test_nothing_that_stands_in_the_console_itself_may_run(page_server: Target) -> None:
    answer = await answer_of(page_server, "console")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    scripts = re.findall(r"<script[^>]*>", answer.text)
    assert scripts == ['<script type="module" src="/console/assets/main.js">']
    assert "<style" not in answer.text
    assert not re.search(r"\s(style|on\w+)=", answer.text)
    # Tokens for everybody are a local server's only: here it asks for one.
    assert 'data-callers=""' in answer.text


async def test_who_uses_a_wrong_method_learns_the_right_ones(page_server: Target) -> None:
    assert (await answer_of(page_server, "method")).headers["allow"] == "GET, POST"


async def test_pages_of_other_origins_that_are_allowed_can_read_the_id(home: Server) -> None:
    with serving(home, HOURBANK_ALLOWED_ORIGINS="https://app.example.org") as target:
        async with target.client(target.token("alice")) as client:
            headers = {"origin": "https://app.example.org"}
            answer = await client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert "x-amzn-RequestId" in answer.headers["access-control-expose-headers"]


async def test_behind_a_balancer_a_setting_turns_strict_transport_on(home: Server) -> None:
    with serving(home, HOURBANK_STRICT_TRANSPORT="600") as target:
        async with target.client() as client:
            plain = await client.get("/healthz")
            over_tls = await client.get("/healthz", headers={"x-forwarded-proto": "https"})
    assert "strict-transport-security" not in plain.headers
    assert over_tls.headers["strict-transport-security"] == "max-age=600"


@chromium.needed
async def test_the_page_works_under_them(home: Server) -> None:
    async with chromium.open_tab(f"{home.url}/graphql") as tab:
        await tab.until("document.querySelector('.graphiql-execute-button') && globalThis.__MONACO && 1")
        alice = "[...document.querySelectorAll('.hourbank-member')].find(b => b.textContent === 'alice')"
        await tab.evaluate(f"{alice}.click()")
        await tab.until(f"{alice}.getAttribute('aria-pressed') === 'true'")
        await asyncio.sleep(0.7)  # GraphiQL parses a tab's operation once typing has stopped
        await tab.evaluate("document.querySelector('.graphiql-execute-button').click()")
        response = "__MONACO.editor.getModels().find(m => m.uri.path.includes('response'))?.getValue()"
        assert "availableBalance" in await tab.until(f"(text => text?.includes('{{') && text)({response})")
        # A worker, which has a policy of its own, checks an operation against the schema that the page asked for.
        operation = "__MONACO.editor.getModels().find(m => m.uri.path.includes('operation'))"
        await tab.evaluate(f"{operation}.setValue('{{ nothing }}')")
        # The variables of the operation before are marked as well, sometimes first.
        await tab.until("__MONACO.editor.getModelMarkers({}).some(marker => marker.message.includes('nothing'))")
        assert tab.complaints == []
