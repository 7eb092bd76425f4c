"""Functions are called in their order, so many at once, and nobody waits for ever."""

import asyncio
import threading
from typing import Any

import pytest
from structlog.testing import capture_logs

from resolvers.functions.calls import FunctionCalls, FunctionLimits
from schema.amplify.catalogue import FunctionCall, OwnField, RootType
from schema.errors import FunctionError, NotServedError

EVENT = {"arguments": {"name": "bob"}}


def field(*names: str, is_event: bool = False) -> OwnField:
    return OwnField(RootType.QUERY, "hello", functions=tuple(FunctionCall(name, is_event) for name in names))


async def shout(event: dict[str, Any]) -> str:
    return str(event["prev"]["result"]).upper()


def greet(event: dict[str, Any]) -> str:
    assert event["prev"] is None
    return f"hello {event['arguments']['name']}"


def fail(_event: dict[str, Any]) -> None:
    raise ValueError("a secret")


async def test_each_gets_the_answer_of_the_one_before() -> None:
    calls = FunctionCalls({"greet": greet, "shout": shout})
    assert await calls.answer(field("greet-${env}", "shout"), EVENT) == "HELLO BOB"


async def test_a_function_that_is_not_there_is_named() -> None:
    with pytest.raises(NotServedError, match=r"hello is not served: functions.py has no function send_mail"):
        await FunctionCalls({}).answer(field("send-mail-${env}"), EVENT)


async def test_what_went_wrong_is_for_the_log_only() -> None:
    with capture_logs() as logged, pytest.raises(FunctionError, match=r"^fail failed: ValueError$"):
        await FunctionCalls({"fail": fail}).answer(field("fail"), EVENT)
    assert [line["function"] for line in logged] == ["fail"]


async def test_a_slow_one_keeps_its_place_until_it_ends() -> None:
    go_on = threading.Event()
    limits = FunctionLimits(seconds=0.05, at_once=1, waiting=1)
    calls = FunctionCalls({"wait": lambda _event: go_on.wait(5), "greet": greet}, limits)
    with pytest.raises(FunctionError, match=r"wait took longer than 0\.05 s"):
        await calls.answer(field("wait"), EVENT)
    with pytest.raises(FunctionError, match="greet took longer"):
        await calls.answer(field("greet"), EVENT)
    with pytest.raises(FunctionError, match="too much to do"):
        await calls.answer(field("greet"), EVENT)
    go_on.set()
    async with asyncio.timeout(5):
        while calls.unfinished:  # noqa: ASYNC110 — a thread reports its end in no other way
            await asyncio.sleep(0.01)
    assert await calls.answer(field("greet"), EVENT) == "hello bob"


async def test_a_slow_coroutine_is_ended() -> None:
    ended = asyncio.Event()

    async def wait(_event: dict[str, Any]) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    with pytest.raises(FunctionError, match="took longer"):
        await FunctionCalls({"wait": wait}, FunctionLimits(seconds=0.05)).answer(field("wait"), EVENT)
    await asyncio.wait_for(ended.wait(), 5)


async def test_nobody_waits_for_an_event() -> None:
    heard = asyncio.Event()

    async def hear(_event: dict[str, Any]) -> None:
        heard.set()
        raise ValueError

    with capture_logs() as logged:
        assert await FunctionCalls({"hear": hear}).answer(field("hear", is_event=True), EVENT) is None
        await asyncio.wait_for(heard.wait(), 5)
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
    assert "a function that nobody waits for failed" in [line["event"] for line in logged]
