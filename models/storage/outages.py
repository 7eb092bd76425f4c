"""Which failed calls mean that AWS does not answer, and which that it has no capacity left."""

import json
import zlib
from typing import Any

from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    MetadataRetrievalError,
)
from botocore.exceptions import ConnectionError as UnreachableError
from botocore.model import OperationModel
from botocore.parsers import ResponseParserError


class UnreadableAnswerError(HTTPClientError):
    """AWS's answer is not whole, so it is as good as lost; its beginning is shown."""

    fmt = "AWS's answer is not whole: {beginning}"

    def __init__(self, body: bytes) -> None:
        super().__init__(beginning=body[:40])


# Beside a refused connection, a lost answer and an unreadable one: without credentials no call can be signed, and
# those of a role come from AWS, too.
_SILENT = (
    UnreachableError,
    HTTPClientError,
    ResponseParserError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    OSError,  # TimeoutError is one
)
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "Throttling",
        "TooManyRequestsException",
    }
)
_SERVER_ERROR = 500
_REASON_CHARACTERS = 300
_SUCCESS = range(200, 300)


def is_silence(error: BaseException) -> bool:
    """Return whether a call failed because AWS cannot be reached, did not answer, or answered with a 5xx."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= _SERVER_ERROR
    return isinstance(error, _SILENT)


def is_throttling(error: BaseException) -> bool:
    """Return whether AWS refused a call because it has no capacity left for it."""
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _THROTTLED


def reason_of(error: BaseException) -> str:
    """Return what an error says, cut and on one line: botocore quotes all of an answer that it cannot read."""
    return " ".join(str(error).split())[:_REASON_CHARACTERS]


def was_tried_again(error: BaseException) -> bool:
    """Return whether the SDK had tried a call before, and has no answer to that."""
    return (
        isinstance(error, ClientError) and error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
    )


def check_answer(response_dict: dict[str, Any], operation_model: OperationModel, **_: Any) -> None:
    """Check that a successful answer is whole, before botocore parses it, which takes garbage for an empty answer.

    A handler of botocore's event `before-parse`. Operations without an output, such as SQS's DeleteQueue, answer
    with an empty body. Services that do not answer in JSON, such as SNS, are left to botocore, whose parser of XML
    does refuse garbage.

    Raises:
        UnreadableAnswerError: the answer is not the one that was sent, or no JSON object.
    """
    if response_dict["status_code"] not in _SUCCESS or operation_model.service_model.resolved_protocol != "json":
        return
    body: bytes = response_dict["body"]
    if operation_model.output_shape is None and not body:
        return
    checksum = response_dict["headers"].get("x-amz-crc32")
    # DynamoDB sends a checksum, which costs less to check than its large answers to parse.
    if checksum is None:
        is_whole = _is_object(body)
    else:
        is_whole = checksum == str(zlib.crc32(body)) and body.startswith(b"{")
    if not is_whole:
        raise UnreadableAnswerError(body)


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False
