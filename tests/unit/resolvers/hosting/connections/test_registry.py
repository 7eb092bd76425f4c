"""Who may connect, and who is closed for another's sake."""

import asyncio
from typing import cast

import pytest

from resolvers.hosting.connections.limits import ConnectionLimits
from resolvers.hosting.connections.registry import Connection, Connections, Phase


class Clock:
    """Says what a test sets."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


class Transport:
    """Counts what is done to it, and says what it is told to say."""

    def __init__(self) -> None:
        self.waiting = 0
        self.aborted = self.closing = False

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closing or self.aborted

    def get_write_buffer_size(self) -> int:
        return self.waiting


class Speaker:
    """Counts how often its deadline has passed."""

    closes_soon = False

    def __init__(self) -> None:
        self._expired = 0

    def expire(self) -> None:
        self._expired += 1

    def times(self) -> int:
        return self._expired


@pytest.fixture
def clock() -> Clock:
    return Clock()


def made(connections: Connections, address: str | None = "192.0.2.1") -> tuple[Connection, Transport, Speaker]:
    connection = connections.admit(address)
    assert connection is not None
    transport, speaker = Transport(), Speaker()
    connection.made(cast("asyncio.Transport", transport), speaker)
    return connection, transport, speaker


def look(connections: Connections) -> None:
    for connection in list(connections.open):
        connection.check(connections.now())
    for connection in list(connections.unread):
        connection.check_unread(connections.now())


def test_the_longest_silent_goes_first(clock: Clock) -> None:
    connections = Connections(ConnectionLimits(), 4, clock)
    (_, idle, _), (_, silent, _), (_, busy, _) = (made(connections) for _ in range(3))
    first, _, third = connections.open
    first.enter(Phase.IDLE, 75)
    third.enter(Phase.BUSY)
    clock.time = 2
    made(connections)
    made(connections)
    assert (idle.aborted, silent.aborted, busy.aborted) == (False, True, False)


def test_who_has_just_connected_goes_after_the_idle(clock: Clock) -> None:
    connections = Connections(ConnectionLimits(), 4, clock)
    (first, idle, _), (_, fresh, _), (third, _, _), (fourth, _, _) = (made(connections) for _ in range(4))
    first.enter(Phase.IDLE, 75)
    third.enter(Phase.BUSY)
    fourth.enter(Phase.BUSY)
    made(connections)
    assert (idle.aborted, fresh.aborted) == (True, False)


def test_of_the_idle_who_has_just_been_answered_goes_last(clock: Clock) -> None:
    connections = Connections(ConnectionLimits(), 2, clock)
    (first, answered, _), (second, idle, _) = (made(connections) for _ in range(2))
    for connection in (first, second, first):
        connection.enter(Phase.IDLE, 75)  # without being busy in between, if it is answered at once
    made(connections)
    assert (answered.aborted, idle.aborted) == (False, True)


def test_of_a_crowd_of_silent_ones_the_oldest_goes_before_the_idle(clock: Clock) -> None:
    connections = Connections(ConnectionLimits(), 4, clock)
    (first, idle, _), (_, oldest, _), *_ = (made(connections) for _ in range(4))
    first.enter(Phase.IDLE, 75)
    made(connections)
    assert (idle.aborted, oldest.aborted) == (False, True)


def test_nobody_is_let_in_if_all_are_busy(clock: Clock) -> None:
    connections = Connections(ConnectionLimits(), 2, clock)
    for _ in range(2):
        made(connections)[0].enter(Phase.BUSY)
    assert connections.admit("192.0.2.9") is None
    assert len(connections._by_network) == 1


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("not:an:address", "not:an:address", True),
    ],
)
def test_addresses_have_limits_of_their_own(clock: Clock, one: str, other: str, shared: bool) -> None:  # noqa: FBT001 — a parameter of the test
    connections = Connections(ConnectionLimits(by_address=1), 10, clock)
    made(connections, one)[0].enter(Phase.BUSY)
    assert (connections.admit(other) is None) == shared


def test_a_proxy_has_no_limit_and_its_clients_have(clock: Clock) -> None:
    connections = Connections(ConnectionLimits(by_address=1), 10, clock)
    first, second, third = (made(connections, None)[0] for _ in range(3))
    assert first.belongs_to("192.0.2.1")
    assert first.belongs_to("192.0.2.1")
    assert not second.belongs_to("192.0.2.1")
    assert third.belongs_to("192.0.2.2")
    assert first.belongs_to("192.0.2.3")
    assert second.belongs_to("192.0.2.1")
    for connection in (first, second, third):
        connection.lost()
    assert not connections._by_network
    assert not connections._networks
    assert not connections.open
    assert not len(connections.everyone)


def test_a_deadline_is_told_to_who_speaks(clock: Clock) -> None:
    connections = Connections(ConnectionLimits(), 10, clock)
    connection, _, speaker = made(connections)
    clock.time = 9.9
    look(connections)
    assert speaker.times() == 0
    connection.enter(Phase.UNFINISHED, 20)
    clock.time = 29.8
    look(connections)
    assert speaker.times() == 0
    clock.time = 29.9
    look(connections)
    assert speaker.times() == 1


def test_what_is_closing_is_closed_after_a_second(clock: Clock) -> None:
    connections = Connections(ConnectionLimits(), 10, clock)
    connection, transport, speaker = made(connections)
    connection.enter(Phase.BUSY)
    transport.closing = True
    look(connections)
    clock.time = 0.9
    look(connections)
    assert len(connections.everyone) == 1
    clock.time = 1
    look(connections)
    assert transport.aborted
    assert speaker.times() == 0


@pytest.mark.parametrize(("read", "kept"), [(0, False), (100_000, False), (200_000, True)])
def test_a_client_must_read(clock: Clock, read: int, kept: bool) -> None:  # noqa: FBT001 — a parameter of the test
    connections = Connections(ConnectionLimits(), 10, clock)
    connection, transport, _ = made(connections)
    connection.enter(Phase.BUSY)
    transport.waiting = 5_000_000
    connection.stalls()
    clock.time = 20
    transport.waiting -= read
    look(connections)
    assert transport.aborted != kept


def test_a_little_that_waits_must_be_read_whole(clock: Clock) -> None:
    connections = Connections(ConnectionLimits(), 10, clock)
    connection, transport, _ = made(connections)
    connection.enter(Phase.BUSY)
    transport.waiting = 70_000
    connection.stalls()
    clock.time = 20
    transport.waiting = 1
    look(connections)
    assert transport.aborted


def test_what_waits_is_bounded_for_one_and_for_all(clock: Clock) -> None:
    limits = ConnectionLimits(unread_bytes=1000, unread_bytes_total=2500)
    connections = Connections(limits, 10, clock)
    transports = []
    for size in (1001, 900, 800, 950):
        connection, transport, _ = made(connections)
        connection.enter(Phase.BUSY)
        transport.waiting = size
        connection.stalls()
        transports.append(transport)
    loop = asyncio.new_event_loop()
    connections._sweep(loop)
    assert [transport.aborted for transport in transports] == [True, False, False, True]
    connections.end()
    loop.close()


def test_who_does_not_read_does_not_hold_up_the_stop(clock: Clock) -> None:
    connections = Connections(ConnectionLimits(), 10, clock)
    connection, transport, _ = made(connections)
    transport.waiting = 5_000_000
    connection.stalls()
    connections.stop()
    clock.time = 1
    look(connections)
    assert transport.aborted


async def test_a_handshake_is_ended_by_the_stop(clock: Clock) -> None:
    connections = Connections(ConnectionLimits(), 10, clock)
    connection = connections.admit("192.0.2.1")
    assert connection is not None
    connection.handshake = asyncio.create_task(asyncio.sleep(60))
    connections.stop()
    with pytest.raises(asyncio.CancelledError):
        await connection.handshake
