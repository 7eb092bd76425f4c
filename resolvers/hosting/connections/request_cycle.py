"""One request and its answer, which is sent at once if possible, and in one piece if its length is known."""

import asyncio
from collections.abc import Awaitable
from contextvars import copy_context
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, cast

from starlette.types import ASGIApp, Message
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from resolvers.transport.over_http.at_once import DONE, give_body, take_body_back

# The octets that the names of headers (RFC 9110's tokens, in lower case) and their values may have.
_OF_NAMES = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
_OF_VALUES = b"\t" + bytes(octet for octet in range(0x20, 0x100) if octet != 0x7F)  # noqa: PLR2004 — DEL
_DECIDED_BY_UVICORN = frozenset((b"connection", b"transfer-encoding"))
_LENGTH = b"content-length"
_LINE_BREAK = b"\r\n"
_NAME = itemgetter(0)


class RequestCycle(RequestResponseCycle):
    """Uvicorn's state of a request.

    It sends whole answers as uvicorn's `send` would, in a quarter of the time, and leaves to that the answers that
    come in parts or that uvicorn may find fault with.
    """

    _start: Message | None = None  # of an answer, until its body follows

    def answer(self, app: Any, loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[None]]) -> None:
        """Let the app answer a request that is all there: at once, or else in a task.

        Args:
            app: the app.
            loop: makes the task.
            tasks: those of the server, which it waits for when it stops.
        """
        context = copy_context()
        if (answering := context.run(self._begin, app)) is not None:
            task = loop.create_task(self.run_asgi(lambda *_: answering), context=context)
            tasks.add(task)
            task.add_done_callback(partial(_end, tasks, answering))

    def _begin(self, app: ASGIApp) -> Awaitable[None] | None:
        """Let the app begin; return what is left to be awaited, if anything is."""
        scope: Any = self.scope  # Starlette and uvicorn have types of their own
        give_body(scope, bytes(self.body))
        try:
            answering = app(scope, self.receive, self.send)  # type: ignore[arg-type]
        except BaseException as error:  # noqa: BLE001 — `run_asgi` logs whatever it is, and answers 500
            return _raised(error)
        if answering is DONE and (self.response_complete or self.disconnected):
            self.on_response = _nothing  # as `run_asgi` does: it refers to the protocol, which refers to this
            return None
        return answering

    def forget_body(self) -> None:
        """Free the body of an answered request, which would else be kept until the connection's next request."""
        self.body = bytearray()
        take_body_back(cast("Any", self.scope))

    async def send_500_response(self) -> None:
        """Answer that the app has failed, whatever it had begun to answer."""
        self._start = None
        await super().send_500_response()

    def disconnect(self) -> None:
        """Tell the app that nobody waits for its answer."""
        if not self.response_complete:
            self.disconnected = True
        self.message_event.set()

    def send(self, message: Message) -> Awaitable[None]:  # type: ignore[override]  # which is a coroutine
        """Send a part of the answer. Its start is kept until the body comes, and need not be awaited."""
        if self._start is None and self._can_wait(message):
            self._start = message
            return DONE
        is_free = self.disconnected or not self.flow.write_paused
        return DONE if is_free and self._send_whole(message) else self._send_on(message)

    def _can_wait(self, message: Message) -> bool:
        is_start = message["type"] == "http.response.start" and not self.response_started
        return is_start and self.scope["method"] != "HEAD"

    async def _send_on(self, message: Message) -> None:
        """Send a part of the answer once the client has read what was sent before, or has left."""
        if self._start is not None:
            if self.flow.write_paused and not self.disconnected:
                # If the server is stopped meanwhile, the answer's head has to say that the connection ends.
                await self.flow.drain()
            if self._send_whole(message):
                return
        start, self._start = self._start, None
        if start is not None:
            await super().send(start)  # type: ignore[arg-type]
        await super().send(message)  # type: ignore[arg-type]

    def _send_whole(self, message: Message) -> bool:
        """Send the answer if this is all of its body; return whether it was sent, or nobody waits for it."""
        if self._start is None or (whole := self._whole(self._start, message)) is None:
            return False
        self._start = None
        if not self.disconnected:
            self._write(whole)
        return True

    def _whole(self, start: Message, rest: Message) -> bytes | None:
        """Return an answer's bytes; None if uvicorn has to decide how it is sent."""
        if rest["type"] != "http.response.body" or rest.get("more_body"):
            return None
        body = rest.get("body", b"")
        fields = [*self.default_headers, *start.get("headers", ())]
        place = _place_of_length(tuple(map(_NAME, fields)))
        if place is None or fields[place][1] != b"%d" % len(body):
            return None
        if not self.keep_alive:
            fields.append((b"connection", b"close"))
        head = _LINE_BREAK.join(map(b": ".join, fields))
        if head.translate(None, _OF_VALUES) != _LINE_BREAK * (len(fields) - 1):
            return None
        return b"%b%b\r\n\r\n%b" % (STATUS_LINE[start["status"]], head, body)

    def _write(self, whole: bytes) -> None:
        """Send an answer, and let the next request be answered."""
        self.waiting_for_100_continue = False
        self.transport.write(whole)
        self.response_started = self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


@lru_cache(maxsize=256)  # answers have few sets of headers
def _place_of_length(names: tuple[bytes, ...]) -> int | None:
    """Return the place of Content-Length among headers; None if, by their names, uvicorn has to send them."""
    is_plain = (
        _LENGTH in names
        and len(set(names)) == len(names)
        and _DECIDED_BY_UVICORN.isdisjoint(names)
        and not b"".join(names).translate(None, _OF_NAMES)
    )
    return names.index(_LENGTH) if is_plain else None


async def _raised(error: BaseException) -> None:
    try:
        raise error
    finally:
        del error  # which refers to this frame


def _end(tasks: set[asyncio.Task[None]], answering: Awaitable[None], task: asyncio.Task[None]) -> None:
    """Forget a task, and close the coroutine that it has not begun to await if it was cancelled first."""
    tasks.discard(task)
    if asyncio.iscoroutine(answering):
        answering.close()


def _nothing() -> None:
    pass
