"""An id for each request and each socket, in every line of the log and in the answer."""

import os
import re
from collections.abc import Iterator

from starlette.types import Scope

from models.correlation import correlate, correlated_facts
from models.log_lines import REQUEST
from resolvers.middleware.indexed_headers import IndexedHeaders, request_headers
from resolvers.security_log import ADDRESS

# AppSync's name for it, in which clients look for it.
HEADER = "x-amzn-RequestId"
# The keys in lines of the log, beside the request's.
CONNECTION, OPERATION = "connection_id", "operation_id"

# What proxies and load balancers in front of us have named the request, the first before the second.
_REQUEST, _TRACE = "x-request-id", "x-amzn-trace-id"
# No blanks and no control characters, which could forge a line of the log.
_VALID = re.compile(r"[\w.:;=,@+/-]{1,128}", re.ASCII)
_DRAWN = 256  # ids at a time
_OF_UUIDS = re.compile(5 * r"(.{%d})" % (8, 4, 4, 4, 12))  # the groups of their digits


def bind_request(scope: Scope) -> str:
    """Let all lines about a request or a socket have its id, and return that: a proxy's, or else a new one."""
    headers = request_headers(scope)
    given, trace = _given(headers, _REQUEST), _given(headers, _TRACE)
    name = given or trace or next(_new_ids)
    facts = {REQUEST if scope["type"] == "http" else CONNECTION: name}
    if (client := scope.get("client")) is not None:
        facts[ADDRESS] = client[0]
    correlate(name, trace, facts)
    return name


def bind_operation(operation: str) -> None:
    """Give one of a socket's operations a request id of its own, for the lines of the task that runs it.

    Args:
        operation: the client's id, which the lines show, too, unless it is anything but an id.
    """
    name = next(_new_ids)
    shown = {OPERATION: operation} if _VALID.fullmatch(operation) else {}
    correlate(name, facts={**correlated_facts(), REQUEST: name, **shown})


def _given(headers: IndexedHeaders, name: str) -> str | None:
    """Return the last valid value of a header, None if it has none; the nearest proxy has set the last."""
    if name.encode() not in headers.first:
        return None
    return next(filter(_VALID.fullmatch, reversed(headers.getlist(name))), None)


def _random_ids() -> Iterator[str]:
    """Yield random ids in the form of UUIDs, at a fifth of the cost of `uuid4`, which asks the system for each."""
    while True:
        yield from map("-".join, _OF_UUIDS.findall(os.urandom(16 * _DRAWN).hex()))


_new_ids = _random_ids()
