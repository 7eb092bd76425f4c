"""What rows of an imported app look like, for commands that bring rows from elsewhere."""

import pytest

from resolvers.apps.shapes import shapes_of
from schema.amplify.sdl.declaring import catalogue_of
from tests.unit.ruled_app import catalogue
from tests.unit.schema.amplify.sdl.texts import app_of

SHAPES = shapes_of(catalogue("construction"))


def test_a_type_says_its_key_and_how_its_rows_are_found() -> None:
    shape = SHAPES["Project"]
    assert shape.key == ("userId", "projectId")
    assert shape.sorting == (("status", "startDate"),)
    assert shape.stamps == {"createdAt", "updatedAt"}
    assert {"userId", "projectId", "name", "status#startDate"} <= shape.indexed


def test_a_field_says_what_it_stores() -> None:
    fields = SHAPES["Project"].fields
    assert (fields["status"].kind, fields["status"].default) == ("S", {"S": "PLANNED"})
    assert fields["status"].values == ("PLANNED", "ACTIVE", "ON_HOLD", "DONE", "CANCELLED")
    assert (fields["SpentAmount"].kind, fields["SpentAmount"].default) == ("N", {"N": "0"})
    assert fields["name"].required
    assert not fields["description"].required
    image = SHAPES["Expense"].fields["receiptImage"]
    assert image.kind == "M"
    assert image.parts["key"].required


def test_a_scalar_checks_its_texts() -> None:
    check = SHAPES["Project"].fields["startDate"].check
    check("2025-01-01")
    with pytest.raises(ValueError, match="AWSDate"):
        check("soon")
    SHAPES["Project"].fields["name"].check("anything")


def test_lists_and_flags_have_kinds_of_their_own() -> None:
    text = "type Note @model { id: ID! isRead: Boolean tags: [String] at: AWSTimestamp }"
    fields = shapes_of(catalogue_of(app_of(text)))["Note"].fields
    assert {name: field.kind for name, field in fields.items()} == {
        "id": "S",
        "isRead": "BOOL",
        "tags": "L",
        "at": "N",
        "createdAt": "S",
        "updatedAt": "S",
    }


def test_an_object_may_hold_itself() -> None:
    text = "type Note @model { id: ID! at: Place } type Place { within: Place x: Int! }"
    place = shapes_of(catalogue_of(app_of(text)))["Note"].fields["at"].parts
    assert place["within"].parts is place
    assert place["x"].required
