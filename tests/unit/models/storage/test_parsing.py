"""DynamoDB's answers come out of our parser as they come out of botocore's."""

import base64
import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from aiobotocore.parsers import AioJSONParser, AioRestXMLParser

from models.storage.parsing import RowParser, RowParsers
from tests.unit.processor_time import least_seconds_async

RECORDED = json.loads((Path(__file__).parent / "answers.json").read_text())
ROW: dict[str, Any] = {
    "id": {"S": "ünïcode \u2028"},
    "tags": {"L": [{"S": "a"}, {"NULL": True}, {"M": {"deep": {"L": [{"N": "-1.50"}, {"BOOL": False}]}}}]},
    "names": {"SS": ["a", "b"]},
    "version": {"N": "12345678901234567890.25"},
    "empty": {"M": {}},
}
BLOB = base64.b64encode(b"\x00\xff").decode()
MODELS = {
    service: botocore.session.get_session().get_service_model(service)
    for service in ("dynamodb", "dynamodbstreams")
}


def shape_of(service: str, operation: str) -> Any:
    return MODELS[service].operation_model(operation).output_shape


async def parsed(parser: Any, body: bytes, shape: Any, status: int = 200) -> Any:
    headers = {"x-amzn-RequestId": "R", "x-amzn-requestid": "R", "x-amz-crc32": "1"}
    return await parser.parse({"status_code": status, "headers": headers, "body": body, "context": {}}, shape)


async def assert_same(service: str, operation: str, body: bytes, status: int = 200) -> Any:
    shape = shape_of(service, operation)
    ours, theirs = [await parsed(parser, body, shape, status) for parser in (RowParser(), AioJSONParser())]
    assert ours == theirs
    assert repr(sorted(ours)) == repr(sorted(theirs))
    return ours


@pytest.mark.parametrize(
    ("service", "operation", "answer"), RECORDED, ids=[f"{r[1]}-{i}" for i, r in enumerate(RECORDED)]
)
async def test_recorded_answers_are_parsed_as_botocore_parses_them(
    service: str, operation: str, answer: dict[str, Any]
) -> None:
    await assert_same(service, operation, json.dumps(answer).encode())


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("GetItem", {"Item": ROW}),
        ("GetItem", {}),
        ("GetItem", {"Item": None, "Unknown": 1}),
        ("GetItem", {"Item": ROW | {"raw": {"B": BLOB}, "raws": {"BS": [BLOB]}}}),
        ("GetItem", {"Item": ROW | {"raw": {"B": BLOB}}}),
        ("GetItem", {"Item": ROW | {"raws": {"BS": [BLOB]}}}),
        ("Query", {"Items": [ROW, {}], "Count": 2, "ScannedCount": 3, "LastEvaluatedKey": {"id": {"S": "a"}}}),
        ("Query", {"Count": 7, "ScannedCount": 7, "ConsumedCapacity": {"TableName": "t", "CapacityUnits": 0.5}}),
        ("BatchGetItem", {"Responses": {"t": [ROW]}, "UnprocessedKeys": {"u": {"Keys": [{"id": {"S": "b"}}]}}}),
        ("TransactWriteItems", {}),
        ("UpdateItem", {"Attributes": ROW}),
    ],
)
async def test_rows_are_parsed_as_botocore_parses_them(operation: str, answer: dict[str, Any]) -> None:
    await assert_same("dynamodb", operation, json.dumps(answer).encode())


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("GetItem", rb'{"Item": {"id": {"S": "\ud800"}}}'),
        ("GetItem", b""),
        ("Scan", b'{"Items": [{"a": {"N": "1"}}], "Count": 1, "ScannedCount": 1} '),
    ],
)
async def test_what_orjson_refuses_goes_to_botocore(operation: str, body: bytes) -> None:
    await assert_same("dynamodb", operation, body)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "Item": ROW}),
        (400, {"__type": "TransactionCanceledException", "CancellationReasons": [{"Code": "None"}]}),
        (400, {"__type": "x#ProvisionedThroughputExceededException", "message": "slow"}),
        (500, {"__type": "InternalServerError", "Message": "no"}),
    ],
)
async def test_errors_are_botocores_own(status: int, body: dict[str, Any]) -> None:
    found = await assert_same("dynamodb", "PutItem", json.dumps(body).encode(), status)
    assert found["Error"]["Code"] == body["__type"].rpartition("#")[2]


async def test_without_an_output_an_answer_is_empty() -> None:
    assert await parsed(RowParser(), b"{}", None) == await parsed(AioJSONParser(), b"{}", None)


def test_other_protocols_have_their_own_parsers() -> None:
    factory = RowParsers()
    assert isinstance(factory.create_parser("rest-xml"), AioRestXMLParser)
    assert factory.create_parser("json") is factory.create_parser("json")


async def test_a_page_of_1000_rows_takes_a_tenth_of_the_time() -> None:
    page = {"Items": [ROW | {"n": {"N": str(n)}} for n in range(1_000)], "Count": 1_000, "ScannedCount": 1_000}
    body, shape = json.dumps(page).encode(), shape_of("dynamodb", "Query")
    ours, theirs = [
        await least_seconds_async(lambda parser=parser: parsed(parser, body, shape))  # type: ignore[misc]
        for parser in (RowParser(), AioJSONParser())
    ]
    assert ours < theirs / 5
    assert ours < 0.02
