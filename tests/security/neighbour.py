"""Another client of an attacked server: polls GET /healthz on a connection that stays open, and prints its waits.

    python -I tests/security/neighbour.py HOST PORT

It is a process of its own and imports next to nothing, so that nothing but the server makes it wait. It prints
"ready" after the first answer, polls until its standard input is closed, and then prints for each poll
`[begun, seconds, status]`, as one JSON list: when it began by the monotonic clock, how long it took, and the
status of the answer, 0 if there was none.
"""

import json
import socket
import sys
import threading
import time

EVERY = 0.02  # seconds
# It comes from an address of its own, so that a limit by address which an attacker meets is not met here.
ADDRESS = "127.0.0.9"
_LONGEST = 60.0


class Neighbour:
    """The client and what it has seen."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._request = f"GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
        self._connection: socket.socket | None = None
        self.polls: list[tuple[float, float, int]] = []

    def poll(self) -> None:
        """Ask once and note the wait; a connection that the server has closed in the meantime is replaced."""
        begun, status = time.monotonic(), 0
        for _ in range(2):
            try:
                status = self._ask()
                break
            except OSError:
                self._connection = None
        self.polls.append((begun, time.monotonic() - begun, status))

    def _ask(self) -> int:
        """Return the status of the answer."""
        if self._connection is None:
            self._connection = socket.create_connection(self._server, _LONGEST, source_address=(ADDRESS, 0))
        self._connection.sendall(self._request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            if not (part := self._connection.recv(65536)):
                raise ConnectionResetError
            answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        )
        while len(body) < length:
            body += self._connection.recv(65536)
        return int(head[9:12])


def _wait_for_end(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def main() -> None:
    """Poll until standard input ends."""
    neighbour, over = Neighbour(sys.argv[1], int(sys.argv[2])), threading.Event()
    neighbour.poll()
    neighbour.polls.clear()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Thread(target=_wait_for_end, args=(over,), daemon=True).start()
    while not over.is_set():
        neighbour.poll()
        time.sleep(EVERY)
    sys.stdout.write(json.dumps(neighbour.polls))


if __name__ == "__main__":
    main()
