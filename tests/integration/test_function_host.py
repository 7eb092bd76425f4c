"""The function host keeps Lambda's contract, which the local cloud relies on."""

import gc
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.settings import Settings
from workflows.deployment.local import event_posts
from workflows.deployment.local.function_host import Address, FunctionHost
from workflows.deployment.local.local_aws import open_function_host
from workflows.deployment.local.local_cloud import LocalCloudError
from workflows.handlers import Function

NAMES = Settings(stack="hosted").names
begun = threading.Event()


def accept(event: Any, _context: Any) -> Any:
    return event


def fail(_event: Any, _context: Any) -> Any:
    raise ValueError("on purpose")


def leave(_event: Any, _context: Any) -> None:
    raise SystemExit("on purpose")


def fail_unspeakably(_event: Any, _context: Any) -> None:
    raise ValueError("\ud800")


def take_long(event: Any, _context: Any) -> Any:
    begun.set()
    time.sleep(0.5)
    return event


def tell(event: Any, context: Any) -> Any:
    return {"event": event, "name": context.function_name, "left": context.get_remaining_time_in_millis()}


FUNCTIONS = {
    "accept": Function(handler=f"{__name__}.accept"),
    "fail": Function(handler=f"{__name__}.fail"),
    "leave": Function(handler=f"{__name__}.leave"),
    "fail_unspeakably": Function(handler=f"{__name__}.fail_unspeakably"),
    "take_long": Function(handler=f"{__name__}.take_long"),
    "tell": Function(handler=f"{__name__}.tell", timeout=30),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "functions.json"


@pytest.fixture
def host(file: Path) -> Iterator[FunctionHost]:
    with FunctionHost(NAMES, file, functions=FUNCTIONS) as running:
        yield running


def post(host: FunctionHost, name: str, event: object, *, path: str = "", **further: str) -> httpx.Response:
    headers = {"X-Amzn-Lambda-Function-Name": NAMES.function(name), **further}
    return httpx.post(host.address.url + path, json=event, headers=headers, timeout=30)


def test_an_event_goes_in_and_json_comes_out(host: FunctionHost) -> None:
    assert post(host, "accept", {"a": [1, None]}).json() == {"a": [1, None]}


def test_a_handler_knows_its_name_and_time(host: FunctionHost) -> None:
    answer = post(host, "tell", 1).json()
    assert 10_000 < answer.pop("left") <= 30_000
    assert answer == {"event": 1, "name": "hosted-tell"}


def test_an_exception_is_an_error_with_its_type(host: FunctionHost) -> None:
    answer = post(host, "fail", {})
    assert answer.status_code == 500
    assert answer.json() == {"errorType": "ValueError", "errorMessage": "on purpose"}


def test_an_event_may_come_in_parts_and_its_connection_is_closed(host: FunctionHost) -> None:
    named = f"X-Amzn-Lambda-Function-Name: {NAMES.function('accept')}"
    one = f"POST /{host.address.secret} HTTP/1.1\r\n{named}\r\nContent-Length: 2\r\n\r\n17".encode()
    with socket.create_connection(("127.0.0.1", host.address.port), timeout=10) as caller:
        for part in (one[:30], one[30:-1], one[-1:]):
            caller.sendall(part)
            time.sleep(0.05)
        received = b""
        while part := caller.recv(4096):
            received += part
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"\r\n\r\n17")


def test_calls_wait_for_a_thread_and_whoever_sends_nothing_does_not_keep_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_posts, "_SECONDS", 0.5)
    with (
        FunctionHost(NAMES, file, functions=FUNCTIONS, threads=1) as host,
        socket.create_connection(("127.0.0.1", host.address.port)),
        ThreadPoolExecutor(4) as callers,
    ):
        answers = list(callers.map(lambda event: post(host, "accept", event).json(), range(4)))
    assert answers == [0, 1, 2, 3]


@pytest.mark.parametrize("function", ["leave", "fail", "fail_unspeakably"])
def test_a_thread_outlives_whatever_a_function_raises(file: Path, function: str) -> None:
    with FunctionHost(NAMES, file, functions=FUNCTIONS, threads=1) as host:
        assert post(host, function, 1).json()["errorType"] in ("SystemExit", "ValueError")
        assert post(host, "accept", 1).json() == 1


def test_a_call_that_nobody_waits_for_any_more_is_not_run(host: FunctionHost) -> None:
    late, soon = (str(int(1000 * (time.time() + left))) for left in (-1, 2))
    answer = post(host, "fail", 1, **{"X-Amzn-Lambda-Deadline-Ms": late})
    assert (answer.status_code, answer.json()["errorType"]) == (504, "Sandbox.Timedout")
    assert 0 < post(host, "tell", 1, **{"X-Amzn-Lambda-Deadline-Ms": soon}).json()["left"] <= 2_000


def test_a_start_that_fails_leaves_nothing_open(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = threading.active_count()
    monkeypatch.setattr(Address, "save", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        FunctionHost(NAMES, file, functions=FUNCTIONS).__enter__()
    assert threading.active_count() == threads
    gc.collect()  # an unclosed socket is a warning here, and a warning is an error


@pytest.mark.parametrize("port", ["0", "99999999", '"abc"', "[]"])
def test_an_address_with_an_invalid_port_is_made_anew(file: Path, port: str) -> None:
    file.write_text(f'{{"port": {port}, "secret": "s"}}')
    with FunctionHost(NAMES, file, functions=FUNCTIONS) as host:
        assert post(host, "accept", 1).json() == 1


def test_whoever_leaves_harms_nobody(file: Path) -> None:
    with FunctionHost(NAMES, file, functions=FUNCTIONS, threads=1) as host:
        headers = {"X-Amzn-Lambda-Function-Name": NAMES.function("take_long")}
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(host.address.url, json="x" * 5_000_000, headers=headers, timeout=0.2)
        assert post(host, "accept", 1).json() == 1


def test_a_function_that_runs_when_the_host_stops_is_answered(file: Path) -> None:
    begun.clear()
    with ThreadPoolExecutor(1) as callers:
        with FunctionHost(NAMES, file, functions=FUNCTIONS) as host:
            answering = callers.submit(post, host, "take_long", 7)
            assert begun.wait(10)
        assert answering.result(0.1).json() == 7
    with pytest.raises(httpx.ConnectError):
        post(host, "accept", 1)


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 "),
        (b"GET %s HTTP/1.1\r\n\r\n", b"HTTP/1.1 405 "),
        (b"POST %s HTTP/1.1\r\n\r\n", b"HTTP/1.1 411 "),
        (b"POST %s\r\n\r\n", b"HTTP/1.1 400 "),
        (b"POST %s HTTP/1.1\r\nContent-Length: 6000001\r\n\r\n", b"HTTP/1.1 413 "),
        (b"POST %s HTTP/1.1\r\nContent-Length: " + 5_000 * b"9" + b"\r\n\r\n", b"HTTP/1.1 413 "),
        (b"x" * 70_000, b""),
    ],
)
def test_whatever_else_is_sent_is_refused_and_the_connection_closed(
    host: FunctionHost, sent: bytes, answered: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", host.address.port), timeout=10) as caller:
        caller.sendall(sent.replace(b"%s", f"/{host.address.secret}".encode()))
        received = b""
        with suppress(ConnectionResetError):
            while part := caller.recv(4096):
                received += part
    assert received.startswith(answered)


def test_an_unknown_function_is_not_found(host: FunctionHost) -> None:
    answer = post(host, "nobody", {})
    assert (answer.status_code, answer.json()["errorType"]) == (404, "ResourceNotFoundException")


def test_whoever_does_not_know_the_secret_calls_nothing(host: FunctionHost) -> None:
    assert post(host, "accept", {}, path="x").status_code == 404


def test_its_address_lasts_until_the_next_start_and_is_for_its_owner_only(file: Path) -> None:
    with FunctionHost(NAMES, file, functions=FUNCTIONS) as first:
        address = first.address
    with FunctionHost(NAMES, file, functions=FUNCTIONS) as second:
        assert second.address == address
    assert file.stat().st_mode & 0o077 == 0


def test_what_is_hosted_already_is_not_hosted_twice(tmp_path: Path) -> None:
    with open_function_host(tmp_path, Settings()), pytest.raises(LocalCloudError, match="--functions external"):
        open_function_host(tmp_path, Settings(), separate=True)
    open_function_host(tmp_path, Settings(), separate=True)


@pytest.mark.long
def test_a_caller_at_the_last_moment_leaves_no_socket_open(file: Path) -> None:
    for _ in range(20):
        with FunctionHost(NAMES, file, functions=FUNCTIONS) as host:
            assert host.address.is_served()
        gc.collect()  # an unclosed socket is a warning here, and a warning is an error
