"""Another type is one table file and one type file: everything else is derived from the two."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLSchema, build_schema

from resolvers.hosting.demo_data import sub_of
from resolvers.identity.issuer import LocalIssuer
from tests.integration.conftest import REPOSITORY, Server
from tests.integration.polling import SOON
from tests.story.client import Client, RefusedError
from workflows.deployment.template.build import build_template

SNAPSHOT = REPOSITORY / "tests/contract/schema.graphql"
TABLE = '''"""A service that a member likes."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import MomentAttribute, Table, index


class Favourite(Table):
    """A service that a member likes."""

    class Meta(Table.Meta):
        table_name = "Favourite"

    id = UnicodeAttribute(hash_key=True)
    userId = UnicodeAttribute()
    serviceId = UnicodeAttribute()
    note = UnicodeAttribute(null=True)
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    byUserId = index("byUserId", "userId")
    byServiceId = index("byServiceId", "serviceId")
'''
TYPE = '''"""A service that a member likes."""

from strawberry import ID

from models.tables import favourite
from schema.amplify.declaration import belongs_to
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, groups, owner
from schema.scalars import AWSDateTime


@mirrored(table=favourite.Favourite, rules=[owner("userId"), groups("admin", operations=READING)])
class Favourite:
    """A service that a member likes."""

    id: ID
    userId: ID
    serviceId: ID
    note: str | None
    createdAt: AWSDateTime
    updatedAt: AWSDateTime

    service = belongs_to("Service", "serviceId")
'''
DERIVED = {
    "Query": {"getFavourite", "listFavourites", "favouritesByUserId", "favouritesByServiceId"},
    "Mutation": {"createFavourite", "updateFavourite", "deleteFavourite"},
    "Subscription": {"onCreateFavourite", "onUpdateFavourite", "onDeleteFavourite"},
}
INPUTS = {
    "CreateFavouriteInput": {"id", "userId", "serviceId", "note", "createdAt", "updatedAt"},
    "UpdateFavouriteInput": {"id", "userId", "serviceId", "note", "createdAt", "updatedAt"},
    "DeleteFavouriteInput": {"id"},
    "ModelFavouriteFilterInput": {"serviceId", "note", "and", "or", "not"},
    "ModelFavouriteConditionInput": {"serviceId", "note", "and", "or", "not"},
    "ModelSubscriptionFavouriteFilterInput": {"serviceId", "note", "and", "or"},
    "ModelFavouriteConnection": {"items", "nextToken"},
}
CREATE = (
    "mutation ($input: CreateFavouriteInput!) { createFavourite(input: $input) { id userId service { title } } }"
)
UPDATE = "mutation ($input: UpdateFavouriteInput!) { updateFavourite(input: $input) { note } }"
LIST = "{ listFavourites { items { note service { title } } } }"
OFFER = "mutation ($input: CreateServiceInput!) { createService(input: $input) { id } }"
WATCH = "subscription { onCreateFavourite { note service { title } } }"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository with the two new files."""
    copy = tmp_path_factory.mktemp("nineteen") / "house"
    for room in ("models", "resolvers", "schema", "workflows"):
        shutil.copytree(REPOSITORY / room, copy / room)
    shutil.copy(REPOSITORY / "server.py", copy)
    # Files that the functions are packaged with.
    shutil.copy(REPOSITORY / "requirements-functions.txt", copy)
    (copy / "models/tables/favourite.py").write_text(TABLE)
    (copy / "schema/types/favourite.py").write_text(TYPE)
    return copy


def printed(repository: Path, command: str) -> str:
    run = subprocess.run(  # noqa: S603 — this very interpreter, our own server
        [sys.executable, "server.py", command], capture_output=True, text=True, check=True, cwd=repository
    )
    return run.stdout


def added(before: GraphQLSchema, after: GraphQLSchema, type_: str) -> set[str]:
    """Return the fields that a type has gained, all of them if it is new."""
    old: Any = before.type_map.get(type_)
    new: Any = after.type_map[type_]
    return set(new.fields) - set(old.fields if old else ())


def test_its_operations_and_inputs_are_in_the_schema(repository: Path) -> None:
    before, after = build_schema(SNAPSHOT.read_text()), build_schema(printed(repository, "schema"))
    assert {root: added(before, after, root) for root in DERIVED} == DERIVED
    for name, fields in INPUTS.items():
        assert fields <= added(before, after, name), name
    subscription: Any = after.subscription_type
    assert set(subscription.fields["onCreateFavourite"].args) == {"filter", "userId"}
    query: Any = after.query_type
    assert {"sortDirection", "serviceId"} <= set(query.fields["favouritesByServiceId"].args)


def test_its_table_and_indexes_are_in_the_template(repository: Path) -> None:
    resources = json.loads(printed(repository, "template"))["Resources"]
    known = build_template()["Resources"]
    (name,) = [
        name for name in resources.keys() - known.keys() if resources[name]["Type"] == "AWS::DynamoDB::Table"
    ]
    table = resources[name]["Properties"]
    indexes = {
        index["IndexName"]: index["KeySchema"][0]["AttributeName"] for index in table["GlobalSecondaryIndexes"]
    }
    assert indexes == {"byUserId": "userId", "byServiceId": "serviceId"}
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"


async def test_its_rows_are_written_read_and_told(repository: Path, tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.repository = repository
    server.start()
    try:
        async with httpx.AsyncClient() as http:
            await use(*(member(server, name, http) for name in ("alice", "bob")))
    finally:
        server.stop()


def member(server: Server, name: str, http: httpx.AsyncClient) -> Client:
    return Client(server.url, LocalIssuer(server.directory).mint(sub_of(name), name), http)


async def use(alice: Client, bob: Client) -> None:
    """Let two members use the new type."""
    price = {"hourlyRate": 1, "isActive": True, "tags": []}
    offer = {"userId": "bob", "title": "Baking", "description": "Bread.", "category": "kitchen", **price}
    service = await bob.ask(OFFER, input=offer)
    given = {"userId": "alice", "serviceId": service["id"], "note": "soon"}
    shown = {"note": "soon", "service": {"title": "Baking"}}
    async with alice.watch(WATCH) as events:
        created = await alice.ask(CREATE, input=given)
        assert (created["userId"], created["service"]) == (sub_of("alice"), {"title": "Baking"})
        assert await asyncio.wait_for(events.get(), SOON) == shown
    found = (await alice.ask(LIST))["items"]
    assert shown in found
    assert (await bob.ask(LIST))["items"] == []
    with pytest.raises(RefusedError, match="Unauthorized: Not Authorized"):
        await bob.ask(CREATE, input=given)
    assert await alice.ask(UPDATE, input={"id": created["id"], "note": "later"}) == {"note": "later"}
    with pytest.raises(RefusedError, match="Unauthorized: serviceId is fixed"):
        await alice.ask(UPDATE, input={"id": created["id"], "serviceId": "another"})
