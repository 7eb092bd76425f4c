"""Keys of several fields and their arguments are as Amplify's transformer makes them."""

from pathlib import Path

import pytest

from schema.amplify.keys import Keys
from tests.unit.projects import CATALOGUE, EXPENSE, PROJECT
from tests.unit.schema.amplify.printed import added, missing

GOLDEN = (Path(__file__).parent / "projects.graphql").read_text()


def test_composite_keys_and_sort_fields_are_as_amplify_has_them() -> None:
    # The server fills an absent owner in.
    assert missing(CATALOGUE, GOLDEN) == {"CreateProjectInput": {"userId": ("ID!", {})}}
    assert added(CATALOGUE, GOLDEN) == {}


@pytest.mark.parametrize(
    ("sort", "attribute", "argument"),
    [(("name",), "name", "name"), (("status", "startDate"), "status#startDate", "statusStartDate")],
)
def test_several_sort_fields_are_stored_and_compared_as_one(
    sort: tuple[str, ...], attribute: str, argument: str
) -> None:
    keys = Keys("userId", sort)
    assert (keys.sort_attribute, keys.sort_argument) == (attribute, argument)


def test_a_key_is_the_text_of_its_fields() -> None:
    assert PROJECT.key_from({"userId": "u", "projectId": "p", "name": "n"}) == ("u", "p")
    assert EXPENSE.text_from("amount", 2.50) == "2.5"
    assert EXPENSE.text_from("amount", 1e21) == "1" + 21 * "0"


def test_rows_are_found_by_the_table_itself_where_it_sorts() -> None:
    assert PROJECT.finder_of("userId") == PROJECT.primary
    assert PROJECT.finder_of("projectKey") is None
    assert EXPENSE.finder_of("projectKey") == EXPENSE.finders["project-date-index"]
