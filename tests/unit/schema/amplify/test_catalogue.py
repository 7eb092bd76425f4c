"""An app's types are a value: two apps, each with a type `User`, are served by one process."""

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

import pytest
import strawberry
from pynamodb.attributes import UnicodeAttribute
from strawberry import ID

from models.tables.base import MomentAttribute, Table, index
from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Model, belongs_to
from schema.amplify.mirror import catalogue_of, mirrored
from schema.amplify.rules import owner
from schema.build import build_schema
from schema.scalars import AWSDateTime
from schema.types import CATALOGUE
from tests.unit.mirror import build_mirror

if TYPE_CHECKING:
    from schema.amplify.resolver import MirrorResolver


class UserTable(Table):
    """Another app's users."""

    class Meta(Table.Meta):  # noqa: D106 — as in models/tables
        table_name = "User"

    id = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    plan = UnicodeAttribute(null=True)
    parentId = UnicodeAttribute(null=True)  # noqa: N815 — as GraphQL spells it
    createdAt = MomentAttribute()  # noqa: N815 — the same
    updatedAt = MomentAttribute()  # noqa: N815 — the same

    byName = index("byName", "name")  # noqa: N815 — the same


@strawberry.enum
class BookingStatus(StrEnum):
    """An enum that HourBank has, too, with other values."""

    FREE = "FREE"
    PAID = "PAID"


@mirrored(table=UserTable, rules=[owner("id")])
class User:
    """A user of another app."""

    id: ID
    name: str
    plan: BookingStatus | None
    parentId: ID | None  # noqa: N815 — as GraphQL spells it
    createdAt: AWSDateTime  # noqa: N815 — the same
    updatedAt: AWSDateTime  # noqa: N815 — the same

    parent = belongs_to("User", "parentId")


OTHER = catalogue_of([User])


def printed(catalogue: Catalogue) -> str:
    return build_schema(catalogue, cast("MirrorResolver", None)).as_str()


def test_a_schema_has_the_types_of_its_own_catalogue_only() -> None:
    other = printed(OTHER)
    assert (
        '"""A user of another app."""\ntype User {\n  id: ID!\n  name: String!\n  plan: BookingStatus\n' in other
    )
    assert "enum BookingStatus {\n  FREE\n  PAID\n}" in other
    assert "usersByName(name: String!, " in other
    assert "Escrow" not in other
    assert "FREE" not in printed(CATALOGUE)


def test_a_second_catalogue_leaves_the_first_ones_schema_as_it_was() -> None:
    before = build_mirror().as_str()
    printed(OTHER)
    assert printed(CATALOGUE) == before


def test_a_catalogue_knows_its_tables_and_enums() -> None:
    assert OTHER.tables == (UserTable,)
    assert OTHER.enums == {"BookingStatus": BookingStatus}
    assert OTHER.models["User"].fixed == {"id", "parentId"}


def _renamed(name: str, **changes: Any) -> Model:
    return replace(OTHER.models["User"], name=name, **changes)


def test_names_are_unique_and_lead_somewhere() -> None:
    model = OTHER.models["User"]
    with pytest.raises(TypeError, match="two types are called User"):
        Catalogue.of([model, model])
    with pytest.raises(TypeError, match=r"Member\.parent leads to User, which is no type"):
        Catalogue.of([_renamed("Member")])
    theirs = CATALOGUE.models["Booking"]
    taken = replace(theirs.fields["status"], name="plan")
    with pytest.raises(TypeError, match=r"two enums are called BookingStatus; one of them is Member\.plan"):
        Catalogue.of([model, _renamed("Member", fields={**model.fields, "plan": taken})])
