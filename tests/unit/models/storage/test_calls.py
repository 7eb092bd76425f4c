"""Calls from a thread, over botocore."""

import asyncio
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiobotocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.loaders import Loader
from botocore.session import Session, get_session

from models.errors import StoppedError
from models.storage.calls import BlockingCalls, drive, new_client, with_shared_loader
from models.storage.sent_calls import CallCount, count_calls
from tests.unit.models.storage.one_read import READ, ROW, account, is_patient, sent

__all__ = ["account"]
pytestmark = pytest.mark.usefixtures("account")


def answer(request: Any, **_: Any) -> AWSResponse:
    """Answer a request of botocore's instead of sending it."""
    raw = SimpleNamespace(stream=lambda: [sent(request)])
    return AWSResponse(request.url, 200, HTTPHeaders(), raw)


def test_sessions_share_what_is_known_of_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def known(session: Session) -> Loader:
        found: Loader = session.get_component("data_loader")
        return found

    one, other = with_shared_loader(get_session()), with_shared_loader(aiobotocore.session.get_session())
    assert known(one) is known(other)
    assert known(one) is not known(get_session())
    assert new_client("dynamodb").meta.service_model.service_name == "dynamodb"
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert str(tmp_path) in known(with_shared_loader(get_session())).search_paths


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


def test_what_is_not_called_directly_is_called_by_the_client() -> None:
    tables = {"TableNames": ["a"]}
    calls = BlockingCalls()
    calls._client("dynamodb")
    calls._clients["dynamodb"] = SimpleNamespace(list_tables=lambda: tables)
    assert drive(calls.call("dynamodb", "list_tables")) is tables


async def test_each_call_is_counted() -> None:
    calls = BlockingCalls()
    calls._clients["dynamodb"] = SimpleNamespace(list_tables=dict)
    count_calls(count := CallCount())
    for _ in range(2):
        await calls.call("dynamodb", "list_tables")
    assert count.calls == 2


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
    calls = BlockingCalls()
    assert calls.is_free(["alice", "bob"])
    async with calls.queue(["alice"]):
        assert not calls.is_free(["alice", "bob"])
        assert calls.is_free(["bob"])
    assert calls.is_free(["alice"])
