"""HttpPolicy that stand open: the local cloud's, the demo's sign-in, and whatever another Host name opens."""

import json

import httpx

from tests.security.attacks.catalogue import Attacker, Kind, UnrefusedError, last_words
from tests.security.wire import connected, exchange

LOCAL = Kind(13, "the local cloud")
HOSTS = Kind(16, "hosts and headers")

_SCAN = {"X-Amz-Target": "DynamoDB_20120810.Scan", "Content-Type": "application/x-amz-json-1.0"}
_FORGED = (
    "AWS4-HMAC-SHA256 Credential={key}/20261128/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, "
)
_EVIL = "evil.example"


@LOCAL.each(
    {
        "unsigned": {},
        "a page from elsewhere": {"Origin": "https://evil.example"},
        "a page from a file": {"Origin": "null"},
        "a rebound name": {"Host": _EVIL},
        "an account's number": {"Authorization": _FORGED.format(key="0" * 12) + "Signature=" + "0" * 64},
        "a guessed key": {"Authorization": _FORGED.format(key="LOCAL") + "Signature=" + "0" * 64},
    }
)
async def _scan(attacker: Attacker, headers: dict[str, str]) -> str:
    return await _ask_cloud(attacker, "POST", "/", {**_SCAN, **headers})


@LOCAL.each(
    {"a reset": ("POST", "/_ministack/reset"), "a function": ("GET", "/_ministack/lambda-code/hourbank-hold")}
)
async def _open(attacker: Attacker, asked: tuple[str, str]) -> str:
    return await _ask_cloud(attacker, *asked, {})


async def _ask_cloud(attacker: Attacker, method: str, path: str, headers: dict[str, str]) -> str:
    file = attacker.target.directory / "cloud.json"
    if not file.exists():
        return "there is none"
    port = json.loads(file.read_text())["port"]
    async with httpx.AsyncClient(trust_env=False) as client:
        body = '{"TableName": "hourbank-User"}'
        answer = await client.request(method, f"http://127.0.0.1:{port}{path}", content=body, headers=headers)
    if answer.status_code != 403 or "access-control-allow-origin" in answer.headers:
        raise UnrefusedError(f"{answer.status_code} {answer.text[:200]}")
    return f"403 {answer.json()['__type']}"


@LOCAL.each(
    {
        "the sign-in by a proxy": "X-Forwarded-For: 198.51.100.7",
        "the sign-in by another name": "X-Forwarded-Host: evil.example",
        "the sign-in by a page": "Sec-Fetch-Site: cross-site",
        "the sign-in by a standard proxy": "Forwarded: for=198.51.100.7",
    }
)
async def _sign_in(attacker: Attacker, line: str) -> str:
    host, port = attacker.target.address
    sent = f"GET /local/token/admin HTTP/1.1\r\nHost: {host}:{port}\r\n{line}\r\nConnection: close\r\n\r\n"
    said = await exchange(attacker.target, sent.encode(), within=5, source=attacker.source)
    if b"token" in said:
        raise UnrefusedError(said[-200:].decode())
    return last_words(said)


@HOSTS.each(
    {
        "another host": ("/", f"Host: {_EVIL}"),
        "another host by a proxy": ("/", f"Host: 127.0.0.1\r\nX-Forwarded-Host: {_EVIL}"),
        "an absolute address": (f"http://{_EVIL}/", f"Host: {_EVIL}"),
        "a host with a name before it": ("/", f"Host: 127.0.0.1@{_EVIL}"),
        "two slashes": (f"//{_EVIL}/graphql/..", "Host: 127.0.0.1"),
        "two hosts": ("/", f"Host: 127.0.0.1\r\nHost: {_EVIL}"),
        "no host": ("/", "X: y"),
    }
)
async def _redirect(attacker: Attacker, asked: tuple[str, str]) -> str:
    path, lines = asked
    async with connected(attacker.target, source=attacker.source) as wire:
        await wire.send(f"GET {path} HTTP/1.1\r\n{lines}\r\nConnection: close\r\n\r\n".encode())
        said = await wire.rest(within=5)
    if b"location: http" in said.lower() and _EVIL.encode() in said:
        raise UnrefusedError(said[:300].decode())
    return last_words(said)


@HOSTS.each({"a page": "/graphql", "health": "/healthz", "nowhere": "/nowhere"})
async def _headers(attacker: Attacker, path: str) -> str:
    async with attacker.client() as client:
        answer = await client.get(path)
    if answer.headers.get("x-content-type-options") != "nosniff":
        raise UnrefusedError("browsers may guess what kind of content it is")
    if "uvicorn" in answer.headers.get("server", ""):
        raise UnrefusedError("it says what it runs on")
    return f"{answer.status_code} nosniff"
