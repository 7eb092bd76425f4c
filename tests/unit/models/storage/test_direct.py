"""The direct ways to AWS fail, try again and answer as aiobotocore and botocore do."""

import asyncio
import json
import os
import socket
import zlib
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from botocore import exceptions
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError, NoCredentialsError

from models.storage import calls
from models.storage.direct import DirectCalls, _as_botocore
from models.storage.direct_blocking import BlockingDirectCalls
from models.storage.json_calls import OPERATIONS
from models.storage.outages import is_silence, is_throttling, was_tried_again
from tests.unit.models.storage.fake_aws import WAYS, Aws, Call, calling, calls_to, http

READ: dict[str, Any] = {"TableName": "unit", "Key": {"id": {"S": "alice"}}}
ROW = {"Item": {"id": {"S": "alice"}, "hours": {"N": "1.5"}, "tags": {"L": [{"S": "ü"}, {"NULL": True}]}}}
WRITE: dict[str, Any] = {"TableName": "unit", "Item": {"id": {"S": "alice"}}}
CONDITION = {
    "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
    "message": "The conditional request failed",
    "Item": {"id": {"S": "alice"}},
}
CANCELLED = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message": "Transaction cancelled",
    "CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"id": {"S": "a"}}}],
}
THROTTLED = {"__type": "x#ProvisionedThroughputExceededException", "message": "slow down"}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def outcome(call: Call, operation: str, params: dict[str, Any], service: str = "dynamodb") -> Any:
    """Return what a call gives: its answer without what only the SDK adds, or its error."""
    try:
        answer = await call(service, operation, **params)
    except Exception as error:  # noqa: BLE001 — it is the outcome
        return error
    assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    return answer


@pytest.mark.parametrize("body", [ROW, {}, {"Item": {}}])
async def test_an_answer_is_its_members(monkeypatch: pytest.MonkeyPatch, way: str, body: Any) -> None:
    async with calls_to(monkeypatch, way, http(200, body)) as (aws, call):
        assert await outcome(call, "get_item", READ) == body
    assert b"DynamoDB_20120810.GetItem" in aws.asked[0]
    assert json.loads(aws.asked[0].partition(b"\r\n\r\n")[2]) == READ


@pytest.mark.parametrize(
    ("refusal", "code"),
    [(CONDITION, "ConditionalCheckFailedException"), (CANCELLED, "TransactionCanceledException")],
)
async def test_a_refusal_has_its_code_and_its_facts(
    monkeypatch: pytest.MonkeyPatch, way: str, refusal: dict[str, Any], code: str
) -> None:
    async with calls_to(monkeypatch, way, http(400, refusal)) as (aws, call):
        error = await outcome(call, "put_item", WRITE)
        assert isinstance(error, ClientError)
        assert type(error).__name__ == code
        assert error.response["Error"]["Code"] == code
        assert error.response.get("Item") == refusal.get("Item")
        assert error.response.get("CancellationReasons") == refusal.get("CancellationReasons")
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert len(aws.asked) == 1
    assert not is_silence(error)
    assert not was_tried_again(error)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (http(500, {"__type": "x#InternalServerError"}), 500),
        (http(503, b"<html>"), 503),
        (http(400, THROTTLED), 400),
    ],
)
async def test_what_passes_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, way: str, failure: bytes, status: int
) -> None:
    async with calls_to(monkeypatch, way, failure, failure, http(200, ROW)) as (aws, call):
        answer = await call("dynamodb", "get_item", **READ)
        assert answer.pop("ResponseMetadata")["RetryAttempts"] == 2
        assert answer == ROW
        assert len(aws.asked) == 3
        assert len(aws.pauses) == 2
    async with calls_to(monkeypatch, way, *[failure] * 4) as (aws, call):
        error = await outcome(call, "get_item", READ)
        assert isinstance(error, ClientError)
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert error.response["ResponseMetadata"]["RetryAttempts"] == 2
        assert len(aws.asked) == 3
    assert is_silence(error) == (status >= 500)
    assert is_throttling(error) == (status == 400)
    assert was_tried_again(error)


async def test_it_is_tried_as_often_as_the_client_would(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setitem(calls.TIMES, "retries", {"mode": "standard", "total_max_attempts": 2})
    failure = http(500, {"__type": "x#InternalServerError"})
    async with calls_to(monkeypatch, way, *[failure] * 4) as (aws, call):
        await outcome(call, "get_item", READ)
    assert len(aws.asked) == 2


@pytest.mark.parametrize(("is_right", "sent"), [(True, 1), (False, 3)])
async def test_the_checksum_of_a_refusal_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, way: str, *, is_right: bool, sent: int
) -> None:
    body = json.dumps(CONDITION).encode()
    refusal = http(400, body, f"x-amz-crc32: {zlib.crc32(body) if is_right else 1}")
    async with calls_to(monkeypatch, way, *[refusal] * 3) as (aws, call):
        error = await outcome(call, "put_item", WRITE)
    assert error.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert len(aws.asked) == sent


async def test_nothing_is_packed_on_its_way(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    async with calls_to(monkeypatch, way, *[http(200, ROW)] * 2) as (aws, call):
        for _ in range(2):
            assert await outcome(call, "get_item", READ) == ROW
    for asked in aws.asked:
        assert b"accept-encoding: identity" in asked.lower()


@pytest.mark.parametrize("way", ["direct", "blocking"])
@pytest.mark.parametrize("broken", [http(200, b'{"Item', length=500), http(200, b"<html>")])
async def test_a_write_whose_answer_cannot_be_read_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch, way: str, broken: bytes
) -> None:
    async with calls_to(monkeypatch, way, http(200, ROW), broken, *[http(200, {})] * 2) as (aws, call):
        await outcome(call, "get_item", READ)  # so that a connection is open
        aws.breaks_off = True
        error = await outcome(call, "put_item", WRITE)
    assert is_silence(error), error
    assert len(aws.asked) == 2


async def test_a_refusal_behind_a_lost_answer_says_that_it_was_tried(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    async with calls_to(monkeypatch, way, None, http(400, CONDITION)) as (aws, call):
        error = await outcome(call, "put_item", WRITE)
    assert len(aws.asked) == 2
    assert was_tried_again(error)


@pytest.mark.parametrize("failure", [None, b"\x16\x03\x01 no HTTP\r\n\r\n", http(200, b'{"Item', length=500)])
async def test_a_lost_answer_is_silence(monkeypatch: pytest.MonkeyPatch, way: str, failure: bytes | None) -> None:
    async with calls_to(monkeypatch, way, failure, failure, failure) as (aws, call):
        aws_closes = asyncio.create_task(_close_later(aws))
        error = await outcome(call, "get_item", READ)
        await aws_closes
    assert is_silence(error), error
    assert len(aws.asked) <= 3


async def _close_later(_: Aws) -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"", b"[]", b'{"Item": '])
async def test_an_answer_that_is_none_is_silence(monkeypatch: pytest.MonkeyPatch, way: str, body: bytes) -> None:
    async with calls_to(monkeypatch, way, *[http(200, body)] * 3) as (_, call):
        assert is_silence(await outcome(call, "get_item", READ))


async def test_an_answer_with_its_checksum_is_whole(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    body = json.dumps(ROW).encode()
    async with calls_to(monkeypatch, way, http(200, body, f"x-amz-crc32: {zlib.crc32(body)}")) as (aws, call):
        assert await outcome(call, "get_item", READ) == ROW
    assert len(aws.asked) == 1


@pytest.mark.parametrize("way", ["direct", "blocking"])
async def test_an_answer_that_was_changed_on_its_way_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    changed = http(200, ROW, "x-amz-crc32: 1")
    async with calls_to(monkeypatch, way, changed, http(200, ROW)) as (aws, call):
        assert await outcome(call, "get_item", READ) == ROW
    assert len(aws.asked) == 2


async def test_a_server_that_is_not_there_is_silence(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    async with calls_to(monkeypatch, way) as (_, call):
        pass
    async with calling(way) as call:
        assert is_silence(await outcome(call, "get_item", READ))


async def test_after_many_failures_there_are_no_more_tries_until_some_calls_succeed(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    failure = http(500, {"__type": "x#InternalServerError"})
    async with calls_to(monkeypatch, way, *[failure] * 200) as (aws, call):
        for _ in range(60):
            await outcome(call, "get_item", READ)
        tried = len(aws.asked)
        assert 100 < tried < 180
        aws.answers[:] = [http(200, ROW)] * 20 + [failure] * 10
        for _ in range(20):
            assert await outcome(call, "get_item", READ) == ROW
        before = len(aws.asked)
        await outcome(call, "get_item", READ)
        assert len(aws.asked) - before == 3


STARTED = {"executionArn": "arn:x", "startDate": 1764412345.5}
DESCRIBED = {**STARTED, "status": "RUNNING", "name": "x", "stateMachineArn": "arn:m"}
AT = datetime(2025, 11, 29, 10, 32, 25, 500_000, UTC)


@pytest.mark.parametrize(
    ("service", "operation", "params", "answer", "expected", "target"),
    [
        (
            "stepfunctions",
            "start_execution",
            {"stateMachineArn": "arn:m", "name": "x", "input": "{}"},
            STARTED,
            {**STARTED, "startDate": AT},
            b"AWSStepFunctions.StartExecution",
        ),
        (
            "stepfunctions",
            "start_execution",
            {"stateMachineArn": "arn:m", "name": "x"},
            {**STARTED, "startDate": AT.isoformat()},
            {**STARTED, "startDate": AT},
            b"AWSStepFunctions.StartExecution",
        ),
        (
            "stepfunctions",
            "describe_execution",
            {"executionArn": "arn:x"},
            DESCRIBED,
            {**DESCRIBED, "startDate": AT},
            b"AWSStepFunctions.DescribeExecution",
        ),
        (
            "stepfunctions",
            "send_task_success",
            {"taskToken": "t", "output": '{"step": "ü"}'},
            {},
            {},
            b"AWSStepFunctions.SendTaskSuccess",
        ),
        (
            "events",
            "put_events",
            {"Entries": [{"Source": "unit", "DetailType": "Sent", "Detail": "{}"}]},
            {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]},
            {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]},
            b"AWSEvents.PutEvents",
        ),
    ],
)
async def test_other_services_are_called_in_the_same_way(
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    service: str,
    operation: str,
    params: dict[str, Any],
    answer: Any,
    expected: Any,
    target: bytes,
) -> None:
    async with calls_to(monkeypatch, way, http(200, answer), service=service) as (aws, call):
        assert await outcome(call, operation, params, service) == expected
    head, _, body = aws.asked[0].partition(b"\r\n\r\n")
    assert b"X-Amz-Target: " + target in head
    assert (b"application/x-amz-json-1.1" in head) == (service == "events")
    assert json.loads(body) == params


@pytest.mark.parametrize("code", ["ExecutionAlreadyExists", "TaskTimedOut", "TaskDoesNotExist"])
async def test_refusals_of_other_services_have_their_codes(
    monkeypatch: pytest.MonkeyPatch, way: str, code: str
) -> None:
    refusal = http(400, {"__type": f"com.amazonaws.swf.service.v2.model#{code}", "message": "no"})
    async with calls_to(monkeypatch, way, refusal, service="stepfunctions") as (_, call):
        error = await outcome(call, "start_execution", {"stateMachineArn": "arn:m"}, "stepfunctions")
    assert isinstance(error, ClientError)
    assert error.response["Error"] == {"Code": code, "Message": "no"}


class Changing:
    """Credentials that are others with each request, as those of a role become."""

    def __init__(self, *, waits: bool) -> None:
        self._waits = waits
        self.given = 0

    def get_frozen_credentials(self) -> Any:
        self.given += 1
        frozen = ReadOnlyCredentials(f"key-{self.given}", "secret", None)
        return self._later(frozen) if self._waits else frozen

    async def _later(self, frozen: ReadOnlyCredentials) -> ReadOnlyCredentials:
        return frozen


@pytest.mark.parametrize("way", ["direct", "blocking"])
async def test_each_request_is_signed_with_the_credentials_of_its_moment(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    made: list[Any] = []
    for cls in (DirectCalls, BlockingDirectCalls):
        init = cls.__init__

        def noted(self: Any, client: Any, init: Any = init) -> None:
            init(self, client)
            self._credentials = Changing(waits=isinstance(self, DirectCalls))
            made.append(self)

        monkeypatch.setattr(cls, "__init__", noted)
    async with calls_to(monkeypatch, way, *[http(200, ROW)] * 2) as (aws, call):
        for _ in range(2):
            assert await outcome(call, "get_item", READ) == ROW
    assert [b"Credential=key-%d/" % number in asked for number, asked in enumerate(aws.asked, 1)] == [True, True]
    assert made


async def test_without_credentials_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    async with calls_to(monkeypatch, way) as (aws, _):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        async with calling(way) as call:
            assert isinstance(await outcome(call, "get_item", READ), NoCredentialsError)
    assert not aws.asked


def test_these_operations_go_this_way() -> None:
    assert {service: " ".join(operations) for service, operations in OPERATIONS.items()} == {
        "dynamodb": "get_item batch_get_item query scan put_item update_item delete_item transact_get_items "
        "transact_write_items",
        "stepfunctions": "start_execution send_task_success describe_execution",
        "events": "put_events",
    }


PLACE: Any = SimpleNamespace(host="dynamodb.example", port=443, ssl=True)


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (aiohttp.ClientConnectorSSLError(PLACE, OSError(1, "self-signed")), exceptions.SSLError),
        (aiohttp.ServerDisconnectedError(), exceptions.ConnectionClosedError),
        (aiohttp.ClientPayloadError(), exceptions.ConnectionClosedError),
        (aiohttp.ConnectionTimeoutError(), exceptions.ConnectTimeoutError),
        (TimeoutError(), exceptions.ReadTimeoutError),
        (aiohttp.ClientConnectionError(), exceptions.EndpointConnectionError),
        (socket.gaierror(), exceptions.EndpointConnectionError),
        (aiohttp.ClientError(), exceptions.HTTPClientError),
        (OSError(), exceptions.HTTPClientError),
    ],
    ids=lambda one: str(getattr(one, "__name__", type(one).__name__)),
)
def test_what_goes_wrong_on_the_way_is_named_as_botocore_names_it(error: Exception, becomes: type) -> None:
    named = _as_botocore(error, "https://dynamodb.example/")
    assert type(named) is becomes
    assert is_silence(named)


async def test_a_proxy_is_used_as_the_environment_says(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    async with calls_to(monkeypatch, way, http(200, ROW)) as (aws, _):
        monkeypatch.setenv("HTTP_PROXY", os.environ["AWS_ENDPOINT_URL"].replace("://", "://someone:secret@"))
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://dynamodb.example")
        async with calling(way) as call:
            assert (await outcome(call, "get_item", READ)) == ROW
    assert aws.asked[0].startswith(b"POST http://dynamodb.example/ ")
    assert b"\r\nproxy-authorization: basic " in aws.asked[0].lower()
