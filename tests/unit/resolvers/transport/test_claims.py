"""A key is claimed before its mutation runs; each claim ends, whatever goes wrong, so that the key can be used."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from strawberry.types import ExecutionResult
from structlog.testing import capture_logs

from models import clock, tables
from models.errors import ContentionError, UnavailableError
from models.idempotency import KeyedRequest
from models.storage.store import Item
from resolvers import polling
from resolvers.transport.over_http import idempotency as under_keys
from resolvers.transport.over_http.idempotency import Idempotency
from schema.errors import report_any
from tests.unit.resolvers.transport.keyed_posts import Rows, store

__all__ = ["store"]

ASKED = KeyedRequest.by("alice", "key", "hash")


async def run_never() -> ExecutionResult:
    raise AssertionError("it ran")


async def run_once() -> ExecutionResult:
    return ExecutionResult(data={"done": True}, errors=None)


async def test_an_equal_request_waits_for_the_first(store: Rows) -> None:
    keys = Idempotency(store, clock.now)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def run() -> ExecutionResult:
        begun.set()
        await go_on.wait()
        return await run_once()

    first = asyncio.create_task(keys.run_once(ASKED, run))
    await begun.wait()
    second = asyncio.create_task(keys.run_once(ASKED, run_never))
    await asyncio.sleep(0)
    go_on.set()
    assert (await first)[1] is False
    result, is_replayed = await second
    assert (result.data, is_replayed) == ({"done": True}, True)


async def test_it_does_not_wait_for_ever(store: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "TIMEOUT_SECONDS", 0.1)
    await Idempotency(store, clock.now)._claim(ASKED, "another")
    with pytest.raises(ContentionError, match="send it again"):
        await Idempotency(store, clock.now).run_once(ASKED, run_never)


async def test_a_claim_that_has_lapsed_is_taken_over(store: Rows) -> None:
    slow = Idempotency(store, clock.now, claimed_for=timedelta(0))

    async def outlived() -> ExecutionResult:
        await Idempotency(store, clock.now).run_once(ASKED, run_once)
        return ExecutionResult(data={"done": "late"}, errors=None)

    with capture_logs() as logs:
        result, _ = await slow.run_once(ASKED, outlived)
    assert result.data == {"done": "late"}
    assert "outlived" in logs[0]["event"]
    assert (await slow.run_once(ASKED, run_never))[0].data == {"done": True}


async def test_a_claim_whose_answer_was_lost_is_known_again(store: Rows) -> None:
    store.lost_answers = 1
    assert (await Idempotency(store, clock.now).run_once(ASKED, run_once))[1] is False


async def test_what_raises_gives_the_claim_back(store: Rows) -> None:
    keys = Idempotency(store, clock.now)
    with pytest.raises(AssertionError, match="it ran"):
        await keys.run_once(ASKED, run_never)
    assert (await keys.run_once(ASKED, run_once))[1] is False


async def run_unavailable() -> ExecutionResult:
    return ExecutionResult(data={"it": None}, errors=[report_any(UnavailableError(is_outcome_unknown=True))])


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_keys, "_END_INTERVAL_SECONDS", 0.01)


async def ended(keys: Idempotency) -> None:
    """Wait until every claim that is to be ended has been, or was given up."""
    async with asyncio.timeout(3):
        while keys._ending:
            await asyncio.gather(*keys._ending)


@pytest.mark.usefixtures("_soon")
async def test_a_mutation_that_aws_did_not_answer_is_repeatable_once_it_does(store: Rows) -> None:
    keys = Idempotency(store, clock.now)
    result, _ = await keys.run_once(ASKED, run_unavailable)
    assert result.errors
    store.silent = 3
    await ended(keys)
    assert store.silent == 0
    assert (await keys.run_once(ASKED, run_once))[1] is False
    assert (await keys.run_once(ASKED, run_never))[1] is True


@pytest.mark.usefixtures("_soon")
async def test_a_claim_that_is_stored_late_is_ended_then(store: Rows) -> None:
    keys, late = Idempotency(store, clock.now), []
    store.silent = 1
    put = store.put

    async def put_late(table: type[tables.Table], item: Item, *, condition: Any = None) -> None:
        late.append(item)
        await put(table, item, condition=condition)

    store.put = put_late  # type: ignore[method-assign]  # for this test only
    with pytest.raises(UnavailableError):
        await keys.run_once(ASKED, run_never)
    await asyncio.sleep(0.02)
    assert keys._ending
    await put(tables.Idempotency, late[0])
    await ended(keys)
    store.put = put  # type: ignore[method-assign]  # for this test only
    assert (await keys.run_once(ASKED, run_once))[1] is False


@pytest.mark.usefixtures("_soon")
async def test_a_claim_that_was_never_stored_is_not_looked_for_for_ever(store: Rows) -> None:
    keys = Idempotency(store, clock.now)
    store.silent = 1
    with pytest.raises(UnavailableError):
        await keys.run_once(ASKED, run_never)
    await ended(keys)
    assert store.rows == {}


async def test_a_claim_that_was_not_even_sent_is_not_looked_for(
    store: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Idempotency(store, clock.now)
    monkeypatch.setattr(store, "put", _failing_put)
    with pytest.raises(UnavailableError):
        await keys.run_once(ASKED, run_never)
    assert not keys._ending


async def _failing_put(*_: Any, **__: Any) -> None:
    raise UnavailableError


@pytest.mark.usefixtures("_soon")
async def test_an_answer_that_could_not_be_saved_is_saved_once_aws_answers(store: Rows) -> None:
    keys = Idempotency(store, clock.now)
    store.silent = 0

    async def run() -> ExecutionResult:
        store.silent = 3
        return await run_once()

    assert (await keys.run_once(ASKED, run))[0].data == {"done": True}
    await ended(keys)
    assert (await keys.run_once(ASKED, run_never))[1] is True


@pytest.mark.usefixtures("_soon")
async def test_whoever_leaves_gives_the_claim_back(store: Rows) -> None:
    keys, begun = Idempotency(store, clock.now), asyncio.Event()

    async def run() -> ExecutionResult:
        begun.set()
        await asyncio.Event().wait()
        return await run_never()

    left = asyncio.create_task(keys.run_once(ASKED, run))
    await begun.wait()
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    await ended(keys)
    assert (await keys.run_once(ASKED, run_once))[1] is False


async def test_no_more_claims_are_ended_later_than_memory_has_room_for(
    store: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_keys, "_MOST_ENDING", 0)
    keys = Idempotency(store, clock.now)
    await keys.run_once(ASKED, run_unavailable)
    assert not keys._ending
