"""Accepts connections, as long as there is room for them."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from resolvers.hosting.connections.answers import RequestRefusedError
from resolvers.hosting.connections.registry import Connection, Connections

_log = structlog.get_logger(__name__)

# Connections that the system completes before we accept them.
_BACKLOG = 2048
# Accepted in one turn of the event loop: a flood of connections must not push out who connected a few turns ago,
# and whose request has not been read yet.
_AT_ONCE = 8
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE_SECONDS = 0.2
_LOG_SECONDS = 5.0
_FULL = RequestRefusedError(503, "There are too many connections; try again later").answer()

Protocols = Callable[[Connection], asyncio.Protocol]


class Acceptor:
    """Accepts what connects to one address.

    Args:
        listening: the socket that is bound to it.
        connections: the connections that are open.
        protocols: returns what speaks on a connection.
        tls: how connections are encrypted, if they are.
        is_proxy: tells whether an address is that of a proxy, whose connections are those of many clients.
    """

    def __init__(
        self,
        listening: socket.socket,
        connections: Connections,
        protocols: Protocols,
        *,
        tls: ssl.SSLContext | None,
        is_proxy: Callable[[str], bool],
    ) -> None:
        self._listening = listening
        self._connections = connections
        self._protocols = protocols
        self._tls = tls
        self._is_proxy = is_proxy
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._resuming: asyncio.TimerHandle | None = None
        self._refused = 0
        self._logged_at = -_LOG_SECONDS

    def start(self) -> None:
        """Listen."""
        self._listening.setblocking(False)  # noqa: FBT003 — the standard library's
        self._listening.listen(_BACKLOG)
        self._resume()

    def close(self) -> None:
        """Accept who has connected already, and nobody else."""
        if self._resuming is not None:
            self._resuming.cancel()
        self._loop.remove_reader(self._listening.fileno())
        for _ in range(_BACKLOG):
            if not self._accept_one():
                break
        self._listening.close()

    def _resume(self) -> None:
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            if not self._accept_one():
                return

    def _accept_one(self) -> bool:
        """Accept a connection; return whether there was one, and room for it."""
        try:
            accepted, address = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self._warn("the process cannot open another connection", error=error.strerror)
            self._pause()
            return False
        self._admit(accepted, address[0])
        return True

    def _pause(self) -> None:
        """Make room, and try again a little later: what waits to be accepted would wake us all the time."""
        self._connections.relieve()
        if self._loop.remove_reader(self._listening.fileno()):
            self._resuming = self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _admit(self, accepted: socket.socket, address: str) -> None:
        connection = self._connections.admit(None if self._is_proxy(address) else address)
        if connection is None:
            self._turn_away(accepted)
            return
        accepted.setblocking(False)  # noqa: FBT003 — the standard library's
        task = self._loop.create_task(self._serve(accepted, connection))
        connection.handshake = task
        self._tasks.add(task)
        task.add_done_callback(partial(self._served, accepted, connection))

    async def _serve(self, accepted: socket.socket, connection: Connection) -> None:
        seconds = self._connections.limits.handshake_seconds if self._tls else None
        closing = self._connections.limits.close_seconds if self._tls else None
        await self._loop.connect_accepted_socket(
            lambda: self._protocols(connection),
            accepted,
            ssl=self._tls,
            ssl_handshake_timeout=seconds,
            ssl_shutdown_timeout=closing,
        )

    def _served(self, accepted: socket.socket, connection: Connection, task: asyncio.Task[None]) -> None:
        """Forget a connection that did not come about; the task may have been cancelled before its first step."""
        self._tasks.discard(task)
        connection.handshake = None
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error is not None:
            accepted.close()
            connection.lost()
        if error is not None and not isinstance(error, OSError):  # the client has left, or does not speak TLS
            _log.error("a connection could not be opened", exc_info=error)

    def _turn_away(self, accepted: socket.socket) -> None:
        self._refused += 1
        with accepted:
            if self._tls is None:
                accepted.setblocking(False)  # noqa: FBT003 — the standard library's
                with suppress(OSError):
                    accepted.send(_FULL)
        self._warn("connections are turned away", count=self._refused, open=len(self._connections.open))

    def _warn(self, event: str, **facts: object) -> None:
        """Log what may happen thousands of times a second, but not as often."""
        now = self._loop.time()
        if now - self._logged_at >= _LOG_SECONDS:
            self._logged_at = now
            _log.warning(event, **facts)
