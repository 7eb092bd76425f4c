"""What a direct call to a service of AWS is made of, apart from who sends it: its body, signature, answer, errors.

botocore validates parameters, resolves an endpoint, emits a dozen events, and builds and parses by models. The
calls here need nothing of it but the signature. They are of services that speak JSON over POST, and have neither
binary values nor times in what is sent.
"""

import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError
from botocore.model import ListShape, OperationModel, Shape, StructureShape
from botocore.utils import parse_timestamp

from models.storage.outages import UnreadableAnswerError
from models.storage.signing import Signer

# The operations that are called directly: by service, their names in botocore's snake case and in AWS's own.
OPERATIONS: Mapping[str, Mapping[str, str]] = {
    # Those on rows.
    "dynamodb": {
        "get_item": "GetItem",
        "batch_get_item": "BatchGetItem",
        "query": "Query",
        "scan": "Scan",
        "put_item": "PutItem",
        "update_item": "UpdateItem",
        "delete_item": "DeleteItem",
        "transact_get_items": "TransactGetItems",
        "transact_write_items": "TransactWriteItems",
    },
    # Those that workflows live by.
    "stepfunctions": {
        "start_execution": "StartExecution",
        "send_task_success": "SendTaskSuccess",
        "describe_execution": "DescribeExecution",
    },
    "events": {"put_events": "PutEvents"},
}
SUCCESS = 200
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came over HTTP, in the form in which botocore's retries look at it."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_whole(self) -> bool:
        """Return whether it is the answer that was sent; DynamoDB sends a checksum along."""
        checksum = self.headers.get("x-amz-crc32")
        return checksum is None or checksum == str(zlib.crc32(self.body))


class JsonService:
    """A service as its direct calls need it.

    Args:
        client: a client of the service, of botocore or aiobotocore.
    """

    def __init__(self, client: Any) -> None:
        meta = client.meta
        model = meta.service_model
        self.url = f"{meta.endpoint_url.rstrip('/')}/"  # a proxy is asked for a path, too
        self.most_attempts: int = meta.config.retries["total_max_attempts"]
        self._operations = OPERATIONS[model.service_name]
        self._models: dict[str, OperationModel] = {
            name: model.operation_model(name) for name in self._operations.values()
        }
        self._conversions = {name: _conversion(operation) for name, operation in self._models.items()}
        self._target = model.metadata["targetPrefix"]
        self._signer = Signer(
            model.signing_name, meta.region_name, urlsplit(self.url).netloc, version=model.metadata["jsonVersion"]
        )
        self._exceptions = client.exceptions

    def name(self, operation: str) -> str:
        """Return AWS's name of an operation."""
        return self._operations[operation]

    def model(self, name: str) -> OperationModel:
        """Return botocore's model of an operation, by AWS's name."""
        return self._models[name]

    def headers(self, name: str, body: bytes, credentials: ReadOnlyCredentials | None) -> Mapping[str, str]:
        """Return the headers of a signed request.

        Raises:
            NoCredentialsError: there are no credentials to sign it with.
        """
        if credentials is None:
            raise NoCredentialsError
        signed = self._signer.headers(f"{self._target}.{name}", body, credentials)
        # botocore and aiobotocore do not unpack what they did not ask for, and ask for nothing packed.
        return {**signed, "Accept-Encoding": "identity"}

    def parsed(self, name: str, answer: Answer, attempt: int) -> dict[str, Any] | None:
        """Return a successful answer's members, None if its checksum is wrong, so that the call is tried again.

        Args:
            name: the operation.
            answer: what came.
            attempt: how often the call was sent by then.

        Raises:
            UnreadableAnswerError: it is no JSON object; what was asked for may be done, and is not sent again.
        """
        if not answer.is_whole:
            return None
        try:
            sent = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            sent = None
        if not isinstance(sent, dict):
            raise UnreadableAnswerError(answer.body)
        convert = self._conversions[name]
        parsed: dict[str, Any] = sent if convert is None else convert(sent)
        parsed["ResponseMetadata"] = {"HTTPStatusCode": answer.status_code, "RetryAttempts": attempt - 1}
        return parsed

    @staticmethod
    def to_parse(answer: Answer) -> dict[str, Any]:
        """Return an answer that is an error in the form in which botocore's parsers are given it."""
        return {
            "status_code": answer.status_code,
            "headers": {key.lower(): value for key, value in answer.headers.items()},
            "body": answer.body,
        }

    def client_error(self, name: str, failure: dict[str, Any], attempt: int) -> Exception:
        """Return the error that botocore raises for an answer that its parser has made this failure of."""
        failure.setdefault("ResponseMetadata", {})["RetryAttempts"] = attempt - 1
        error: Exception = self._exceptions.from_code(failure.get("Error", {}).get("Code"))(failure, name)
        return error


def _conversion(operation: OperationModel) -> Callable[[Any], Any] | None:
    """Return what converts the times in an operation's answers, None if they have none."""
    return conversion(cast("StructureShape", operation.output_shape), _time)


def _time(sent: Any) -> datetime:
    """Return a time of an answer; botocore's own function looks up the local time zone for each."""
    return parse_timestamp(sent) if isinstance(sent, str) else datetime.fromtimestamp(sent, UTC)


def body_of(params: Mapping[str, Any]) -> bytes:
    """Return a request's body."""
    return orjson.dumps(params)


def request_of(headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the bytes of a POST to the root."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


def conversion(shape: Shape, time: Convert) -> Convert | None:
    """Return what converts the times in a value of some shape; None if it has none."""
    if shape.type_name == "timestamp":
        return time
    if isinstance(shape, ListShape):
        each = conversion(shape.member, time)
        return None if each is None else lambda values: [each(value) for value in values]
    if not isinstance(shape, StructureShape):  # a row is a map, whose values have no times
        return None
    found = {name: conversion(member, time) for name, member in shape.members.items()}
    converted = {name: convert for name, convert in found.items() if convert is not None}
    return _converting(found.keys(), converted) if converted else None


def _converting(known: Collection[str], converted: dict[str, Convert]) -> Convert:
    """Return what makes a structure one of its known members, some of which are converted."""

    def convert(sent: dict[str, Any]) -> dict[str, Any]:
        value = members(sent, known)
        return value | {name: each(value[name]) for name, each in converted.items() if name in value}

    return convert


def members(sent: dict[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Return the members of a structure that botocore knows, without nulls."""
    return {name: sent[name] for name in known if sent.get(name) is not None}
