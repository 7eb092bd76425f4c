"""Random messages and frames of both socket protocols, and random bytes for HTTP and its upgrade."""

from random import Random
from typing import Any

import orjson

from tests.security.fuzz.documents import Documents
from tests.security.measuring import Target
from tests.security.wire import APPSYNC, handshake, operation, request
from tests.security.wire import frame as one_frame

_KINDS = (
    "connection_init",
    "ping",
    "pong",
    "subscribe",
    "complete",
    "start",
    "stop",
    "next",
    "error",
    "ka",
    "connection_terminate",
    "",
)
_IDS: tuple[Any, ...] = ("1", "1", "2", "", "x" * 500, None, 5, ["1"], {})
_OPCODES = (1, 1, 1, 1, 0, 2, 8, 9, 10, 3, 15)
_STARTS = (
    b"GET / HTTP/1.1\r\n",
    b"POST /graphql HTTP/1.1\r\n",
    b"PRI * HTTP/2.0\r\n\r\n",
    b"\x16\x03\x01",
    b"\r\n",
)


def message(random: Random, documents: Documents, token: str, protocol: str) -> bytes:
    """Return a client's message, often one that is in order."""
    made = documents.valid("subscription") if random.random() < 0.6 else documents.mutated()
    asked: Any = {"query": made.query, "variables": made.variables}
    if protocol == APPSYNC:
        asked = {
            "data": orjson.dumps(asked).decode(),
            "extensions": {"authorization": {"Authorization": token}},
        }
    usual = "start" if protocol == APPSYNC else "subscribe"
    kind = usual if random.random() < 0.4 else random.choice(_KINDS)
    payload = {"Authorization": token} if kind == "connection_init" else asked
    if random.random() < 0.1:
        payload = random.choice((None, [], "x", 5, {"a": [{}] * 50}))
    sent = orjson.dumps({"type": kind, "id": random.choice(_IDS), "payload": payload})
    return mutated(random, sent) if random.random() < 0.15 else sent


def frame(random: Random, content: bytes) -> bytes:
    """Return a frame, seldom one that is against the protocol."""
    if random.random() < 0.9:
        return one_frame(content)
    masked, fin = random.random() < 0.8, random.random() < 0.8
    made = one_frame(content[: random.choice((0, 5, 200, 5_000))], random.choice(_OPCODES), fin=fin, masked=masked)
    return mutated(random, made) if random.random() < 0.3 else made


def mutated(random: Random, content: bytes) -> bytes:
    """Return bytes with a few of them changed, cut out or repeated."""
    for _ in range(random.randint(1, 5)):
        at = random.randrange(len(content) + 1)
        cut = random.choice((0, 0, 1, 4, 100))
        put = random.choice((b"", random.randbytes(random.choice((1, 2, 8, 300))), content[at : at + 200]))
        content = content[:at] + put + content[at + cut :]
    return content


def raw(random: Random, target: Target, documents: Documents, token: str) -> bytes:
    """Return bytes for a connection: a request or a handshake with changes, or nothing of the kind."""
    if random.random() < 0.2:
        return random.choice(_STARTS) + random.randbytes(random.choice((0, 20, 2_000)))
    if random.random() < 0.4:
        protocol = random.choice(("graphql-transport-ws", APPSYNC, "", "x" * 300))
        return mutated(random, handshake(target, protocol, random.choice(("/graphql", "/graphql/realtime", "/x"))))
    made = documents.valid("query")
    whole = request(target, operation(made.query, made.variables), {"Authorization": token})
    return mutated(random, whole) if random.random() < 0.9 else whole
