"""Fields of all types, and their inputs and comparisons, are as Amplify's transformer makes them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schema.amplify.catalogue import Catalogue
from schema.amplify.stored_fields import Field, Nested
from tests.unit.atlas import CATALOGUE, PLACE, POINT
from tests.unit.schema.amplify.printed import added, missing

GOLDEN = (Path(__file__).parent / "places.graphql").read_text()


_POINT = {"latitude": {"N": "1"}, "longitude": {"N": "2.5"}}


def test_scalars_lists_and_objects_are_as_amplify_has_them() -> None:
    assert missing(CATALOGUE, GOLDEN) == {}
    assert added(CATALOGUE, GOLDEN) == {}


@pytest.mark.parametrize(
    ("field", "value", "wire"),
    [
        ("tags", ["a", None], {"L": [{"S": "a"}, {"NULL": True}]}),
        ("scores", [1, None, 20], {"L": [{"N": "1"}, {"NULL": True}, {"N": "20"}]}),
        ("sizes", [1.5, 2.0, -0.0], {"L": [{"N": "1.5"}, {"N": "2"}, {"N": "0"}]}),
        ("flags", [True, None], {"L": [{"BOOL": True}, {"NULL": True}]}),
        ("count", 10, {"N": "10"}),
        ("timestamp", 1_700_000_000, {"N": "1700000000"}),
        ("dateTime", "2026-03-01T09:30Z", {"S": "2026-03-01T09:30Z"}),
        ("corners", [{"latitude": 1.0, "longitude": 2.5}], {"L": [{"M": _POINT}]}),
    ],
)  # fmt: skip
def test_values_are_stored_as_amplify_stores_them(field: str, value: Any, wire: dict[str, Any]) -> None:
    stored = PLACE.fields[field]
    assert stored.encode(value) == wire
    assert stored.decode(wire) == value


def test_an_object_is_stored_without_its_nulls() -> None:
    address = PLACE.fields["address"]
    wire = address.encode({"street": "Elm", "place": None, "mood": "GOOD"})
    assert wire == {"M": {"street": {"S": "Elm"}, "mood": {"S": "GOOD"}}}
    assert address.decode(wire) == {"street": "Elm", "place": None, "lines": None, "mood": "GOOD"}
    assert address.decode({"NULL": True}) is None
    assert address.decode(None) is None


def test_a_default_is_shown_for_an_absent_attribute() -> None:
    assert Field.of("size", "Int", default=3).decode(None) == 3
    assert Field.of("sizes", "[Int]", default=[]).decode({"NULL": True}) == []


def test_a_type_may_hold_itself() -> None:
    branch = Nested("Branch")
    branch.fields["twigs"] = Field.of("twigs", "[Branch]", nested=branch)
    value = {"twigs": [{"twigs": [{"twigs": None}]}]}
    assert branch.decode(branch.encode(value)) == value
    tree = replace(
        PLACE, name="Tree", fields={**PLACE.fields, "address": Field.of("address", "Branch", nested=branch)}
    )
    assert Catalogue.of([tree]).nested["Branch"] is branch


def test_object_types_have_names_of_their_own() -> None:
    other = Nested("Point", dict(POINT.fields))
    fields = {**PLACE.fields, "count": Field.of("count", "Point", nested=other)}
    with pytest.raises(TypeError, match=r"two object types are called Point; one of them is Place\.count"):
        Catalogue.of([replace(PLACE, fields=fields)])
    with pytest.raises(TypeError, match="two object types are called Point"):
        Catalogue.of([PLACE], unused=[other])
