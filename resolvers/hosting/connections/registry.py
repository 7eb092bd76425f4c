"""Every open connection: who may connect, whose time is up, and who is closed first if there are too many."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

import structlog

from resolvers.addresses import client_network
from resolvers.hosting.connections.limits import ConnectionLimits

_log = structlog.get_logger(__name__)

# How often deadlines are looked at: a timer for each request would cost more than a look at every connection.
_SWEEP_SECONDS = 0.25
# What a client on a slow line may need to send a request once it has connected.
_FRESH_SECONDS = 1.0
# What part of all connections may be silent before they are taken for an attack.
_CROWD = 0.25


class Phase(IntEnum):
    """What a connection is doing, in the order in which they are closed to make room for others."""

    UNFINISHED = 0  # has sent no whole request, or has opened a socket and not proved who it is
    IDLE = 1  # was answered, and may send another request
    BUSY = 2  # its request is being answered, or it is a socket of somebody known


class Speaker(Protocol):
    """What speaks the protocol of a connection."""

    # Whether only a short time is given for what is still unread when the connection closes.
    closes_soon: bool

    def expire(self) -> None:
        """End the connection, whose deadline has passed."""


class Group:
    """Connections that share one limit.

    Args:
        limit: how many there may be.
    """

    __slots__ = ("by_phase", "limit")

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.by_phase: tuple[OrderedDict[Connection, None], ...] = tuple(OrderedDict() for _ in Phase)

    def __len__(self) -> int:
        return sum(map(len, self.by_phase))

    def close_one(self, now: float) -> bool:
        """Close a connection to make room for another; return whether there was one that can be spared."""
        if (spared := self.dispensable(now)) is None:
            return False
        spared.drop()
        return True

    def dispensable(self, now: float) -> "Connection | None":
        """Return which connection to close to make room for another, if any.

        The one that has been silent for longest comes first. If it has only just connected, and few others are
        silent, it is about to send its request; then the one that has been idle for longest comes first.
        """
        silent = next(iter(self.by_phase[Phase.UNFINISHED]), None)
        if silent is not None:
            is_crowd = len(self.by_phase[Phase.UNFINISHED]) > self.limit * _CROWD
            if is_crowd or now - silent.since > _FRESH_SECONDS:
                return silent
        return next(iter(self.by_phase[Phase.IDLE]), silent)


class Connection:
    """One connection, from the accept to its end.

    Args:
        connections: all of them.
        groups: those whose limits it counts for.
        now: the event loop's time.
    """

    __slots__ = ("_connections", "_groups", "_is_closing", "_phase", "_unread", "deadline", "handshake", "limits",
                 "since", "speaker", "transport", "unread_until")  # fmt: skip

    def __init__(self, connections: "Connections", groups: tuple[Group, ...], now: float) -> None:
        self._connections = connections
        self._groups = groups
        self._phase = Phase.UNFINISHED
        self._is_closing = False
        self._unread = 0
        self.limits = connections.limits
        self.since = now
        self.deadline = now + self.limits.header_seconds
        self.unread_until = math.inf
        self.handshake: asyncio.Task[None] | None = None
        self.speaker: Speaker | None = None
        self.transport: asyncio.Transport | None = None
        for group in groups:
            group.by_phase[self._phase][self] = None

    def made(self, transport: asyncio.Transport, speaker: Speaker) -> None:
        """Take what the connection is spoken over, and by."""
        self.transport = transport
        self.speaker = speaker

    def enter(self, phase: Phase, seconds: float = math.inf) -> None:
        """Enter a phase, or begin it anew, which may take so many seconds."""
        now = self._connections.now()
        self.deadline = now + seconds
        if phase is self._phase and phase is not Phase.IDLE:
            return
        self.since = now
        for group in self._groups:
            del group.by_phase[self._phase][self]
            group.by_phase[phase][self] = None
        self._phase = phase

    def belongs_to(self, address: str) -> bool:
        """Count the connection for a client that a proxy names; return whether the client may have one more."""
        if not self._groups:
            return True
        everyone = self._connections.everyone
        group = self._connections.group(address)
        if group in self._groups:
            return True
        if len(group) >= group.limit:
            return False
        for old in self._groups:
            if old is not everyone:
                self._connections.forget(old, self, self._phase)
        group.by_phase[self._phase][self] = None
        self._groups = (everyone, group)
        return True

    def leave(self) -> None:
        """Stop to count, because the connection is closed or about to be."""
        for group in self._groups:
            self._connections.forget(group, self, self._phase)
        self._groups = ()

    def lost(self) -> None:
        """Forget the connection, which is closed."""
        self.leave()
        self._connections.open.pop(self, None)
        self._connections.unread.pop(self, None)
        # Else they would refer to each other, and their memory would be free only after a garbage collection.
        self.transport = self.speaker = None

    def drop(self) -> None:
        """Close the connection at once; what is not sent yet is lost."""
        self.leave()
        if self.transport is not None:
            self.transport.abort()
        elif self.handshake is not None:
            self.handshake.cancel()

    def stalls(self) -> None:
        """Begin to watch whether the client reads."""
        if self.transport is not None:
            self._unread = self.transport.get_write_buffer_size()
            self.unread_until = self._connections.now() + self._connections.write_seconds
            self._connections.unread[self] = None

    def flows(self) -> None:
        """Stop watching, because the client has read."""
        self._connections.unread.pop(self, None)

    def check(self, now: float) -> None:
        """Close the connection if its time is up, and for good if it should be closed already."""
        transport = self.transport
        if transport is not None and transport.is_closing() and not self._is_closing:
            self._is_closing = True
            if self.speaker is not None and not self.speaker.closes_soon and transport.get_write_buffer_size():
                self.deadline = math.inf
                self.stalls()
            else:
                self.deadline = now + self.limits.close_seconds
        elif self.deadline <= now:
            if self._is_closing or self.speaker is None:
                self.drop()
            else:
                self.speaker.expire()

    def check_unread(self, now: float) -> int:
        """Close the connection if its client reads too little; return how many bytes still wait for it."""
        if self.transport is None:
            return 0
        size = self.transport.get_write_buffer_size()
        if size > self.limits.unread_bytes:
            self.drop()
            return 0
        if now >= self.unread_until:
            seconds = self._connections.write_seconds
            if self._unread - size < min(self._unread, self.limits.slowest * seconds):
                self.drop()
                return 0
            self._unread, self.unread_until = size, now + seconds
        return size


class Connections:
    """All open connections of a server.

    Args:
        limits: their limits.
        total: how many there may be; at most as many as the process has room for.
        now: returns the event loop's time.
    """

    def __init__(self, limits: ConnectionLimits, total: int, now: Callable[[], float]) -> None:
        self.limits = limits
        self.now = now
        self.everyone = Group(total)
        self.open: dict[Connection, None] = {}
        self.unread: dict[Connection, None] = {}
        self.write_seconds = limits.write_seconds
        self._by_network: dict[str, Group] = {}
        self._networks: dict[Group, str] = {}
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, address: str | None) -> Connection | None:
        """Return a new connection, for which another may have been closed; None if there are too many.

        Args:
            address: the client's, None if it cannot be told, as behind a proxy.
        """
        now = self.now()
        own = None if address is None else self._by_network.get(client_network(address))
        for group in (own, self.everyone):
            if group is not None and len(group) >= group.limit and not group.close_one(now):
                return None
        groups = (self.everyone,) if address is None else (self.everyone, self.group(address))
        connection = Connection(self, groups, now)
        self.open[connection] = None
        return connection

    def relieve(self) -> None:
        """Close a connection that can be spared, because the process cannot open another."""
        self.everyone.close_one(self.now())

    def group(self, address: str) -> Group:
        """Return the connections from an address."""
        network = client_network(address)
        group = self._by_network.get(network)
        if group is None:
            group = self._by_network[network] = Group(self.limits.by_address)
            self._networks[group] = network
        return group

    def forget(self, group: Group, connection: Connection, phase: Phase) -> None:
        """Take a connection out of a group, and forget the group if it was the last."""
        group.by_phase[phase].pop(connection, None)
        if group is not self.everyone and not len(group) and (network := self._networks.pop(group, None)):
            del self._by_network[network]

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at the deadlines from now on."""
        self._timer = loop.call_later(self._pause(), self._sweep, loop)

    def stop(self) -> None:
        """Let nobody keep a connection open by not reading any more: what still waits is read now or never."""
        self.write_seconds = min(self.write_seconds, self.limits.close_seconds)
        until = self.now() + self.write_seconds
        for connection in list(self.open):
            connection.unread_until = min(connection.unread_until, until)
            if connection.transport is None:
                connection.drop()

    def end(self) -> None:
        """Close what is still open."""
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self.open):
            connection.drop()

    def _pause(self) -> float:
        limits = self.limits
        shortest = min(limits.header_seconds, limits.body_seconds, self.write_seconds, limits.close_seconds)
        return min(_SWEEP_SECONDS, shortest / 4)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self._pause(), self._sweep, loop)
        now = self.now()
        for connection in list(self.open):
            _check_safely(connection, now)
        waiting = {connection: connection.check_unread(now) for connection in list(self.unread)}
        excess = sum(waiting.values()) - self.limits.unread_bytes_total
        for connection, size in sorted(waiting.items(), key=lambda item: item[1], reverse=True):
            if excess <= 0:
                break
            connection.drop()
            excess -= size


def _check_safely(connection: Connection, now: float) -> None:
    """Check a connection; one that cannot be checked must not keep the others from it."""
    try:
        connection.check(now)
    except Exception:  # noqa: BLE001 — whatever failed
        _log.exception("a connection could not be checked")
        connection.drop()
