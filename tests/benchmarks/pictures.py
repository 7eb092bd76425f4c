"""The benchmarks' figures as pictures, for those who would rather see them than read them."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pygal
from pygal.style import CleanStyle

# Where docs/performance.md shows them from, if they are to be kept: docs/pictures.
PICTURES = Path(os.environ.get("BENCH_PICTURES", "build/pictures"))
# pygal's settings, which no page runs that shows the file as a picture.
_SCRIPT = re.compile("<script.*?</script>", re.DOTALL)
_SIZE = {"width": 900, "height": 380}


def bars(name: str, title: str, labels: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> Path:
    """Draw a group of bars for each label, and return the picture's path.

    Args:
        name: the file's name, without its ending.
        title: what is shown, with its unit.
        labels: of the groups.
        series: for each name in the legend, the height of its bar in each group; None for no bar.
    """
    return _drawn(name, pygal.Bar(title=title, print_values=True, **_OPTIONS), labels, series)


def lines(name: str, title: str, labels: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> Path:
    """Draw a line for each series over the labels, from zero, and return the picture's path."""
    return _drawn(name, pygal.Line(title=title, include_x_axis=True, **_OPTIONS), labels, series)


_OPTIONS = {
    **_SIZE,
    "js": (),  # of other hosts
    "style": CleanStyle(value_font_size=11),
    "legend_at_bottom": True,
    "value_formatter": "{:.3g}".format,
}


def _drawn(
    name: str, chart: pygal.Graph, labels: Sequence[str], series: Mapping[str, Sequence[float | None]]
) -> Path:
    chart.x_labels = labels
    for legend, values in series.items():
        chart.add(legend, values)
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.svg"
    path.write_text(_SCRIPT.sub("", chart.render().decode()))
    return path
