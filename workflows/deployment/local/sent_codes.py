"""Codes that the local user pool would send by e-mail or SMS, on their way from the cloud's process to a person.

The cloud says each in its log, and the server, who started the cloud or adopted it, repeats it on the terminal.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_PREFIX = "Code for "
_POLL_SECONDS = 0.2
_LONGEST_LINE = 1000


def announce(address: str, code: str) -> None:
    """Say in this process's log which code was sent to an address."""
    print(f"{_PREFIX}{address}: {code}", flush=True)  # noqa: T201 — the cloud's output is its log


@contextmanager
def repeated(log: Path, show: Callable[[str], None]) -> Iterator[None]:
    """Repeat each code that the cloud announces from now on.

    Args:
        log: the cloud's.
        show: shows a line such as `Code for dora@example.org: 123456`; called in a thread.
    """
    over = threading.Event()
    with log.open("rb") as lines:
        lines.seek(0, 2)
        thread = threading.Thread(target=_follow, args=(lines, show, over), name="sent-codes", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _follow(lines: BinaryIO, show: Callable[[str], None], over: threading.Event) -> None:
    begun = b""  # of a line whose end is not written yet
    while not over.wait(_POLL_SECONDS):
        while part := lines.readline(_LONGEST_LINE):
            begun += part
            if part.endswith(b"\n") or len(begun) >= _LONGEST_LINE:
                line, begun = begun.decode(errors="replace").rstrip(), b""
                if line.startswith(_PREFIX):
                    show(line)
