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
    """Keeps what is posted; at first it may not answer."""

    def __init__(self, *, is_silent: bool = False) -> None:
        self.posted: list[tuple[str, Any]] = []
        self.posts = 0
        self.is_silent = is_silent

    def client(self, service: str, **_options: Any) -> "Cloud":
        assert service == "cloudwatch"
        return self

    def put_metric_data(self, **given: Any) -> None:
        if self.is_silent:
            self.is_silent = False
            raise BotoCoreError
        self.posts += 1
        self.posted += [(given["Namespace"], value) for value in given["MetricData"]]

    @property
    def values(self) -> list[tuple[str, str, str, str | None, float, int]]:
        """Return namespace, name, unit and kind of what was posted, and each value with how often it came."""
        return sorted(
            (namespace, one["MetricName"], one["Unit"], _kind(one["Dimensions"]), value, count)
            for namespace, one in self.posted
            for value, count in zip(one["Values"], one["Counts"], strict=True)
        )


def _kind(dimensions: list[dict[str, str]]) -> str:
    named = {one["Name"]: one["Value"] for one in dimensions}
    assert named.pop("Stack") == "a"
    return named.get("Kind", "")


def posting(monkeypatch: pytest.MonkeyPatch, cloud: Cloud, pause: float) -> MetricPosts:
    monkeypatch.setattr(metric_posts, "new_client", cloud.client)
    monkeypatch.setattr(metric_posts, "_PAUSE_SECONDS", pause)
    return MetricPosts()


def test_lines_are_posted_until_the_end_and_a_cloud_that_is_silent_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cloud, lines = Cloud(is_silent=True), list[str]()
    before = write_lines_to(lines.append)
    with posting(monkeypatch, cloud, pause=0.01):
        emit("lost", [RATING.at(1)])
        while cloud.is_silent:
            pass
        emit("a", [RATING.at(4)])
        while not cloud.posted:
            pass
    emit("a", [RATING.at(5)])
    write_lines_to(before)
    assert [value.value for value in all_values(lines)] == [5]
    assert cloud.values == [("HourBank", "Rating", "None", "", 4.0, 1)]


def test_what_is_said_between_two_posts_is_one_metric_for_each_kind_and_the_last_of_it_is_posted_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cloud = Cloud()
    with posting(monkeypatch, cloud, pause=60):
        emit("a", [RATING.at(4), HOURS_MOVED.at(2, "HELD"), HOURS_MOVED.at(3, "HELD")])
        emit("a", [HOURS_MOVED.at(2, "HELD"), HOURS_MOVED.at(2, "RELEASED")])
    assert cloud.posts == 1
    assert len(cloud.posted) == 3
    assert cloud.values == [
        ("HourBank", "HoursMoved", "None", "HELD", 2.0, 2),
        ("HourBank", "HoursMoved", "None", "HELD", 3.0, 1),
        ("HourBank", "HoursMoved", "None", "RELEASED", 2.0, 1),
        ("HourBank", "Rating", "None", "", 4.0, 1),
    ]


def test_more_than_a_post_may_hold_is_posted_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud()
    with posting(monkeypatch, cloud, pause=60):
        emit("a", [RATING.at(number) for number in range(310)])
        for number in range(700):
            emit(f"stack {number}", [HOURS_MOVED.at(1, "HELD")])
    assert [len(one["Values"]) for _, one in cloud.posted if one["MetricName"] == "Rating"] == [150, 150, 10]
    assert sum(one["MetricName"] == "HoursMoved" for _, one in cloud.posted) == 700
    assert cloud.posts == 2


def test_whoever_says_nothing_needs_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    with posting(monkeypatch, Cloud(), pause=60):
        monkeypatch.setattr(metric_posts, "new_client", lambda service, **_: made.append(service))
    assert made == []
