"""A small app with every scalar, with lists, and with objects inside rows."""

from enum import StrEnum

import strawberry

from models.tables.base import KeyAttribute, table
from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Model, Operations
from schema.amplify.keys import Finder
from schema.amplify.rules import private
from schema.amplify.stored_fields import Field, Nested


@strawberry.enum
class Mood(StrEnum):
    """How it is there."""

    GOOD = "GOOD"
    BAD = "BAD"


POINT = Nested("Point", {name: Field.of(name, "Float!") for name in ("latitude", "longitude")})
ADDRESS = Nested(
    "Address",
    {
        "street": Field.of("street", "String"),
        "place": Field.of("place", "Point", nested=POINT),
        "lines": Field.of("lines", "[String]"),
        "mood": Field.of("mood", "Mood", enum=Mood),
    },
)
UNUSED = Nested("Unused", {"text": Field.of("text", "String")})

_TYPES = {
    "id": "ID!",
    "address": "Address!",
    "corners": "[Point!]",
    "visits": "[Address]",
    "tags": "[String]",
    "names": "[String!]!",
    "scores": "[Int]",
    "sizes": "[Float!]",
    "flags": "[Boolean]",
    "friends": "[ID!]",
    "days": "[AWSDate]",
    "mood": "Mood!",
    "moods": "[Mood]",
    "date": "AWSDate",
    "time": "AWSTime",
    "dateTime": "AWSDateTime",
    "timestamp": "AWSTimestamp",
    "email": "AWSEmail",
    "json": "AWSJSON",
    "url": "AWSURL",
    "phone": "AWSPhone",
    "ip": "AWSIPAddress",
    "count": "Int",
    "createdAt": "AWSDateTime!",
    "updatedAt": "AWSDateTime!",
}
_NESTED = {"Point": POINT, "Address": ADDRESS}


def _field(name: str, graphql_type: str) -> Field:
    named = graphql_type.strip("[]!")
    enum = Mood if named == "Mood" else None
    return Field.of(name, graphql_type, enum=enum, nested=_NESTED.get(named))


PLACES = table("Place", KeyAttribute("id"))
PLACE = Model(
    name="Place",
    table=PLACES,
    rules=(private(),),
    fields={name: _field(name, graphql_type) for name, graphql_type in _TYPES.items()},
    primary=Finder.of_table(PLACES),
    operations=Operations.usual("Place"),
    unwritable=frozenset({"createdAt", "updatedAt"}),
)
CATALOGUE = Catalogue.of([PLACE], unused=[UNUSED])
