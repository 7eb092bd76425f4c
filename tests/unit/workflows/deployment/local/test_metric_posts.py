"""The lines that functions emit reach the local cloud as CloudWatch would have read them."""

from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from tests.unit.workflows.metrics.lines import all_values
from workflows.deployment.local import metric_posts
from workflows.deployment.local.metric_posts import MetricPosts
from workflows.metrics.declared import HOURS_MOVED, RATING
from workflows.metrics.emission import emit, write_lines_to


class Cloud:
    """Keeps what is posted; at first it does not answer."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Any]] = []
        self.is_silent = True

    def client(self, service: str, **_options: Any) -> "Cloud":
        assert service == "cloudwatch"
        return self

    def put_metric_data(self, **given: Any) -> None:
        if self.is_silent:
            self.is_silent = False
            raise BotoCoreError
        self.posted += [(given["Namespace"], value) for value in given["MetricData"]]


def test_lines_are_posted_until_the_end_and_a_cloud_that_is_silent_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cloud, lines = Cloud(), list[str]()
    monkeypatch.setattr(metric_posts, "new_client", cloud.client)
    monkeypatch.setattr(metric_posts, "_PAUSE_SECONDS", 0.01)
    before = write_lines_to(lines.append)
    with MetricPosts():
        emit("lost", [RATING.at(1)])
        while cloud.is_silent:
            pass
        emit("a", [RATING.at(4), HOURS_MOVED.at(2, "HELD"), HOURS_MOVED.at(3, "HELD")])
        while len(cloud.posted) < 3:
            pass
    emit("a", [RATING.at(5)])
    write_lines_to(before)
    assert [value.value for value in all_values(lines)] == [5]
    found = {(name, one["MetricName"], one["Unit"], one["Value"]) for name, one in cloud.posted}
    assert found == {
        ("HourBank", "Rating", "None", 4.0),
        ("HourBank", "HoursMoved", "None", 2.0),
        ("HourBank", "HoursMoved", "None", 3.0),
    }
    assert {"Name": "Kind", "Value": "HELD"} in cloud.posted[-1][1]["Dimensions"]
