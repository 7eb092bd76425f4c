"""Sockets: frames before anybody has said who they are, and upgrades that are none."""

from tests.security.attacks.catalogue import Attacker, Kind
from tests.security.wire import (
    APPSYNC,
    BINARY,
    CONTINUATION,
    PING,
    TEXT,
    TRANSPORT_WS,
    frame,
    handshake,
)

FRAMES = Kind(5, "frames before connection_init")
UPGRADES = Kind(6, "upgrades that are refused")

_MB = 1_000_000

_FRAMES: dict[str, bytes] = {
    "200,000 empty continuations": frame(b"{", fin=False) + frame(b"", CONTINUATION, fin=False) * 200_000,
    "200,000 pings": frame(b"", PING) * 200_000,
    "pings of 125 bytes, unread": frame(b"p" * 125, PING) * 100_000,
    "a text in 100,000 frames": frame(b" ", fin=False) + frame(b" ", CONTINUATION, fin=False) * 100_000,
    "a text of 8 MB": frame(b" " * 8 * _MB),
    "200,000 empty texts": frame(b"") * 200_000,
    "a length of 2^62": bytes([0x81, 0xFF]) + (1 << 62).to_bytes(8) + bytes(4),
    "an unmasked text": frame({"type": "connection_init"}, masked=False),
    "reserved bits": bytes([0xF1, 0x80]) + bytes(4),
    "a ping in parts": frame(b"", PING, fin=False),
    "a binary": frame(b"\x00\xff", BINARY),
    "50,000 messages ping": frame({"type": "ping"}) * 50_000,
}


@FRAMES.each(_FRAMES)
async def _send(attacker: Attacker, frames: bytes) -> str:
    return await attacker.upgrade(frames)


@FRAMES.each({f"{name}, AppSync": frames for name, frames in list(_FRAMES.items())[:6]})
async def _send_appsync(attacker: Attacker, frames: bytes) -> str:
    return await attacker.upgrade(frames, APPSYNC)


@FRAMES.each({"nothing": TRANSPORT_WS, "nothing, AppSync": APPSYNC}, slow=True)
async def _say_nothing(attacker: Attacker, protocol: str) -> str:
    return await attacker.upgrade(b"", protocol, within=20)


@FRAMES.each(
    {"half a frame": frame(b"a" * 100, TEXT)[:20], "a text without its end": frame(b"{", fin=False)}, slow=True
)
async def _say_half(attacker: Attacker, frames: bytes) -> str:
    return await attacker.upgrade(frames, within=20)


_BODY = "Content-Length: 10"
_UPGRADES: dict[str, tuple[str, ...]] = {
    "a header of 9 KB": ("X-Long: " + "a" * 9_000,),
    "a header of 1 MB": ("X-Long: " + "a" * _MB,),
    "a body": (_BODY,),
    "chunks": ("Transfer-Encoding: chunked",),
    "200 headers": tuple(f"X-{number}: a" for number in range(200)),
    "10,000 headers": tuple(f"X-{number}: a" for number in range(10_000)),
    "two keys": ("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",),
    "another version": ("Sec-WebSocket-Version: 99",),
    "a length that is none": ("Content-Length: many",),
    "10,000 protocols": ("Sec-WebSocket-Protocol: " + ", ".join(["a"] * 10_000),),
    "extensions without end": ("Sec-WebSocket-Extensions: " + "permessage-deflate, " * 400,),
}


@UPGRADES.each(_UPGRADES, slow=True)
async def _upgrade(attacker: Attacker, lines: tuple[str, ...]) -> str:
    return await attacker.send(handshake(attacker.target, TRANSPORT_WS, "/graphql", *lines), within=22)


@UPGRADES.each(
    {
        "a key that is none": (b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Key: !"),
        "no key": (b"Sec-WebSocket-Key: ", b"X-Key: "),
        "HTTP/1.0": (b"HTTP/1.1", b"HTTP/1.0"),
        "POST": (b"GET /", b"POST /"),
        "another path": (b"/graphql ", b"/elsewhere "),
        "no protocol that we speak": (b"graphql-transport-ws", b"soap"),
    },
    slow=True,
)
async def _upgrade_changed(attacker: Attacker, changed: tuple[bytes, bytes]) -> str:
    return await attacker.send(handshake(attacker.target).replace(*changed, 1), within=22)
