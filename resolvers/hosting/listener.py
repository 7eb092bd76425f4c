"""The address that the server listens on, with or without TLS, and uvicorn's settings."""

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette

from models.errors import ExpectedError
from resolvers.hosting.certificate import Certificate
from resolvers.transport.endpoint import BODY_BYTES

_STOP_LIMIT = 5
# Longer than clients and load balancers keep idle connections (60 s), so that they close them first.
_KEEP_ALIVE = 75


class AddressError(ExpectedError):
    """An address cannot be listened on; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Listener:
    """The server's socket, and its certificate if it uses TLS."""

    socket: socket.socket
    certificate: Certificate | None = None

    @property
    def url(self) -> str:
        """Return the URL without a path."""
        host, port = self.socket.getsockname()
        return f"{'https' if self.certificate else 'http'}://{host}:{port}"

    async def serve(self, app: Starlette, on_ready: Callable[[], None]) -> None:
        """Serve until a signal comes; call `on_ready` once the server accepts connections."""
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=BODY_BYTES,
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=_STOP_LIMIT,
            timeout_keep_alive=_KEEP_ALIVE,
            ssl_certfile=self.certificate.server if self.certificate else None,
        )
        await _Server(config, on_ready).serve(sockets=[self.socket])


@contextmanager
def listening(host: str, port: int, certificate: Certificate | None = None) -> Iterator[Listener]:
    """Hold an address for a server that is being put together, so that nobody else takes it meanwhile.

    Raises:
        AddressError: it cannot be had.
    """
    # That it speaks TCP is said, for asyncio asks: else it lets an answer's second part wait until the client has
    # acknowledged the first, which takes 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise AddressError(f"Port {port} is in use; stop what listens there or set PORT.") from None
            raise AddressError(f"{host}:{port} cannot be listened on: {error.strerror}.") from None
        yield Listener(held, certificate)


class _Server(uvicorn.Server):
    """Uvicorn with a callback for when it accepts connections."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()
