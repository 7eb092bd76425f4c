"""Functions are called in their order, so many at once, and nobody waits for ever."""

import asyncio
import threading
from datetime import UTC, datetime
from decimal import Decimal
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


def leave(_event: dict[str, Any]) -> None:
    raise SystemExit(3)


async def leave_slowly(_event: dict[str, Any]) -> None:
    raise SystemExit(3)


def stop(_event: dict[str, Any]) -> None:
    raise StopIteration


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


@pytest.mark.parametrize(
    ("function", "raised"), [(leave, "SystemExit"), (leave_slowly, "SystemExit"), (stop, "StopIteration")]
)
async def test_a_function_ends_nothing_but_itself(function: Any, raised: str) -> None:
    calls = FunctionCalls({"f": function}, FunctionLimits(seconds=5, at_once=1))
    for _ in range(2):
        with capture_logs(), pytest.raises(FunctionError, match=f"^f failed: {raised}$"):
            await calls.answer(field("f"), EVENT)
    async with asyncio.timeout(5):
        while calls.unfinished:  # noqa: ASYNC110 — its end is told by the loop
            await asyncio.sleep(0)


async def test_a_coroutine_for_which_nobody_waits_any_more_ends_in_its_time() -> None:
    ended = asyncio.Event()

    async def wait(_event: dict[str, Any]) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    calls = FunctionCalls({"wait": wait}, FunctionLimits(seconds=0.05, at_once=1))
    asking = asyncio.create_task(calls.answer(field("wait"), EVENT))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_function_gets_an_event_of_its_own() -> None:
    def change(event: dict[str, Any]) -> list[str]:
        event["arguments"]["names"].append("more")
        return list(event["arguments"]["names"])

    event = {"arguments": {"names": ["bob"]}}
    assert await FunctionCalls({"change": change}).answer(field("change", "change"), event) == ["bob", "more"]
    assert event == {"arguments": {"names": ["bob"]}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            {1: Decimal("1.5"), "at": datetime(2026, 1, 31, tzinfo=UTC)},
            {"1": 1.5, "at": "2026-01-31T00:00:00+00:00"},
        ),
        ((1, float("nan")), [1, None]),
    ],
)
async def test_an_answer_is_what_json_can_say(answer: Any, expected: Any) -> None:
    assert await FunctionCalls({"f": lambda _event: answer}).answer(field("f"), EVENT) == expected


async def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(FunctionError, match="the answer of f is no JSON: Type is not JSON serializable: object"):
        await FunctionCalls({"f": lambda _event: object()}).answer(field("f"), EVENT)


async def test_an_answer_has_a_size() -> None:
    calls = FunctionCalls({"f": lambda _event: "x" * 10}, FunctionLimits(bytes=11))
    with pytest.raises(FunctionError, match="the answer of f has 12 bytes, and at most 11 are taken"):
        await calls.answer(field("f"), EVENT)
