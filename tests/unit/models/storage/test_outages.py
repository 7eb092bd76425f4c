"""Which failures mean that AWS does not answer, and which answers are not whole."""

import json
import zlib
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    MetadataRetrievalError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import ResponseParserError

from models.errors import ContentionError
from models.storage.outages import (
    UnreadableAnswerError,
    check_answer,
    is_silence,
    is_throttling,
    reason_of,
    was_tried_again,
)


def refused(code: str, status: int | None = 400) -> ClientError:
    response: Any = {"Error": {"Code": code}}
    if status is not None:
        response["ResponseMetadata"] = {"HTTPStatusCode": status}
    return ClientError(response, "GetItem")


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="x"),
        ConnectTimeoutError(endpoint_url="x"),
        ReadTimeoutError(endpoint_url="x"),
        ConnectionClosedError(endpoint_url="x"),
        HTTPClientError(error=ValueError("garbage")),
        CredentialRetrievalError(provider="x", error_msg="x"),
        MetadataRetrievalError(error_msg="x"),
        ResponseParserError("half an answer"),
        UnreadableAnswerError(b"half an answer"),
        ConnectionResetError(),
        TimeoutError(),
        refused("InternalServerError", 500),
        refused("502", 502),
        refused("ServiceUnavailable", 503),
    ],
    ids=repr,
)
def test_this_is_silence(error: Exception) -> None:
    assert is_silence(error)
    assert not is_throttling(error)


@pytest.mark.parametrize(
    "error",
    [
        refused("ValidationException"),
        refused("TransactionCanceledException"),
        refused("x", None),
        NoCredentialsError(),
        ContentionError("x"),
        KeyError("x"),
    ],
    ids=repr,
)
def test_this_is_an_answer_or_our_own_mistake(error: Exception) -> None:
    assert not is_silence(error)
    assert not is_throttling(error)


@pytest.mark.parametrize(
    "code",
    [
        "ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException", "Throttling",
        "TooManyRequestsException",
    ],
)  # fmt: skip
def test_this_is_throttling_which_is_an_answer(code: str) -> None:
    assert is_throttling(refused(code))
    assert not is_silence(refused(code))


def test_what_is_no_answer_tells_of_no_try_before() -> None:
    assert not was_tried_again(KeyError("x"))
    assert not was_tried_again(refused("ValidationException"))


def answered(body: bytes, status: int = 200, *, checksum_of: bytes | None = None) -> dict[str, Any]:
    headers = {} if checksum_of is None else {"x-amz-crc32": str(zlib.crc32(checksum_of))}
    return {"status_code": status, "body": body, "headers": headers}


def operation(service: str, name: str) -> OperationModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service).operation_model(name)


WHOLE = json.dumps({"Item": {"id": {"S": "a"}}}).encode()


@pytest.mark.parametrize(
    "answer",
    [
        answered(b"{}"),
        answered(WHOLE),
        answered(WHOLE, checksum_of=WHOLE),
        answered(b"<html>", 502),
        answered(b"", 500),
        answered(b"<html>", 300),
    ],
)
def test_what_is_whole_or_an_error_is_left_to_botocore(answer: dict[str, Any]) -> None:
    check_answer(answer, operation("dynamodb", "GetItem"))


@pytest.mark.parametrize(
    "answer",
    [
        answered(b""),
        answered(b"<html>"),
        answered(WHOLE[:-1]),
        answered(WHOLE[1:]),
        answered(WHOLE[:-1], 299),
        answered(b"[]"),
        answered(b"\xff{}"),
        answered(WHOLE, checksum_of=b"another"),
        answered(WHOLE[:-1], checksum_of=WHOLE),
        answered(b"<html>", checksum_of=b"<html>"),
    ],
)
def test_what_is_not_whole_is_no_empty_answer(answer: dict[str, Any]) -> None:
    with pytest.raises(UnreadableAnswerError, match="not whole"):
        check_answer(answer, operation("dynamodb", "GetItem"))


def test_only_the_beginning_of_what_is_not_whole_is_shown() -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        check_answer(answered(b"<" * 100), operation("dynamodb", "GetItem"))
    assert str(caught.value) == f"AWS's answer is not whole: {b'<' * 40!r}"


def test_services_that_answer_in_another_form_are_left_to_botocore() -> None:
    check_answer(answered(b"<PublishResponse/>"), operation("sns", "Publish"))


def test_an_operation_that_answers_nothing_may_send_nothing() -> None:
    check_answer(answered(b""), operation("sqs", "DeleteQueue"))
    with pytest.raises(UnreadableAnswerError):
        check_answer(answered(b"<html>"), operation("sqs", "DeleteQueue"))
    with pytest.raises(UnreadableAnswerError):
        check_answer(answered(b""), operation("sqs", "ReceiveMessage"))


def test_of_the_services_that_we_call_these_answer_in_json() -> None:
    for service, name in (("dynamodbstreams", "GetRecords"), ("stepfunctions", "StartExecution")):
        with pytest.raises(UnreadableAnswerError):
            check_answer(answered(b"<html>"), operation(service, name))


def test_a_reason_is_one_line_however_long_the_answer_is_that_an_error_quotes() -> None:
    assert reason_of(ValueError("cannot be read:\n  <html>")) == "cannot be read: <html>"
    assert reason_of(ValueError("x" * 301)) == "x" * 300
