"""Live requests are revived once AWS answers, and what is no outage is reported."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.unit.builders import NOW
from workflows.executions.sweep import Due, Sweep, revive_patiently


def client_error(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Query")


class TroubledSweep:
    """A sweep that fails as the test chooses, before it finds two live requests."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.pauses = 0
        self.revived: list[str] = []
        self.store = SimpleNamespace(calls=SimpleNamespace(pause=self._pause))

    async def _pause(self, _seconds: float) -> None:
        self.pauses += 1

    async def due(self, *_: Any, **__: Any) -> AsyncIterator[Due]:
        if self._errors:
            raise self._errors.pop(0)
        for request_id in ("one", "two"):
            yield Due(request_id, NOW)

    async def ensure_progress(self, request_id: str, *_: Any, **__: Any) -> None:
        self.revived.append(request_id)


async def test_it_waits_until_aws_answers() -> None:
    outages = (
        EndpointConnectionError(endpoint_url="x"),
        client_error("InternalServerError", 500),
        client_error("ThrottlingException", 400),
    )
    sweep, reports = TroubledSweep(*outages), list[str]()
    await revive_patiently(cast("Sweep", sweep), reports.append)
    assert sweep.pauses == len(outages)
    assert sweep.revived == ["one", "two"]
    assert reports == ["live requests: 2"]


async def test_what_is_no_outage_is_raised() -> None:
    sweep = TroubledSweep(client_error("ValidationException", 400))
    with pytest.raises(ExceptionGroup):
        await revive_patiently(cast("Sweep", sweep), print)
    assert not sweep.pauses
