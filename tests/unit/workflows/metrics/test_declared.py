"""A metric is declared once, and takes only labels that it declares."""

import pytest

from workflows.handlers import FUNCTIONS
from workflows.metrics.declared import HANDLER_FAILURES, METRICS, OLDEST_DUE, REQUESTS_ENDED


def test_each_metric_has_a_name_of_its_own_and_says_what_it_is() -> None:
    assert len({one.name for one in METRICS}) == len(METRICS) > 15
    assert all(one.meaning and one.meaning[-1] != "." for one in METRICS)
    called = {one.emitted_by for one in METRICS} - {
        "every function",
        "the steps that open a wait or end a request",
    }
    assert called <= FUNCTIONS.keys()


def test_labels_are_the_declared_ones() -> None:
    assert REQUESTS_ENDED.labels == ("EXPIRED", "PAID", "REJECTED")
    assert REQUESTS_ENDED.at(1, "PAID").label == "PAID"
    assert OLDEST_DUE.at(2.5).value == 2.5
    assert HANDLER_FAILURES.at(1, "any").label == "any"
    for metric, label in ((REQUESTS_ENDED, "LOST"), (REQUESTS_ENDED, None), (OLDEST_DUE, "x")):
        with pytest.raises(ValueError, match=metric.name):
            metric.at(1, label)
