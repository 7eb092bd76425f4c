"""The server's log."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import structlog

from models.log_lines import CORRELATION, REQUEST, SERVICE_REQUEST, begun_lines, json_lines
from resolvers.middleware.allowed_hosts import THIS_MACHINE
from resolvers.security_log import ADDRESS, SecurityEvent, security_event

if TYPE_CHECKING:
    from structlog.typing import Processor


# What libraries log, some with a traceback, whenever a client sends nonsense: the beginning of the line, and why
# the client was refused; None where that is logged already.
_CLIENTS_FAULTS: Mapping[str, str | None] = {
    "Invalid HTTP request": "not HTTP",
    "Unsupported upgrade request": "upgrade to an unknown protocol",
    "Invalid UTF-8 sequence": "a text frame is not UTF-8",
    "Rejected WebSocket connection from origin": "socket from an origin that is not allowed",
    # Uvicorn says so after each refusal of a handshake that has a body.
    "ASGI callable returned without completing handshake": None,
}

# Of a time in ISO 8601: hours, minutes and seconds.
_TIME_OF_DAY = slice(11, 19)
_EVENT_WIDTH = 10


class _ClientsFaults(logging.Filter):
    """Turns libraries' lines about what a client did wrong into lines of the security log, which are limited."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is to be written as it is."""
        for beginning, reason in _CLIENTS_FAULTS.items():
            if str(record.msg).startswith(beginning):
                if reason is not None:
                    security_event(SecurityEvent.CONNECTION_REFUSED, reason=reason)
                return False
        return True


_clients_faults = _ClientsFaults()


def configure_logging(*, as_json: bool = False) -> None:
    """Log to stderr, a line for each event: the server's own from level INFO, and libraries' from WARNING.

    Args:
        as_json: write each line as a JSON object, for programs that collect logs.
    """
    # A plain traceback has no local variables, which would show members' rows.
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        exception_formatter=structlog.dev.plain_traceback,
        pad_event_to=_EVENT_WIDTH,
        sort_keys=False,
    )
    shared = begun_lines()
    rendering: list[Processor] = json_lines() if as_json else [_for_people, _on_one_line, console]
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
    for library in ("uvicorn.error", "strawberry.ws"):
        logging.getLogger(library).addFilter(_clients_faults)
    logging.basicConfig(level=logging.WARNING)
    for handler in logging.getLogger().handlers:
        if type(handler) is logging.StreamHandler:  # a test's own handlers are left alone
            handler.setFormatter(formatter)


def _for_people(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out what only repeats itself on a screen: the day, this machine's address, an id beside itself."""
    line["timestamp"] = line["timestamp"][_TIME_OF_DAY]
    if line.get(REQUEST) == line.get(CORRELATION) or SERVICE_REQUEST in line:
        line.pop(REQUEST, None)
    if line.get(ADDRESS) in THIS_MACHINE:
        del line[ADDRESS]
    if line.get("cold_start") is False:
        del line["cold_start"]
    return line


def _on_one_line(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape what a terminal would obey, in texts that may be a client's; the console escapes line breaks only."""
    for name, value in line.items():
        if isinstance(value, str) and not value.isprintable() and name != "exception":
            line[name] = value.encode("unicode_escape").decode()
    return line
