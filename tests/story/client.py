"""A member's client: GraphQL over HTTP, and subscriptions over AppSync's protocol, which acknowledges them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx
import websockets


class RefusedError(Exception):
    """The server answered with errors; the first one's type and message."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(f"{errors[0].get('errorType')}: {errors[0].get('message')}")
        self.type = errors[0].get("errorType")
        self.errors = errors


class Client:
    """One member's connection to a server.

    Args:
        base_url: the server, such as `http://127.0.0.1:8000`.
        token: the member's access token.
        http: a shared HTTP client.
    """

    def __init__(self, base_url: str, token: str, http: httpx.AsyncClient) -> None:
        self._url = f"{base_url}/graphql"
        self._token = token
        self._http = http
        self._ids = count(1)

    def at(self, base_url: str) -> "Client":
        """Return the same member's connection to another server."""
        return Client(base_url, self._token, self._http)

    async def ask(self, query: str, **variables: Any) -> Any:
        """Run a query or mutation of one root field and return that field.

        Raises:
            RefusedError: the answer has errors.
        """
        response = await self._http.post(
            self._url,
            json={"query": query, "variables": variables},
            headers={"authorization": self._token},
        )
        answer = response.json()
        if errors := answer.get("errors"):
            raise RefusedError(errors)
        return next(iter(answer["data"].values()))

    @asynccontextmanager
    async def watch(self, query: str, **variables: Any) -> AsyncIterator[asyncio.Queue[Any]]:
        """Subscribe, and once the server listens put every event's root field on a queue.

        Raises:
            RefusedError: the subscription is refused.
        """
        events: asyncio.Queue[Any] = asyncio.Queue(maxsize=1_000)
        url = f"{self._url.replace('http', 'ws', 1)}/realtime"
        signed = {"Authorization": self._token}
        async with websockets.connect(url, subprotocols=["graphql-ws"], additional_headers=signed) as socket:  # type: ignore[list-item]  # a plain name will do
            await socket.send(json.dumps({"type": "connection_init"}))
            data = json.dumps({"query": query, "variables": variables})
            payload = {"data": data, "extensions": {"authorization": signed}}
            await socket.send(json.dumps({"id": str(next(self._ids)), "type": "start", "payload": payload}))
            while (answer := json.loads(await socket.recv()))["type"] != "start_ack":
                if answer["type"].endswith("error"):
                    raise RefusedError(answer["payload"]["errors"])
            reading = asyncio.create_task(_read(socket, events))
            try:
                yield events
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)


async def _read(socket: websockets.ClientConnection, events: asyncio.Queue[Any]) -> None:
    async for message in socket:
        frame = json.loads(message)
        if frame["type"] == "data":
            await events.put(next(iter(frame["payload"]["data"].values())))
        elif frame["type"] in ("error", "complete"):
            await events.put(frame)
            return
