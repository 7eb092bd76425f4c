"""`make bench-check`: what a read costs us in proportion to the bare call, against what it cost before.

A ratio of two servers that answer in turn hardly depends on the machine, and the middle of several rounds hardly
on what else runs there. `--keep` makes what is measured the new baseline.
"""

import json
import statistics
import sys
from pathlib import Path

from rich.table import Table

from tests.benchmarks.contenders import LIMIT, OURS
from tests.benchmarks.side_by_side import Measures, console, measured_side_by_side

_BASELINE = Path(__file__).with_name("baseline.json")
_ROUNDS, _SECONDS = 3, 1.0
# A ratio that has grown by more is no noise.
_ALLOWED = 1.25


def main() -> None:
    """Measure, and compare with the baseline.

    Raises:
        SystemExit: some ratio has grown.
    """
    found = measured_side_by_side({}, {}, rounds=_ROUNDS, seconds=_SECONDS, only="q0 q1 q2 q3")
    ratios = {query.name: round(_ratio(query.name, measures), 2) for query, measures in found}
    if "--keep" in sys.argv:
        _BASELINE.write_text(json.dumps(ratios, indent=2) + "\n")
    baseline: dict[str, float] = json.loads(_BASELINE.read_text())
    table = Table(title="CPU of a read, in proportion to the bare call", title_justify="left")
    for column in ("", "now", "baseline", ""):
        table.add_column(column, justify="right")
    slower = [name for name, ratio in ratios.items() if ratio > _ALLOWED * baseline[name]]
    for query, _ in found:
        name = query.name
        verdict = "[red]dearer[/]" if name in slower else "as before"
        table.add_row(f"{name} {query.operation}", f"{ratios[name]:.2f} ×", f"{baseline[name]:.2f} ×", verdict)
    console.print(table)
    if slower:
        sys.exit(f"{', '.join(slower)} cost over {_ALLOWED:g} times the baseline; see docs/performance.md")


def _ratio(query: str, measures: Measures) -> float:
    pairs = zip(measures[query, OURS], measures[query, LIMIT], strict=True)
    return statistics.median(ours.cpu / bare.cpu for ours, bare in pairs)


if __name__ == "__main__":
    main()
