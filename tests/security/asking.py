"""One operation over each of the three ways in, and what a server has logged meanwhile."""

import base64
from collections.abc import Mapping
from typing import Any

import orjson

from tests.security.measuring import Target
from tests.security.wire import APPSYNC, frame, signed_in, upgraded

WAYS = ("http", "graphql-transport-ws", "appsync")
_SOON = 10.0
_END = b'"1"'  # the id of the operation, which is in each message about it


async def ask(
    target: Target, way: str, payload: Mapping[str, Any], name: str = "alice", *groups: str
) -> list[dict[str, Any]]:
    """Return the errors of an operation.

    Args:
        target: the server.
        way: one of `WAYS`; over AppSync's protocol it must be a subscription.
        payload: query, variables and so on.
        name: who asks.
        groups: their further groups.
    """
    if way == "http":
        async with target.client(target.token(name, *groups)) as client:
            answer = await client.post("/graphql", json=payload)
        return list(answer.json().get("errors", []))
    if way == "appsync":
        return await _over_appsync(target, payload, target.token(name, *groups))
    async with signed_in(target, name, *groups) as wire:
        await wire.send(frame({"type": "subscribe", "id": "1", "payload": payload}))
        return _errors_in(await wire.until(_END, within=_SOON) + await wire.until(b"}]}", within=0.3))


async def _over_appsync(target: Target, payload: Mapping[str, Any], token: str) -> list[dict[str, Any]]:
    headers = base64.urlsafe_b64encode(orjson.dumps({"host": "x", "Authorization": token})).decode().rstrip("=")
    async with upgraded(target, f"{APPSYNC}, header-{headers}", "/graphql/realtime") as wire:
        await wire.send(frame({"type": "connection_init"}))
        await wire.until(b"connection_ack", within=_SOON)
        authorization = {"Authorization": token}
        start = {"data": orjson.dumps(payload).decode(), "extensions": {"authorization": authorization}}
        await wire.send(frame({"type": "start", "id": "1", "payload": start}))
        return _errors_in(await wire.until(_END, within=_SOON) + await wire.until(b"}]}", within=0.3))


def _errors_in(received: bytes) -> list[dict[str, Any]]:
    """Return the errors in the frames of a socket, from the first message that has any."""
    for start in range(len(received)):
        if received.startswith(b'{"', start):
            message = _decoded(received[start:])
            payload = message.get("payload") if message and message.get("id") == "1" else None
            match payload:
                case list():
                    return payload
                case {"errors": list(errors)}:
                    return errors
    return []


def _decoded(text: bytes) -> dict[str, Any] | None:
    """Return the JSON object at the beginning of bytes, None if there is none."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == ord("{")) - (character == ord("}"))
        if depth == 0:
            try:
                return dict(orjson.loads(text[: place + 1]))
            except orjson.JSONDecodeError:
                return None
    return None


class LogSince:
    """What a server that logs JSON has logged since this was made.

    Args:
        target: the server.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._begun = len(target.log())

    @property
    def text(self) -> str:
        """Return it as it is."""
        return self._target.log()[self._begun :]

    def lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """Return the lines, or those of an event."""
        every = [orjson.loads(line) for line in self.text.splitlines() if line.startswith("{")]
        return [line for line in every if event is None or line["event"] == event]
