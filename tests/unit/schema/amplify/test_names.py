"""Plurals are those of npm's `pluralize`, and names those of Amplify's transformer."""

import pytest

from schema.amplify import names


@pytest.mark.parametrize(
    ("name", "plural"),
    [
        ("ServiceRequest", "ServiceRequests"),
        ("Category", "Categories"),
        ("Analysis", "Analyses"),
        ("Person", "People"),
        ("RefinedData", "RefinedData"),
        ("News", "News"),
        ("OrderStatus", "OrderStatuses"),
        ("Child", "Children"),
        ("URL", "URLS"),
    ],
)
def test_a_plural_is_that_of_npms_pluralize(name: str, plural: str) -> None:
    assert names.plural(name) == plural


def test_generated_types_begin_the_type_s_name_with_a_capital() -> None:
    assert names.connection("todo") == "ModelTodoConnection"
    assert names.filter_input("todo") == "ModelTodoFilterInput"
    assert names.condition_input("todo") == "ModelTodoConditionInput"
    assert names.subscription_filter_input("todo") == "ModelSubscriptionTodoFilterInput"
