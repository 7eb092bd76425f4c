"""What clients send that no client should: bytes by name, for a server's address and one member's token.

A part of a message that is `RESET` ends the connection at once, as a client that has crashed does; `HALF` closes
the client's side only.
"""

import os
import struct
from collections.abc import Mapping, Sequence

import orjson

from tests.security.measuring import Target
from tests.security.wire import APPSYNC, BINARY, CLOSE, CONTINUATION, PING, TRANSPORT_WS, frame, handshake, request

RESET, HALF = b"\0reset", b"\0half"
TYPENAME = b'{"query": "{ __typename }"}'
INTROSPECTION = b'{"query": "{ __schema { types { name fields { name type { name } } } } }"}'
REALTIME = "/graphql/realtime"
_DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"

Parts = Sequence[bytes]


def inputs(target: Target) -> Mapping[str, Parts]:
    """Return every input, some of which have a valid token."""
    return {**_not_http(), **_odd_http(target), **_odd_bodies(target), **_broken_off(target), **_sockets(target)}


def _get(path: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join([b"GET " + path + b" HTTP/1.1", b"Host: 127.0.0.1", *lines, b"", b""])


def _not_http() -> Mapping[str, Parts]:
    return {
        "HTTP/2": [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100)],
        "TLS": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256))],
        "noise": [bytes((7 * place * place) % 251 for place in range(2_000))],
        "nothing but zeros": [bytes(1_000)],
        "nothing but line ends": [b"\r\n" * 1_000, HALF],
        "HTTP/0.9": [b"GET /\r\n", HALF],
        "HTTP/9": [b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n"],
        "unknown method": [b"STEAL /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"],
        "proxy": [b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n"],
        "SSH": [b"SSH-2.0-OpenSSH_9.6\r\n"],
        "header without value": [b"GET / HTTP/1.1\r\nHost\r\n\r\n"],
        "header with a line end": [b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\n\x1b[31m red\r\n\r\n"],
    }


def _odd_http(target: Target) -> Mapping[str, Parts]:
    post = b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    return {
        "negative length": [post + b"Content-Length: -1\r\n\r\n"],
        "two lengths": [post + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
        "length and chunks": [post + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
        "chunk that is none": [post + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n"],
        "second chunk that is none": [post + b'Transfer-Encoding: chunked\r\n\r\n2\r\n{"\r\nZZ\r\n'],
        "path that is not UTF-8": [_get(b"/%ff%fe%00")],
        "path with raw bytes": [_get(b"/\xff\xfe")],
        "file with a zero": [_get(b"/graphiql/%00")],
        "file with a surrogate": [_get(b"/graphiql/%ed%a0%80")],
        "file with a long name": [_get(b"/graphiql/" + b"a" * 5_000)],
        "file from above": [_get(b"/graphiql/..%2f..%2fserver.py")],
        "query that is not UTF-8": [_get(b"/graphql?query=%ff&operationName=%00&variables=%7B", _token(target))],
        "range that is none": [_get(b"/graphiql/x.js", b"Range: bytes=5-1")],
        "headers that are not ASCII": [_get(b"/graphql", b"Origin: \xff", b"Cookie: \xff;=", b"Accept: \xff")],
        "token that is not ASCII": [_get(b"/graphql", b"Authorization: \xff\xfe")],
        "token of dots": [_get(b"/graphql", b"Authorization: ...")],
        "token of odd JSON": [_get(b"/graphql", b"Authorization: W10.W10.W10")],
        "forged forwarding": [_get(b"/graphql", b"X-Forwarded-For: \xff, evil", b"X-Forwarded-Proto: \xff")],
        "request id with a line": [_get(b"/healthz", b"X-Request-Id: a [error] forged")],
        "preflight": [b"OPTIONS /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: \xff\r\n\r\n"],
        "asterisk": [b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"],
    }


def _token(target: Target) -> bytes:
    return f"Authorization: {target.token('alice')}".encode()


def _odd_bodies(target: Target) -> Mapping[str, Parts]:
    headers = {"Authorization": target.token("alice")}
    bodies = {
        "JSON of 100,000 levels": b"[" * 100_000,
        "variables of 20,000 levels": b'{"query": "{ __typename }", "variables": '
        + b'{"a":' * 20_000
        + b"1"
        + b"}" * 20_001,
        "number without end": b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
        "NaN": b'{"query": "{ __typename }", "variables": {"a": NaN}}',
        "body that is not UTF-8": b'{"query": "\xff"}',
        "UTF-16": TYPENAME.decode().encode("utf-16"),
        "lone surrogate": b'{"query": "{ __typename } # \\ud800"}',
        "document of 900 levels": orjson.dumps({"query": "{a" * 900 + "}" * 900}),
        "list of 900 levels": orjson.dumps({"query": f"{{a(b:{'[' * 900}{']' * 900})}}"}),
        "type of 900 levels": orjson.dumps({"query": f"query($a:{'[' * 900}Int{']' * 900}){{__typename}}"}),
        "query that is a list": b'{"query": ["{ __typename }"]}',
        "a batch": b'[{"query": "{ __typename }"}]',
        "odd extensions": b'{"query": "{ __typename }", "extensions": [1], "documentId": {}}',
        "nothing": b"",
    }
    return {
        **{name: [request(target, body, headers)] for name, body in bodies.items()},
        "form": [request(target, TYPENAME, {**headers, "Content-Type": "multipart/form-data; boundary=x"})],
        "odd character set": [
            request(target, TYPENAME, {**headers, "Content-Type": "application/json; charset=\xff"})
        ],
        "odd idempotency key": [request(target, TYPENAME, {**headers, "Idempotency-Key": "\xff"})],
    }


def _broken_off(target: Target) -> Mapping[str, Parts]:
    asked = request(target, INTROSPECTION, {"Authorization": target.token("admin", "admin")})
    kept = asked.replace(b"Connection: close\r\n", b"")
    return {
        "half a request line": [b"GET /grap", RESET],
        "half the headers": [b"GET /graphql HTTP/1.1\r\nHost: 127", RESET],
        "half a body": [asked[:-20], RESET],
        "half a body, then silence": [asked[:-20], HALF],
        "no waiting for an answer": [asked, RESET],
        "half closed before the answer": [asked, HALF],
        "twenty requests, no waiting": [kept * 20, RESET],
        "half a chunked body": [
            b"POST /graphql HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: 127.0.0.1\r\n\r\n5\r\nab",
            RESET,
        ],
        "half a handshake": [handshake(target)[:90], RESET],
        "a socket, then gone": [handshake(target), RESET],
        "an operation, then gone": [
            *_signed_in(target),
            _subscribe({"query": "{ listUsers { items { id } } }"}),
            RESET,
        ],
        "a subscription, then gone": [
            *_signed_in(target),
            _subscribe({"query": "subscription { onCreateService { id } }"}),
            RESET,
        ],
        "AppSync's socket, then gone": [handshake(target, APPSYNC, REALTIME), RESET],
    }


def _signed_in(target: Target) -> list[bytes]:
    payload = {"Authorization": target.token("alice")}
    return [handshake(target), frame({"type": "connection_init", "payload": payload})]


def _subscribe(payload: object) -> bytes:
    return frame({"type": "subscribe", "id": "1", "payload": payload})


def _sockets(target: Target) -> Mapping[str, Parts]:
    frames: dict[str, bytes] = {
        "frame that is not UTF-8": frame(b"\xff\xfe"),
        "frame of bytes": frame(b"{}", BINARY),
        "frame without a mask": frame(b"{}", masked=False),
        "frame with reserved bits": b"\xc1\x80" + bytes(4),
        "frame of an unknown kind": frame(b"", 3),
        "frame of 2^62 bytes": b"\x81\xff" + struct.pack("!Q", 2**62) + bytes(4),
        "continuation of nothing": frame(b"x", CONTINUATION),
        "text within a text": frame(b"{", fin=False) + frame(b"}"),
        "ping in fragments": frame(b"x", PING, fin=False),
        "ping that is too long": frame(b"x" * 126, PING),
        "close with half a code": frame(b"\x03", CLOSE),
        "close with code 999": frame(struct.pack("!H", 999), CLOSE),
        "noise after the handshake": bytes((3 * place * place) % 251 for place in range(300)),
        "half a JSON": frame(b"{"),
        "a number": frame(b"1"),
        "JSON of 50,000 levels": frame(b"[" * 50_000),
        "message of no type": frame({"id": "1"}),
        "message of an odd type": frame({"type": ["x"]}),
        "start without init": frame({"type": "start", "id": "1"}),
        "subscribe without init": _subscribe({"query": "{ __typename }"}),
        "init with an odd payload": frame({"type": "connection_init", "payload": [1]}),
        "init with a bad token": frame({"type": "connection_init", "payload": {"Authorization": "eyJ.x.y"}}),
    }
    ways = {"": (TRANSPORT_WS, "/graphql"), "AppSync: ": (APPSYNC, REALTIME)}
    after = {
        f"{prefix}{name}": [handshake(target, *way), sent]
        for prefix, way in ways.items()
        for name, sent in frames.items()
    }
    return {**after, **_handshakes(target), **_operations(target)}


def _handshakes(target: Target) -> Mapping[str, Parts]:
    path = f"{REALTIME}?header="
    return {
        "version 12": [handshake(target).replace(b"Version: 13", b"Version: 12")],
        "no key": [handshake(target).replace(b"Sec-WebSocket-Key", b"X-Key")],
        "unknown protocol": [handshake(target, "mqtt")],
        "unknown path": [handshake(target, path="/nothing")],
        "path of HTTP": [handshake(target, path="/healthz")],
        "foreign origin": [handshake(target, TRANSPORT_WS, "/graphql", "Origin: http://[")],
        "odd origin": [handshake(target, TRANSPORT_WS, "/graphql", "Origin: \xff\x7f")],
        "odd extensions of frames": [
            handshake(target, TRANSPORT_WS, "/graphql", f"{_DEFLATE}; server_max_window_bits=99")
        ],
        "compressed noise": [
            handshake(target, TRANSPORT_WS, "/graphql", _DEFLATE),
            b"\xc1\x85" + bytes(4) + b"\xff\xfe\xfd\xfc\xfb",
        ],
        "header that is no base64": [
            handshake(target, f"{APPSYNC}, header-!!!", REALTIME),
            frame({"type": "connection_init"}),
        ],
        "header of 3,000 levels": [
            handshake(target, APPSYNC, path + "W1tb" * 1_000),
            frame({"type": "connection_init"}),
        ],
        "header that is not UTF-8": [
            handshake(target, APPSYNC, path + "%ff%fe"),
            frame({"type": "connection_init"}),
        ],
    }


def _operations(target: Target) -> Mapping[str, Parts]:
    payloads: dict[str, object] = {
        "query that is a number": {"query": 5},
        "syntax error": {"query": "{ a"},
        "unknown operation": {"query": "{ __typename }", "operationName": "x"},
        "variable of another type": {
            "query": "query($l:Int){listUsers(limit:$l){items{id}}}",
            "variables": {"l": "x"},
        },
        "operation with odd extensions": {"query": "{ __typename }", "extensions": [1]},
    }
    return {
        **{f"socket: {name}": [*_signed_in(target), _subscribe(payload)] for name, payload in payloads.items()},
        "socket: surrogate as an id": [
            *_signed_in(target),
            frame(b'{"type": "subscribe", "id": "\\ud800", "payload": {"query": "{ __typename }"}}'),
        ],
        "socket: id of a megabyte": [
            *_signed_in(target),
            frame({"type": "complete", "id": os.urandom(400_000).hex()}),
        ],
    }
