"""docs/metrics.md says what the declarations say."""

from pathlib import Path

import server
from resolvers.hosting.metrics.declared import SERVER_METRICS
from workflows.deployment.template.monitoring.page import metrics_page
from workflows.metrics.declared import METRICS

PAGE = Path(server.__file__).with_name("docs") / "metrics.md"


def test_the_page_says_what_the_code_says() -> None:
    made = metrics_page(one.row for one in SERVER_METRICS)
    assert PAGE.read_text() == made, "write it anew: python server.py metrics > docs/metrics.md"


def test_every_metric_is_on_the_page_once() -> None:
    lines = PAGE.read_text().splitlines()
    for name in (*(one.name for one in METRICS), *(one.name for one in SERVER_METRICS)):
        assert sum(line.startswith(f"| `{name}` |") for line in lines) == 1
