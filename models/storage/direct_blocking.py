"""AWS's operations without what botocore does around each call: three quarters of its time; from a thread.

All but what `json_calls` and `posts_blocking` do is botocore's own: connections with their time-outs, TLS and
proxies, credentials and their refresh, retries, and errors, which its parser makes. `direct` is the same for an
event loop.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from botocore.model import OperationModel
from botocore.retries.quota import RetryQuota
from botocore.retries.standard import (
    ExponentialBackoff,
    RetryEventAdapter,
    RetryHandler,
    RetryPolicy,
    RetryQuotaChecker,
    StandardRetryConditions,
)

from models.storage.json_calls import SUCCESS, Answer, JsonService, body_of
from models.storage.outages import UnreadableAnswerError
from models.storage.posts_blocking import BlockingPosts


@dataclass(frozen=True, slots=True)
class _Answer(Answer):
    """An answer as botocore's retries look at it, which check the checksums of errors, too."""

    @property
    def content(self) -> bytes:
        return self.body


class BlockingDirectCalls:
    """Calls a service of AWS over the connections of a botocore client; the thread waits. Threads may share it.

    Args:
        client: a client of one of the services of `json_calls.OPERATIONS`.
    """

    def __init__(self, client: Any) -> None:
        self._service = JsonService(client)
        self._endpoint = client._endpoint  # noqa: SLF001 — botocore shows neither connections nor parsers
        self._credentials = client._request_signer._credentials  # noqa: SLF001 — nor the credentials
        self._posts = BlockingPosts(self._endpoint.http_session, self._service.url)
        self._quota = RetryQuotaChecker(RetryQuota())
        conditions = StandardRetryConditions(max_attempts=self._service.most_attempts)
        policy = RetryPolicy(conditions, ExponentialBackoff())
        self._retries = RetryHandler(policy, RetryEventAdapter(), cast("Any", self._quota))

    def call(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call one of the service's operations and return its response.

        Raises:
            ClientError: the service refused it, or has failed.
            BotoCoreError: it was not answered.
        """
        service = self._service
        name, body = service.name(operation), body_of(params)
        context: dict[str, Any] = {}
        attempt = 1
        while True:
            answer, error = self._attempt(name, body)
            failure = None
            if answer is not None and answer.status_code == SUCCESS:
                parsed = service.parsed(name, answer, attempt)
                if parsed is not None:
                    self._quota.release_retry_quota(cast("Any", context), answer)
                    return parsed
                error = UnreadableAnswerError(answer.body)
            elif answer is not None:
                failure = self._failure(name, answer)
            delay = self._delay(attempt, service.model(name), (answer, failure), error, context)
            if delay is None:
                raise error or service.client_error(name, cast("dict[str, Any]", failure), attempt)
            time.sleep(delay)
            attempt += 1

    def _attempt(self, name: str, body: bytes) -> tuple[_Answer | None, Exception | None]:
        """Send a request once, and return its answer, or the error that came instead of one."""
        try:
            credentials = self._credentials and self._credentials.get_frozen_credentials()
            headers = self._service.headers(name, body, credentials)
            return _Answer(*self._posts.send(headers, body)), None
        except Exception as error:  # noqa: BLE001 — as botocore does: each is looked at by its retries
            return None, error

    def _failure(self, name: str, answer: Answer) -> dict[str, Any]:
        """Return what botocore makes of an answer that is an error."""
        sent, model = self._service.to_parse(answer), self._service.model(name)
        parser = self._endpoint._response_parser_factory.create_parser("json")  # noqa: SLF001
        failure: dict[str, Any] = parser.parse(sent, model.output_shape)
        self._endpoint._add_modeled_error_fields(sent, failure, model, parser)  # noqa: SLF001
        return failure

    def _delay(
        self,
        attempt: int,
        operation: OperationModel,
        response: tuple[Answer | None, dict[str, Any] | None],
        error: Exception | None,
        context: dict[str, Any],
    ) -> float | None:
        """Return the seconds after which a failed call is tried again, None if it is not."""
        delay: float | None = self._retries.needs_retry(
            attempts=attempt,
            operation=operation,
            response=response,
            caught_exception=error,
            request_dict={"context": context},
        )
        return delay
