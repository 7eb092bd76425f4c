"""Which failures are retried, for how long, and which are final."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from models.errors import BrokenLedgerError, ContentionError
from models.requests import payment
from models.transactions import retrying
from models.transactions.retrying import StaleSnapshotError, is_transient, retry
from tests.chaos.faults import Fault, cancelled, each_write
from tests.unit.builders import REQUEST_ID, Bank
from tests.unit.places import bank_at
from tests.unit.stored import stored


async def test_patience_ends_and_says_that_nothing_was_done() -> None:
    async with stored(
        bank_at("COMPLETED"), lambda call: Fault.CONFLICT if call.writes else None, patience=0.05
    ) as tables:
        before = await tables.read()
        with pytest.raises(ContentionError, match="nothing was done"):
            await tables.transactions.move(REQUEST_ID, payment.pay)
        assert await tables.read() == before


async def test_pauses_double_up_to_a_second_and_none_is_longer_than_chance_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with stored(bank_at("COMPLETED"), each_write(*[Fault.CONFLICT] * 8), patience=60) as tables:

        async def pause(_seconds: float) -> None: ...

        monkeypatch.setattr(tables.engine, "pause", pause)
        monkeypatch.setattr("random.uniform", lambda _low, high: high)
        await tables.transactions.move(REQUEST_ID, payment.pay)
        assert tables.strict.paused == [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1, 1]


async def test_a_pause_may_be_as_short_as_chance_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stored(bank_at("COMPLETED"), each_write(*[Fault.CONFLICT] * 3)) as tables:
        monkeypatch.setattr("random.uniform", lambda low, _high: low)
        await tables.transactions.move(REQUEST_ID, payment.pay)
        assert tables.strict.paused == [0, 0, 0]


@pytest.mark.parametrize("conflicts", [0, 1, 2])
async def test_what_is_final_is_not_tried_again(conflicts: int) -> None:
    failures = [*[refusal("TransactionConflictException")] * conflicts, ValueError("final")]

    async def attempt() -> None:
        raise failures.pop(0)

    async with stored(Bank(), patience=0.05) as tables:
        with pytest.raises(ValueError, match="final"):
            await retry(tables.calls, attempt)


def test_patience_is_what_the_design_says() -> None:
    assert retrying.PATIENCE_SECONDS == 20


def refusal(code: str, *reasons: str) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": ""}}
    if reasons:
        response["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(response, "TransactWriteItems")


PASSING = [
    "TransactionInProgressException", "TransactionConflictException", "IdempotentParameterMismatchException",
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException",
    "InternalServerError", "ServiceUnavailable",
]  # fmt: skip
PASSING_REASONS = [
    "None", "ConditionalCheckFailed", "TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError",
]  # fmt: skip


@pytest.mark.parametrize(
    "error",
    [
        *(refusal(code) for code in PASSING),
        *(cancelled(reason) for reason in PASSING_REASONS),
        refusal("TransactionCanceledException"),
        ClientError({"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": [{}]}, "x"),
        EndpointConnectionError(endpoint_url="x"),
        ConnectTimeoutError(endpoint_url="x"),
        ReadTimeoutError(endpoint_url="x"),
        StaleSnapshotError("x"),
    ],
    ids=str,
)
def test_what_may_be_tried_again(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        refusal("ValidationException"),
        refusal("AccessDeniedException"),
        cancelled("ValidationError"),
        cancelled("ItemCollectionSizeLimitExceeded"),
        refusal("TransactionCanceledException", "ConditionalCheckFailed", "ValidationError"),
        ClientError({}, "x"),
        NoCredentialsError(),
        BrokenLedgerError("x"),
        ValueError("x"),
    ],
    ids=str,
)
def test_what_is_final(error: Exception) -> None:
    assert not is_transient(error)
