"""The far end of a connection that this process made to itself."""

import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol


class End(Protocol):
    """A socket, or what asyncio shows of one."""

    def getsockname(self) -> object:
        """Return its own address."""

    def getpeername(self) -> object:
        """Return the far end's address."""


def sends_at_once(caller: End) -> bool:
    """Tell whether whoever took a call sends what it has, whatever the caller has yet to acknowledge."""
    ends = (caller.getpeername(), caller.getsockname())
    (answer,) = {
        bool(opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        for opened in _sockets()
        if _ends(opened) == ends
    }
    return answer


def _ends(opened: socket.socket) -> tuple[object, object] | None:
    try:
        return opened.getsockname(), opened.getpeername()
    except OSError:  # it is connected to nobody
        return None


def _sockets() -> Iterator[socket.socket]:
    """Yield each socket of this process, whichever library holds it and whatever that shows."""
    for file in Path("/dev/fd").iterdir():
        with suppress(OSError):  # closed meanwhile, as the one that lists them is
            if stat.S_ISSOCK(file.stat().st_mode):
                with socket.fromfd(int(file.name), socket.AF_INET, socket.SOCK_STREAM) as opened:
                    yield opened
