"""What logs say of a request: lines that name it, and those of the operations that led to them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from models.errors import ExpectedError
from models.settings import Settings
from models.storage.calls import BlockingCalls, drive
from tests.unit.builders import REQUEST_ID, make_request
from workflows.console.trace.logs import lines_in, lines_on_aws

AT = "2026-11-30T00:47:11.545411Z"
LINES: list[dict[str, Any]] = [
    {
        "event": "operation",
        "fields": ["createServiceRequest"],
        "outcome": "done",
        "ms": 40.0,
        "correlation_id": "a",
    },
    {
        "event": "function",
        "function": "hourbank-createEscrow",
        "service_request_id": REQUEST_ID,
        "outcome": "done",
        "ms": 12.5,
        "aws_calls": 3,
        "correlation_id": "a",
    },
    {"event": "function", "service_request_id": "another", "correlation_id": "a"},
    {"event": "operation", "correlation_id": "b"},
    {"event": "could not put off a request", "service_request_id": REQUEST_ID},
]
NOISE = ["", "not JSON", "{", "[]", "{}", '{"event": 1, "timestamp": "x"}', "{" + "x" * 200_000]


def written(*lines: Any) -> str:
    return "\n".join([*NOISE, *(json.dumps({"timestamp": AT, **line}) for line in lines)])


def test_the_lines_of_a_request_are_found_with_the_operation_that_led_to_them(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    file.write_text(written(*LINES))
    operation, function, other = lines_in(file, make_request())
    assert operation.says == "operation createServiceRequest outcome=done"
    assert function.says == "function hourbank-createEscrow outcome=done aws_calls=3"
    assert function.took == timedelta(milliseconds=12.5)
    assert (other.at - function.at, other.took) == (timedelta(milliseconds=12.5), None)
    assert (function.correlation_id, other.correlation_id) == ("a", None)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExpectedError, match=r"missing\.log cannot be read: No such file"):
        lines_in(tmp_path / "missing.log", make_request())


class CloudWatch(BlockingCalls):
    """CloudWatch Logs that answers in pages of one line.

    Args:
        code: with which it refuses; None to answer.
    """

    def __init__(self, code: str | None = None) -> None:
        self._code = code
        self.calls = 0

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Answer as CloudWatch would."""
        assert (service, operation) == ("logs", "filter_log_events")
        assert params["filterPattern"] == f'"{REQUEST_ID}"'
        if self._code is not None:
            raise ClientError({"Error": {"Code": self._code}}, operation)
        self.calls += 1
        start = int(params.get("nextToken", 0))
        message = json.dumps({"timestamp": AT, **LINES[start % len(LINES)]})
        return {"events": [{"message": message}], "nextToken": str(start + 1)}


def test_cloudwatch_is_read_up_to_a_bound() -> None:
    calls = CloudWatch()
    assert len(drive(lines_on_aws(calls, Settings().names, make_request()))) == 3
    assert calls.calls == 5


def test_where_functions_have_no_log_there_are_no_lines() -> None:
    calls = CloudWatch("ResourceNotFoundException")
    assert drive(lines_on_aws(calls, Settings().names, make_request())) == []
    with pytest.raises(ClientError):
        drive(lines_on_aws(CloudWatch("AccessDeniedException"), Settings().names, make_request()))
