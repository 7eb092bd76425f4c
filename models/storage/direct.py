"""AWS's operations without what aiobotocore does around each call: a third of its time; from an event loop.

All but what `json_calls` and `posts` do is aiobotocore's own: connections with their time-outs, TLS and proxies,
credentials and their refresh, retries, and errors, which its parser makes.
"""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
from aiobotocore.retries.standard import AioRetryHandler, AioRetryPolicy, AioStandardRetryConditions
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from botocore.model import OperationModel
from botocore.retries.quota import RetryQuota
from botocore.retries.standard import ExponentialBackoff, RetryEventAdapter, RetryQuotaChecker
from yarl import URL

from models.storage.json_calls import SUCCESS, Answer, JsonService, body_of
from models.storage.outages import UnreadableAnswerError
from models.storage.posts import Posts

# What aiobotocore makes of aiohttp's errors; the first that fits.
_ERRORS: tuple[tuple[Any, type[BotoCoreError]], ...] = (
    (aiohttp.ClientSSLError, SSLError),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError), ConnectionClosedError),
    (aiohttp.ConnectionTimeoutError, ConnectTimeoutError),
    (TimeoutError, ReadTimeoutError),
    ((aiohttp.ClientConnectionError, socket.gaierror), EndpointConnectionError),
    ((aiohttp.ClientError, OSError), HTTPClientError),
)


@dataclass(frozen=True, slots=True)
class _Answer(Answer):
    """An answer as aiobotocore's retries look at it, which check the checksums of errors, too."""

    @property
    async def content(self) -> bytes:
        return self.body


class DirectCalls:
    """Calls a service of AWS over the connections of an aiobotocore client.

    Args:
        client: an open client of one of the services of `json_calls.OPERATIONS`.
    """

    def __init__(self, client: Any) -> None:
        self._service = JsonService(client)
        self._endpoint = client._endpoint  # noqa: SLF001 — aiobotocore shows neither connections nor parsers
        self._credentials = client._request_signer._credentials  # noqa: SLF001 — nor the credentials
        self._url = URL(self._service.url)
        self._retries = _Retries(self._service.most_attempts)
        self._posts: Posts | None = None

    async def call(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
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
            answer, error = await self._attempt(name, body)
            failure = None
            if answer is not None and answer.status_code == SUCCESS:
                parsed = service.parsed(name, answer, attempt)
                if parsed is not None:
                    self._retries.succeeded(context, answer)
                    return parsed
                error = UnreadableAnswerError(answer.body)
            elif answer is not None:
                failure = await self._failure(name, answer)
            delay = await self._retries.delay(attempt, service.model(name), (answer, failure), error, context)
            if delay is None:
                raise error or service.client_error(name, cast("dict[str, Any]", failure), attempt)
            await asyncio.sleep(delay)
            attempt += 1

    async def _attempt(self, name: str, body: bytes) -> tuple[_Answer | None, Exception | None]:
        """Send a request once, and return its answer, or the error that came instead of one."""
        try:
            credentials = self._credentials and await self._credentials.get_frozen_credentials()
            headers = self._service.headers(name, body, credentials)
            posts = self._posts or await self._open()
            return _Answer(*await posts.send(headers, body)), None
        except Exception as error:  # noqa: BLE001 — as aiobotocore does: each is looked at by its retries
            return None, _as_botocore(error, str(self._url))

    async def _open(self) -> Posts:
        http = self._endpoint.http_session
        proxy = http._proxy_config.proxy_url_for(str(self._url))  # noqa: SLF001 — aiobotocore's session is the one to use
        self._posts = Posts(await http._get_session(proxy), self._url, proxy)  # noqa: SLF001
        return self._posts

    async def _failure(self, name: str, answer: Answer) -> dict[str, Any]:
        """Return what aiobotocore makes of an answer that is an error."""
        sent, model = self._service.to_parse(answer), self._service.model(name)
        parser = self._endpoint._response_parser_factory.create_parser("json")  # noqa: SLF001
        failure: dict[str, Any] = await parser.parse(sent, model.output_shape)
        await self._endpoint._add_modeled_error_fields(sent, failure, model, parser)  # noqa: SLF001
        return failure


class _Retries:
    """aiobotocore's retries in standard mode: which failures are tried again, when, and how often in all.

    Args:
        attempts: of one call, at most.
    """

    def __init__(self, attempts: int) -> None:
        self._quota = RetryQuotaChecker(RetryQuota())
        policy = AioRetryPolicy(AioStandardRetryConditions(max_attempts=attempts), ExponentialBackoff())
        self._handler = AioRetryHandler(policy, RetryEventAdapter(), self._quota)

    def succeeded(self, context: dict[str, Any], answer: Answer) -> None:
        """Note a success, which gives back what the retries before it took."""
        self._quota.release_retry_quota(cast("Any", context), answer)

    async def delay(
        self,
        attempt: int,
        operation: OperationModel,
        response: tuple[Answer | None, dict[str, Any] | None],
        error: Exception | None,
        context: dict[str, Any],
    ) -> float | None:
        """Return the seconds after which a failed call is tried again, None if it is not."""
        delay: float | None = await self._handler.needs_retry(
            attempts=attempt,
            operation=operation,
            response=response,
            caught_exception=error,
            request_dict={"context": context},
        )
        return delay


def _as_botocore(error: Exception, url: str) -> Exception:
    """Return the error that aiobotocore raises where aiohttp raises this one."""
    for kinds, becomes in _ERRORS:
        if isinstance(error, kinds):
            return becomes(endpoint_url=url, error=error)
    return error
