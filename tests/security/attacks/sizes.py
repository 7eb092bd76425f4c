"""Request lines, headers and bodies without end."""

from collections.abc import Callable

from tests.security.attacks.catalogue import Attacker, Kind
from tests.security.wire import operation, request

KIND = Kind(4, "sizes of requests")

_MB = 1_000_000
_HOST = b"Host: 127.0.0.1\r\n"


def _post(more: bytes, body: bytes) -> bytes:
    return (
        b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" + more + b"\r\n" + body
    )


INPUTS: dict[str, Callable[[], bytes]] = {
    "a path of 1 MB": lambda: b"GET /" + b"a" * _MB + b" HTTP/1.1\r\n" + _HOST + b"\r\n",
    "a query of 20 MB": lambda: b"GET /graphql?query=" + b"a" * 20 * _MB + b" HTTP/1.1\r\n" + _HOST + b"\r\n",
    "a method of 1 MB": lambda: b"G" * _MB,
    "a version of 1 MB": lambda: b"GET / HTTP/" + b"1" * _MB,
    "a header of 8 MB": lambda: b"GET / HTTP/1.1\r\n" + _HOST + b"Cookie: " + b"a" * 8 * _MB + b"\r\n\r\n",
    "a header's name of 8 MB": lambda: b"GET / HTTP/1.1\r\n" + _HOST + b"X" * 8 * _MB + b": a\r\n\r\n",
    "100,000 headers": lambda: b"GET / HTTP/1.1\r\n" + _HOST + b"a: b\r\n" * 100_000 + b"\r\n",
    "40,000 bytes of headers": lambda: b"GET / HTTP/1.1\r\n" + _HOST + b"a: " + b"b" * 40_000 + b"\r\n\r\n",
    "100,000 hosts": lambda: b"GET / HTTP/1.1\r\n" + _HOST * 100_000 + b"\r\n",
    "folded lines": lambda: b"GET / HTTP/1.1\r\n" + _HOST + b"a: b\r\n" + b" c\r\n" * 100_000 + b"\r\n",
    "a body of 20 MB": lambda: _post(b"Content-Length: 20000000\r\n", b" " * 20 * _MB),
    "a length of a terabyte": lambda: _post(b"Content-Length: 1000000000000\r\n", b" " * 3 * _MB),
    "chunks without end": lambda: _post(b"Transfer-Encoding: chunked\r\n", b"1\r\na\r\n" * 500_000),
    "a chunk's extension of 8 MB": lambda: _post(b"Transfer-Encoding: chunked\r\n", b"1;" + b"a" * 8 * _MB),
    "trailers without end": lambda: _post(b"Transfer-Encoding: chunked\r\n", b"0\r\n" + b"a: b\r\n" * 200_000),
}


@KIND.each(INPUTS)
async def _send(attacker: Attacker, made: Callable[[], bytes]) -> str:
    return await attacker.send(made(), within=12)


@KIND.one("10,000 requests in one go", cpu=1.0)
async def _pipeline(attacker: Attacker) -> str:
    one = request(attacker.target, operation("{ __typename }"), {"Connection": "keep-alive"})
    return await attacker.send(one * 10_000 + b"GET", within=30)
