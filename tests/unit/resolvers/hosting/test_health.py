"""Whether a server is ready is asked of AWS a little at a time, and `/healthz` asks nobody."""

import json
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from starlette.requests import Request

from models.errors import ExpectedError
from models.storage.names import Names
from models.tables import TABLES
from resolvers.hosting import health
from resolvers.hosting.health import Health

NAMES = Names(stack="bank", region="eu-west-1", account="1" * 12)
MACHINES = ("A", "B", "C", "D", "E")


class Aws:
    """Calls that are counted; what is gone is missing."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.gone: set[str] = set()

    async def call(self, _service: str, operation: str, **params: Any) -> Any:
        (name,) = params.values()
        self.asked[operation] += 1
        if name in self.gone:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": name}}, operation)
        return {"Table": {"TableStatus": "ACTIVE"}, "status": "ACTIVE"}

    async def healthy(self) -> bool:
        return "feed" not in self.gone


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    monkeypatch.setattr(health, "_CACHED_SECONDS", -1)
    return Aws()


def checked(aws: Aws) -> Health:
    store: Any = SimpleNamespace(calls=aws, names=NAMES)
    feed: Any = aws
    return Health(store, feed, tables=TABLES, machines=MACHINES)


async def test_a_check_asks_for_one_table_and_one_machine(aws: Aws) -> None:
    # Found: each asked for all tables and all machines, of every server, every second.
    one = checked(aws)
    assert await one.missing() == []
    assert aws.asked == {"describe_table": 1, "describe_state_machine": 1}


async def test_a_result_is_used_again_for_a_while(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_CACHED_SECONDS", 60)
    one = checked(aws)
    for _ in range(5):
        assert await one.missing() == []
    assert aws.asked.total() == 2


async def test_whatever_is_gone_is_found_in_its_turn_and_asked_for_until_it_is_back(aws: Aws) -> None:
    one = checked(aws)
    gone = NAMES.table(TABLES[3])
    aws.gone = {gone, NAMES.state_machine_arn("B")}
    for _ in range(len(TABLES)):
        missing = await one.missing()
    assert set(missing) == {f"table {gone}", "state machine bank-B"}
    aws.gone = set()
    assert await one.missing() == []


async def test_a_server_does_not_start_unless_all_is_there(aws: Aws) -> None:
    aws.gone = {NAMES.state_machine_arn("E")}
    with pytest.raises(ExpectedError, match="bank-E"):
        await checked(aws).check_deployment()
    assert aws.asked == {"describe_table": len(TABLES), "describe_state_machine": len(MACHINES)}


class SlowAws(Aws):
    """AWS that answers nothing for its first rounds."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self._silent = rounds * (len(TABLES) + len(MACHINES))

    async def call(self, _service: str, operation: str, **params: Any) -> Any:
        if self.asked.total() < self._silent:
            self.asked[operation] += 1
            raise TimeoutError
        return await super().call(_service, operation, **params)


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_CACHED_SECONDS", 0)


@pytest.mark.usefixtures("_at_once")
async def test_a_server_that_starts_asks_again_while_aws_is_slow() -> None:
    aws = SlowAws(2)
    await checked(aws).check_deployment()
    assert aws.asked.total() == 3 * (len(TABLES) + len(MACHINES))


@pytest.mark.usefixtures("_at_once")
async def test_a_server_does_not_start_where_aws_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_START_SECONDS", 0)
    with pytest.raises(ExpectedError, match="start again: nothing came within"):
        await checked(SlowAws(2)).check_deployment()


async def test_the_balancer_s_check_asks_nobody_and_monitoring_is_told_what_is_missing(aws: Aws) -> None:
    aws.gone = {"feed"}
    one, request = checked(aws), Request({"type": "http"})
    assert json.loads(bytes((await one.alive(request)).body)) == {"status": "alive"}
    assert aws.asked.total() == 0
    answer = await one.ready(request)
    assert (answer.status_code, json.loads(bytes(answer.body))["missing"]) == (503, ["change feed"])
