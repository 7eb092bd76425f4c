"""The table of AWS calls in docs/performance.md is what is really called: one more is seen, and one less, too."""

from pathlib import Path

from tests.chaos.simulation.calls_made import table

_PAGE = Path(__file__).parents[3] / "docs" / "performance.md"


def test_the_page_lists_the_calls_of_each_action_and_step() -> None:
    assert table() in _PAGE.read_text(), (
        "python -m tests.chaos.simulation.calls_made prints the table as it is now"
    )
