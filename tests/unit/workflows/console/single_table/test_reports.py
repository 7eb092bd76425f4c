"""What the commands print, and what their exit codes say."""

from io import StringIO

import pytest
from rich.console import Console

from models.migration.former import Oddity
from tests.unit.builders import NOW
from workflows.console.single_table.checks import Check
from workflows.console.single_table.reports import (
    print_back,
    print_check,
    print_run,
    print_survey,
    print_switch,
)
from workflows.console.single_table.runs import RunOutcome
from workflows.console.single_table.surveys import Survey
from workflows.console.single_table.switches import BackOutcome

ODDITIES = [
    Oddity(table="Expense", id=f'["ann", "{number}"]', why="it differs in amount") for number in range(150)
]


@pytest.fixture
def console() -> Console:
    return Console(file=StringIO(), width=200)


def printed(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_comparison_names_each_row_that_differs(console: Console) -> None:
    assert not print_check(console, Check(faults=ODDITIES))
    assert all(oddity.id in printed(console) for oddity in ODDITIES)
    assert "The sides do not agree." in printed(console)


def test_a_run_names_some_of_many_rows(console: Console) -> None:
    print_run(console, RunOutcome(7, ODDITIES, is_followed=False))
    assert "and 50 more" in printed(console)
    assert "7 rows written, 150 left" in printed(console)
    assert "has no stream" in printed(console)


def test_a_plan_counts_users_of_whom_no_address_is_known(console: Console) -> None:
    print_survey(console, Survey(unnamed=3))
    assert "3 users have no row with their address" in printed(console)


@pytest.mark.parametrize(
    ("found", "is_switched", "said"),
    [
        (Check(switched=NOW), True, "Apps may be pointed to the new server"),
        (Check(switched=NOW, faults=ODDITIES[:1]), False, "write that in the app, too"),
        (Check(left=ODDITIES[:1]), False, "let them stay with --leave"),
        (Check(faults=ODDITIES[:1]), False, "Is the single table still written to?"),
    ],
)
def test_a_switch_says_whether_it_was_done(
    console: Console, found: Check, said: str, *, is_switched: bool
) -> None:
    assert print_switch(console, found) == is_switched
    assert said in printed(console)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (BackOutcome(written=3), "The single table has everything"),
        (BackOutcome(gone=ODDITIES[:1]), "Say --delete to delete those rows"),
        (BackOutcome(conflicts=ODDITIES[:1]), "Written on both sides"),
    ],
)
def test_a_way_back_says_whether_it_was_done(console: Console, outcome: BackOutcome, said: str) -> None:
    assert print_back(console, outcome) == outcome.is_done
    assert said in printed(console)
