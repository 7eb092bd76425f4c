"""Calls that clients wait for: they end in time, and at once while AWS does not answer."""

import asyncio
import time
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from models.errors import ContentionError, UnavailableError
from models.storage.breaker import AwsLimits, PromptCalls, fail_from_now_on, wait_again
from models.storage.sent_calls import CallCount, count_calls, was_any_sent, watched_writes
from tests.unit.models.storage.unqueued import Unqueued

SILENCE = ReadTimeoutError(endpoint_url="x")
# Tests of what is refused must not take as long as the pause, however busy the machine is.
SOON = AwsLimits(call_seconds=0.05, pause_seconds=60)


class Aws(Unqueued):
    """Calls to AWS, which answers, fails or stays silent as the test chooses."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.silent = False
        self.made: list[str] = []
        self.at_once = 0
        self.most = 0

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        self.made.append(f"{service}.{operation}")
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(30 if self.silent else 0)
        finally:
            self.at_once -= 1
        if self.error is not None:
            raise self.error
        return params


@pytest.fixture
def aws() -> Aws:
    return Aws()


@pytest.fixture
def prompt(aws: Aws) -> PromptCalls:
    return PromptCalls(aws, SOON)


async def test_an_answer_and_a_refusal_are_passed_on(aws: Aws, prompt: PromptCalls) -> None:
    assert await prompt.call("dynamodb", "get_item", Key=1) == {"Key": 1}
    aws.error = ClientError({"Error": {"Code": "ValidationException"}}, "GetItem")
    for _ in range(2):
        with pytest.raises(ClientError):
            await prompt.call("dynamodb", "get_item")
    aws.error = None
    await prompt.call("dynamodb", "get_item")
    assert len(aws.made) == 4


async def test_what_is_sent_is_counted_and_what_fails_at_once_is_not(aws: Aws, prompt: PromptCalls) -> None:
    count_calls(count := CallCount())
    await prompt.call("dynamodb", "get_item")
    fail_from_now_on()
    with pytest.raises(UnavailableError):
        await prompt.call("dynamodb", "get_item")
    assert count.calls == len(aws.made) == 1


async def test_a_call_without_an_answer_ends_in_time_and_the_next_at_once(aws: Aws, prompt: PromptCalls) -> None:
    aws.silent = True
    with pytest.raises(UnavailableError):
        await prompt.call("dynamodb", "get_item")
    with pytest.raises(UnavailableError):
        await prompt.call("dynamodb", "get_item")
    assert aws.made == ["dynamodb.get_item"]
    assert aws.at_once == 0


async def test_who_has_waited_long_enough_is_told_at_once_and_nobody_else(aws: Aws, prompt: PromptCalls) -> None:
    async def request() -> None:
        fail_from_now_on()
        with pytest.raises(UnavailableError):
            await prompt.call("dynamodb", "get_item")
        assert aws.made == []
        await asyncio.create_task(next_on_the_connection())

    async def next_on_the_connection() -> None:
        wait_again()
        await prompt.call("dynamodb", "get_item")

    await asyncio.create_task(request())
    assert aws.made == ["dynamodb.get_item"]
    await prompt.call("dynamodb", "get_item")


async def test_the_services_fail_one_by_one(aws: Aws, prompt: PromptCalls) -> None:
    aws.error = EndpointConnectionError(endpoint_url="x")
    with pytest.raises(UnavailableError):
        await prompt.call("stepfunctions", "start_execution")
    aws.error = None
    await prompt.call("dynamodb", "get_item")
    with pytest.raises(UnavailableError):
        await prompt.call("stepfunctions", "start_execution")


async def after_silence(aws: Aws) -> PromptCalls:
    """Return calls that have found AWS silent, when the pause that they make thereupon is over."""
    prompt = PromptCalls(aws, AwsLimits(call_seconds=0.05, pause_seconds=0.02))
    aws.error = SILENCE
    with pytest.raises(UnavailableError):
        await prompt.call("dynamodb", "get_item")
    await asyncio.sleep(0.03)
    return prompt


async def test_it_recovers_by_itself(aws: Aws) -> None:
    prompt = await after_silence(aws)
    aws.error = None
    for _ in range(2):
        await prompt.call("dynamodb", "get_item")


async def test_a_refusal_is_an_answer_after_which_all_go_on(aws: Aws) -> None:
    prompt = await after_silence(aws)
    aws.error = refusal_of(0)
    for _ in range(2):
        with pytest.raises(ClientError):
            await prompt.call("dynamodb", "put_item")


@pytest.mark.parametrize(
    ("operation", "unknown"),
    [
        ("transact_write_items", True),
        ("put_item", True),
        ("start_execution", True),
        ("get_item", False),
        ("batch_get_item", False),
        ("query", False),
        ("scan", False),
        ("describe_table", False),
    ],
)
async def test_what_became_of_a_write_is_unknown(
    aws: Aws, prompt: PromptCalls, operation: str, *, unknown: bool
) -> None:
    aws.error = SILENCE
    with pytest.raises(UnavailableError) as caught:
        await prompt.call("dynamodb", operation)
    assert caught.value.is_outcome_unknown is unknown
    assert ("Idempotency-Key" in str(caught.value)) is unknown
    with pytest.raises(UnavailableError) as refused:
        await prompt.call("dynamodb", operation)
    assert not refused.value.is_outcome_unknown


async def test_throttling_is_an_answer_and_the_write_was_not_done(aws: Aws, prompt: PromptCalls) -> None:
    aws.error = ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem")
    for _ in range(2):
        with pytest.raises(UnavailableError) as caught:
            await prompt.call("dynamodb", "put_item")
        assert not caught.value.is_outcome_unknown
    assert len(aws.made) == 2


async def test_throttling_after_a_lost_answer_leaves_a_writes_outcome_unknown(
    aws: Aws, prompt: PromptCalls
) -> None:
    throttled: Any = {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"RetryAttempts": 1}}
    aws.error = ClientError(throttled, "PutItem")
    for operation, unknown in (("put_item", True), ("get_item", False)):
        with pytest.raises(UnavailableError) as caught:
            await prompt.call("dynamodb", operation)
        assert caught.value.is_outcome_unknown is unknown


def refusal_of(attempts: int) -> ClientError:
    error: Any = {
        "Error": {"Code": "ConditionalCheckFailedException"},
        "ResponseMetadata": {"RetryAttempts": attempts},
    }
    return ClientError(error, "PutItem")


@pytest.mark.parametrize(
    ("operation", "error", "sent"),
    [
        ("put_item", None, True),
        ("put_item", SILENCE, True),
        ("put_item", refusal_of(0), False),
        ("put_item", refusal_of(1), True),
        ("get_item", None, False),
        ("get_item", SILENCE, False),
        ("get_item", refusal_of(1), False),
    ],
)
async def test_a_write_that_may_have_been_carried_out_is_noted(
    aws: Aws, prompt: PromptCalls, operation: str, error: Exception | None, *, sent: bool
) -> None:
    aws.error = error
    with watched_writes():
        with suppress(Exception):
            await asyncio.create_task(prompt.call("dynamodb", operation))
        assert was_any_sent() is sent
    assert not was_any_sent()


async def test_a_write_that_the_breaker_refuses_was_not_sent(aws: Aws, prompt: PromptCalls) -> None:
    aws.error = SILENCE
    with watched_writes():
        for operation in ("get_item", "put_item"):
            with pytest.raises(UnavailableError) as caught:
                await prompt.call("dynamodb", operation)
            assert not caught.value.is_outcome_unknown
        assert not was_any_sent()


async def test_to_wait_for_a_connection_is_not_awss_silence(aws: Aws) -> None:
    prompt = PromptCalls(aws, AwsLimits(call_seconds=0.2), at_once=2)

    async def slow(*_: object, **__: object) -> None:
        aws.at_once += 1
        aws.most = max(aws.most, aws.at_once)
        await asyncio.sleep(0.05)
        aws.at_once -= 1

    aws.call = slow  # type: ignore[method-assign]  # for this test only
    await asyncio.gather(*(prompt.call("dynamodb", "get_item") for _ in range(12)))
    assert aws.most == 2


async def test_a_busy_event_loop_is_not_awss_silence(aws: Aws) -> None:
    """The answer is there after 10 ms, but the loop gets to it only after the whole time has passed."""
    prompt = PromptCalls(aws, AwsLimits(call_seconds=0.1))

    async def answer(*_: object, **__: object) -> str:
        for _turn in range(4):
            await asyncio.sleep(0.002)
        return "an answer"

    async def keep_busy() -> None:
        for _ in range(8):
            time.sleep(0.05)  # noqa: ASYNC251 — as other requests do
            await asyncio.sleep(0)

    aws.call = answer  # type: ignore[method-assign]  # for this test only
    busy = asyncio.create_task(keep_busy())
    assert await prompt.call("dynamodb", "get_item") == "an answer"
    await busy


async def test_whose_client_leaves_frees_the_connection(aws: Aws) -> None:
    prompt = PromptCalls(aws, at_once=1)
    aws.silent = True
    left = asyncio.create_task(prompt.call("dynamodb", "get_item"))
    await asyncio.sleep(0)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    aws.silent = False
    async with asyncio.timeout(1):
        await prompt.call("dynamodb", "get_item")


async def test_pauses_and_queues_are_those_of_the_calls_themselves(aws: Aws, prompt: PromptCalls) -> None:
    await prompt.pause(3)
    async with prompt.queue(("alice",), by="bob"):
        pass
    assert (aws.paused, aws.queued) == ([3], [(("alice",), "bob")])


async def test_each_service_that_was_called_has_a_breaker_to_look_at(prompt: PromptCalls) -> None:
    assert prompt.breakers == {}
    await prompt.call("dynamodb", "get_item")
    await prompt.call("dynamodb", "query")
    await prompt.call("sqs", "receive_message")
    assert {name: one.calls["answered"] for name, one in prompt.breakers.items()} == {"dynamodb": 2, "sqs": 1}


async def test_another_error_is_passed_on(aws: Aws, prompt: PromptCalls) -> None:
    aws.error = ContentionError("x")
    with pytest.raises(ContentionError):
        await prompt.call("dynamodb", "get_item")


def test_limits_are_what_they_were_meant_to_be() -> None:
    assert (AwsLimits().call_seconds, AwsLimits().pause_seconds) == (1.5, 0.5)
