"""Calls from an event loop, over aiobotocore."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiobotocore.awsrequest import AioAWSResponse

from models.storage.async_calls import AsyncCalls
from models.storage.lines import LineLimits
from models.storage.parsing import RowParsers
from tests.unit.models.storage.one_read import READ, ROW, account, is_patient, sent

__all__ = ["account"]
pytestmark = pytest.mark.usefixtures("account")


async def answer_async(request: Any, **_: Any) -> AioAWSResponse:
    """Answer a request of aiobotocore's instead of sending it."""
    response = AioAWSResponse(request.url, 200, {}, None)
    response._content = sent(request)
    return response


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


async def test_an_account_is_free_until_somebody_queues_for_it() -> None:
    calls = AsyncCalls(())
    assert calls.is_free(["alice", "bob"])
    async with calls.queue(["alice"]):
        assert not calls.is_free(["alice", "bob"])
        assert calls.is_free(["bob"])
    assert calls.is_free(["alice"])
