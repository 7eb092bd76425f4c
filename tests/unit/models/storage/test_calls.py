"""Two ways to AWS, one kind of coroutine."""

import asyncio
import json
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiobotocore.awsrequest import AioAWSResponse
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from models.errors import StoppedError
from models.storage.calls import AsyncCalls, BlockingCalls, drive
from models.storage.lines import LineLimits
from models.storage.parsing import RowParsers

READ: dict[str, Any] = {"TableName": "unit-User", "Key": {"id": {"S": "alice"}}}
ROW = {"Item": {"id": {"S": "alice"}}}


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "unit")


def sent(request: Any) -> bytes:
    """Return what DynamoDB answers to the one request that these tests send."""
    assert request.headers["X-Amz-Target"] == b"DynamoDB_20120810.GetItem"
    assert json.loads(request.body) == READ
    return json.dumps(ROW).encode()


def answer(request: Any, **_: Any) -> AWSResponse:
    """Answer a request of botocore's instead of sending it."""
    raw = SimpleNamespace(stream=lambda: [sent(request)])
    return AWSResponse(request.url, 200, HTTPHeaders(), raw)


async def answer_async(request: Any, **_: Any) -> AioAWSResponse:
    """Answer a request of aiobotocore's instead of sending it."""
    response = AioAWSResponse(request.url, 200, {}, None)
    response._content = sent(request)
    return response


def is_patient(client: Any, connections: int) -> bool:
    """Return whether a client waits, retries and connects as every client of ours does."""
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 6)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    return bool(config.max_pool_connections == connections)


def _parsers(client: Any) -> object:
    return client._endpoint._response_parser_factory


async def test_the_event_loop_calls_over_aiobotocore() -> None:
    async with AsyncCalls(("dynamodb", "stepfunctions", "dynamodbstreams")) as calls:
        assert set(calls._clients) == {"dynamodb", "stepfunctions", "dynamodbstreams"}
        client = calls._clients["dynamodb"]
        assert is_patient(client, 100)
        assert calls._direct.keys() == {"dynamodb", "stepfunctions"}
        rows = {name for name, one in calls._clients.items() if isinstance(_parsers(one), RowParsers)}
        assert rows == {"dynamodb", "dynamodbstreams"}
        calls._direct.clear()  # what is not called directly goes this way
        client.meta.events.register("before-send.dynamodb", answer_async)
        assert (await calls.call("dynamodb", "get_item", **READ))["Item"] == ROW["Item"]


async def test_what_is_not_called_directly_is_called_by_the_client() -> None:
    tables = {"TableNames": ["a"]}

    async def list_tables() -> Any:
        return tables

    async with AsyncCalls(("dynamodb",)) as calls:
        calls._clients["dynamodb"] = SimpleNamespace(list_tables=list_tables)
        assert await calls.call("dynamodb", "list_tables") is tables
    blocking = BlockingCalls()
    blocking._client("dynamodb")
    blocking._clients["dynamodb"] = SimpleNamespace(list_tables=lambda: tables)
    assert drive(blocking.call("dynamodb", "list_tables")) is tables


def test_lines_are_bounded_as_they_are_told_or_by_default() -> None:
    assert AsyncCalls(())._lines._limits == LineLimits()
    assert AsyncCalls((), lines=LineLimits(waiting=3))._lines._limits == LineLimits(waiting=3)


async def test_clients_are_closed_at_the_end() -> None:
    async with AsyncCalls(("dynamodb",), connections=7) as calls:
        assert is_patient(calls._clients["dynamodb"], 7)
        exits: list[str] = []
        calls._stack.callback(exits.append, "closed")
    assert exits == ["closed"]


async def test_a_pause_gives_the_event_loop_to_others() -> None:
    calls = AsyncCalls(())
    order: list[str] = []

    async def work(name: str, seconds: float) -> None:
        await calls.pause(seconds)
        order.append(name)

    await asyncio.gather(work("long", 0.02), work("short", 0))
    assert order == ["short", "long"]


def test_a_thread_calls_over_botocore_with_one_client_per_service() -> None:
    calls = BlockingCalls()
    client = calls._client("dynamodb")
    assert is_patient(client, 64)
    assert is_patient(BlockingCalls(connections=7)._client("dynamodb"), 7)
    client.meta.events.register("before-send.dynamodb", answer)
    calls._direct.clear()  # what is not called directly goes this way
    assert drive(calls.call("dynamodb", "get_item", **READ))["Item"] == ROW["Item"]
    assert calls._client("dynamodb") is client
    assert calls._client("stepfunctions") is not client
    assert calls._client("dynamodbstreams") is not client
    assert calls._direct.keys() == {"stepfunctions"}


def test_a_thread_that_waited_for_another_takes_the_client_that_it_opened() -> None:
    calls, opened = BlockingCalls(), object()

    class Opening:
        """A lock that another thread held, and opened the client meanwhile."""

        def __enter__(self) -> None:
            calls._clients["dynamodb"] = opened

        def __exit__(self, *_: object) -> None:
            pass

    calls._opening = Opening()  # type: ignore[assignment]  # it is only entered and left
    assert calls._client("dynamodb") is opened


def test_a_thread_pauses_for_as_long_as_it_is_told() -> None:
    began = time.monotonic()
    drive(BlockingCalls().pause(0.05))
    assert time.monotonic() - began >= 0.04


def test_after_a_stop_nothing_is_called_and_nobody_sleeps_on() -> None:
    calls = BlockingCalls()
    calls.stop()
    with pytest.raises(StoppedError, match="stopping"):
        drive(calls.call("dynamodb", "get_item", **READ))
    assert calls._clients == {}
    began = time.monotonic()
    drive(calls.pause(60))
    assert time.monotonic() - began < 10


async def test_the_event_loop_queues_the_work_on_one_account() -> None:
    calls, inside, most = AsyncCalls(()), 0, 0

    async def work(keys: tuple[str, ...]) -> None:
        nonlocal inside, most
        async with calls.queue(keys):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async with asyncio.timeout(5):
        await asyncio.gather(*(work(keys) for keys in [("alice", "bob"), ("bob", "alice")] * 10))
    assert most == 1


async def test_work_that_was_cancelled_a_moment_ago_passes_its_turn_on() -> None:
    calls = AsyncCalls(())
    done: list[str] = []

    async def work(name: str) -> None:
        async with calls.queue(("alice",)):
            done.append(name)

    async with calls.queue(("alice",)):
        first, second = asyncio.create_task(work("first")), asyncio.create_task(work("second"))
        await asyncio.sleep(0)
        first.cancel()
    async with asyncio.timeout(5):
        await second
    assert first.cancelled()
    assert done == ["second"]


async def test_accounts_do_not_wait_for_each_other() -> None:
    calls = AsyncCalls(())
    async with asyncio.timeout(5), calls.queue(("alice",)), calls.queue(("bob", "bob")):
        pass


async def test_a_place_in_line_is_given_up_after_an_error() -> None:
    calls = AsyncCalls(())
    with pytest.raises(ZeroDivisionError):
        async with calls.queue(("alice",)):
            raise ZeroDivisionError
    async with asyncio.timeout(5), calls.queue(("alice",)):
        pass
    assert len(calls._lines) == 0


def test_threads_queue_the_work_on_one_account() -> None:
    calls, inside, most = BlockingCalls(), 0, 0

    async def work(keys: tuple[str, ...]) -> None:
        nonlocal inside, most
        async with calls.queue(keys):
            inside += 1
            most = max(most, inside)
            await calls.pause(0.001)
            inside -= 1

    orders = [("alice", "bob"), ("bob", "alice")] * 4
    threads = [threading.Thread(target=lambda keys=keys: drive(work(keys))) for keys in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=5)
    assert most == 1
    assert len(calls._lines) == 0


def test_driving_returns_the_result_and_passes_errors_on() -> None:
    async def two() -> int:
        return 2

    async def fail() -> int:
        raise ZeroDivisionError

    assert drive(two()) == 2
    with pytest.raises(ZeroDivisionError):
        drive(fail())


def test_what_needs_an_event_loop_cannot_be_driven() -> None:
    ended = []

    async def suspend() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            ended.append(True)

    coroutine = suspend()
    with pytest.raises(RuntimeError, match="must not suspend"):
        drive(coroutine)
    assert ended == [True]


async def test_an_account_is_free_until_somebody_queues_for_it() -> None:
    loop, thread = AsyncCalls(()), BlockingCalls()
    for calls in (loop, thread):
        assert calls.is_free(["alice", "bob"])
        async with calls.queue(["alice"]):
            assert not calls.is_free(["alice", "bob"])
            assert calls.is_free(["bob"])
        assert calls.is_free(["alice"])
