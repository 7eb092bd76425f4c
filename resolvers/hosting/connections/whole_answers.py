"""Sends the head of an answer together with the first part of its body: one packet, and one call of the system."""

import asyncio

# uvicorn's, which has to reach the client before the answer begins.
_CONTINUE = b"HTTP/1.1 100 "


class WholeAnswers:
    """What uvicorn needs of a transport, for one answer that has a body.

    Args:
        transport: the connection's.
    """

    __slots__ = ("_head", "_is_begun", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._is_begun = False
        self._head = b""

    def write(self, data: bytes) -> None:
        """Keep the head, which uvicorn writes first, until the body follows."""
        if self._is_begun or data.startswith(_CONTINUE):
            self._transport.write(self._head + data if self._head else data)
            self._head = b""
        else:
            self._is_begun, self._head = True, data

    def close(self) -> None:
        """Send what is kept, and close the connection."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""
        self._transport.close()

    def is_closing(self) -> bool:
        """Return whether the connection is closed, or about to be."""
        return self._transport.is_closing()
