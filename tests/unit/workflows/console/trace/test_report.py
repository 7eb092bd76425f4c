"""How a request's life is printed: durations, the tree, and what is open."""

from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from models.requests.statuses import Step
from tests.unit.builders import ALICE, BOB, NOW, REQUEST_ID
from tests.unit.places import bank_at
from workflows.console.trace.life import Life
from workflows.console.trace.report import lasting, print_life
from workflows.console.trace.spans import Kind, Mark, Span

AWAITING = bank_at("AWAITING").requests[REQUEST_ID]


def at(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0124, "12 ms"),
        (1.164, "1.16 s"),
        (185, "3 min 05 s"),
        (3 * 3600 + 300, "3 h 05 min"),
        (2 * 86400 + 4 * 3600, "2 d 04 h"),
        (-0.016, "-16 ms"),
    ],
)
def test_a_duration_is_said_in_few_digits(seconds: float, text: str) -> None:
    assert lasting(timedelta(seconds=seconds)) == text


def life(**changed: object) -> Life:
    wait = Span(name="WaitForProviderResponse", began=NOW + at(0.3), ended=None)
    wait.within.append(Mark(at=NOW + at(0.4), kind=Kind.EVENT, says="Provider Notified", correlation_id="abc"))
    failed = Span(name="CreateEscrow", began=NOW + at(0.1), ended=NOW + at(0.3), outcome="Odd\x1b", is_bad=True)
    execution = Span(
        name="ServiceRequestWorkflow r1", began=NOW, ended=None, outcome="RUNNING", within=[wait, failed]
    )
    line = Mark(at=NOW - at(0.02), took=at(0.04), kind=Kind.LINE, says="operation", by=ALICE, correlation_id="abc")
    request = replace(AWAITING, created_at=NOW, status_reason=None)
    told: dict[str, object] = {
        "request": request,
        "names": {ALICE: "alice", BOB: "bob"},
        "escrows": [{"id": {"S": "e1"}, "status": {"S": "ESCROWED"}, "amount": {"N": "2"}}],
        "exchange": None,
        "root": Span(name="r1", began=NOW, ended=None, within=[execution, line]),
        "now": NOW + at(3600),
    }
    return Life(**{**told, **changed})  # type: ignore[arg-type]  # as they are named


def printed(of: Life, *, terminal: bool = False) -> list[str]:
    file = StringIO()
    print_life(Console(file=file, width=400, force_terminal=terminal), of)
    return file.getvalue().splitlines()


def test_a_life_is_a_tree_with_times() -> None:
    lines = printed(life())
    assert lines[0] == f"request {REQUEST_ID}  AWAITING_RESPONSE"
    assert lines[1].startswith("alice asks bob for ")
    assert lines[2] == "escrow e1  ESCROWED  2 h"
    assert lines[3].endswith("; lasted 1 h 00 min, and goes on")
    assert lines[5:11] == [
        "       after        lasted",
        "      -20 ms         40 ms  ├─ · operation  alice  correlation_id abc",
        "       +0 ms  1 h 00 min …  └─ ServiceRequestWorkflow r1  RUNNING",
        "     +100 ms        200 ms     ├─ CreateEscrow  Odd\\x1b",
        "     +300 ms 59 min 59 s …     └─ WaitForProviderResponse",
        "     +400 ms                      └─ ● Provider Notified",
    ]


def test_what_is_open_is_said_with_its_end() -> None:
    wait = AWAITING.wait
    assert wait is not None
    text = printed(life())[-2]
    assert text.startswith(f"open: {Step.WAIT_FOR_PROVIDER_RESPONSE.value} until ")
    late = printed(life(now=wait.deadline + at(90)))[-2]
    assert late.endswith("which was 1 min 30 s ago")


def test_what_has_gone_wrong_is_said() -> None:
    request = replace(AWAITING, due_at=None, failing_since=NOW)
    lines = printed(life(request=request, root=Span(name="r1", began=NOW, ended=None), is_whole=False))
    assert "given up: `redrive` restarts it" in lines
    assert any(line.startswith("its executions have failed since") for line in lines)
    assert any(line.startswith("Step Functions knows none") for line in lines)
    assert lines[-1].startswith("its members' logs are long")


def test_colours_are_for_terminals() -> None:
    assert "\x1b[" in "".join(printed(life(), terminal=True))
    assert "\x1b[" not in "".join(printed(life()))
