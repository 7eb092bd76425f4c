"""What logs say of a request: CloudWatch's of the functions, and files that a server has written as JSON."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from models.errors import ExpectedError
from models.log_lines import CORRELATION, SERVICE_REQUEST
from models.requests.request import Request
from models.storage.calls import Calls
from models.storage.names import Names
from workflows.console.trace.spans import Kind, Mark

# CloudWatch's own limit for a page of lines.
_PAGE, _PAGES = 1_000, 5
# Lines are looked for until so long after the request's last move.
_AFTER = timedelta(hours=1)
_LONGEST_LINE = 100_000
# What a line may say beside its event, if it has it.
_FACTS = ("outcome", "error", "aws_calls", "caller")
_NO_GROUP = "ResourceNotFoundException"


async def lines_on_aws(calls: Calls, names: Names, request: Request) -> list[Mark]:
    """Return the lines of the functions' log about a request, up to a bound; none if there is no such log."""
    asked: dict[str, Any] = {
        "logGroupName": f"/aws/lambda/{names.stack}",
        "filterPattern": f'"{request.id}"',
        "startTime": int(request.created_at.timestamp() * 1000),
        "endTime": int((request.updated_at + _AFTER).timestamp() * 1000),
        "limit": _PAGE,
    }
    found: list[str] = []
    for _ in range(_PAGES):
        try:
            answer = await calls.call("logs", "filter_log_events", **asked)
        except ClientError as error:
            if error.response["Error"]["Code"] == _NO_GROUP:
                break
            raise
        found += [event["message"] for event in answer["events"]]
        if (token := answer.get("nextToken")) is None:
            break
        asked["nextToken"] = token
    return list(_about(request, found))


def lines_in(file: Path, request: Request) -> list[Mark]:
    """Return the lines about a request of a log that a server has written with HOURBANK_LOG_FORMAT=json.

    Raises:
        ExpectedError: the file cannot be read.
    """
    try:
        with file.open(errors="replace") as text:
            return list(_about(request, text))
    except OSError as error:
        raise ExpectedError(f"{file} cannot be read: {error.strerror}.") from error


def _about(request: Request, lines: Iterable[str]) -> Iterator[Mark]:
    """Yield the lines about a request: those that name it, and those of the operations that led to them."""
    found = [line for line in map(_parsed, lines) if line is not None]
    led = {line.get(CORRELATION) for line in found if line.get(SERVICE_REQUEST) == request.id} - {None}
    for line in found:
        names_it = line.get(SERVICE_REQUEST) == request.id
        if names_it or (line.get(CORRELATION) in led and SERVICE_REQUEST not in line):
            yield _mark(line)


def _mark(line: Mapping[str, Any]) -> Mark:
    """Return what a line says; those about operations and functions say how long these took, too."""
    took = timedelta(milliseconds=line["ms"]) if isinstance(line.get("ms"), (int, float)) else None
    return Mark(
        at=line["timestamp"] - (took or timedelta()),
        kind=Kind.LINE,
        says=" ".join(_words(line)),
        took=took,
        correlation_id=str(line[CORRELATION]) if CORRELATION in line else None,
    )


def _parsed(text: str) -> dict[str, Any] | None:
    """Return a line of JSON with its time, None if it is none."""
    if not text.startswith("{") or len(text) > _LONGEST_LINE:
        return None
    try:
        line: Any = json.loads(text)
        line["timestamp"] = datetime.fromisoformat(line["timestamp"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return line if isinstance(line, dict) and isinstance(line.get("event"), str) else None


def _words(line: Mapping[str, Any]) -> Iterator[str]:
    yield str(line["event"])
    fields = line.get("fields")
    subject = ", ".join(map(str, fields)) if isinstance(fields, list) else line.get("function")
    if subject:
        yield str(subject)
    for name in _FACTS:
        if (value := line.get(name)) is not None:
            yield f"{name}={value}"
