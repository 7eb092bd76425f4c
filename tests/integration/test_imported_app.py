"""An app of a schema.graphql, served whole: rows, rules, functions, subscriptions, and what is not there."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from resolvers.hosting.demo_data import sub_of
from resolvers.identity.issuer import LocalIssuer
from tests.integration.conftest import RefusedError, Server, asking, minting
from tests.integration.polling import SOON

SCHEMA = """
enum Level { LOW HIGH }
type Point { latitude: Float! longitude: Float! }
input Near { point: PointIn! level: Level = LOW }
input PointIn { latitude: Float! longitude: Float! }

type Station @model @auth(rules: [{ allow: owner }, { allow: public, operations: [read] }, { allow: groups, groups: ["Crew"] }]) {
  region: String! @primaryKey(sortKeyFields: ["number"])
  number: Int!
  name: String! @index(name: "byName", queryField: "stationsByName")
  point: Point
  levels: [Level]
  alarms: [Alarm] @hasMany(indexName: "byStation", fields: ["name"])
}

type Shift @model @auth(rules: [{ allow: private }]) { id: ID! log: Log @hasOne(references: ["shiftId"]) }
type Log @model @auth(rules: [{ allow: private }]) {
  shiftId: ID text: String shift: Shift @belongsTo(references: ["shiftId"])
}

type Alarm @model @auth(rules: [{ allow: private }]) {
  station: String! @index(name: "byStation", sortKeyFields: ["createdAt"])
  text: String @default(value: "smoke")
  createdAt: AWSDateTime
}

type Case @model @auth(rules: [
  { allow: owner, ownerField: "keeper", identityClaim: "member_number" }
  { allow: groups, groups: ["Desk"], groupClaim: "roles" }
  { allow: groups, groupsField: "team", groupClaim: "teams", operations: [read] }
]) { id: ID! text: String team: String keeper: String }

type Query {
  nearest(near: Near!): Station @function(name: "nearest-station-${env}")
  missing: String @function(name: "nobody")
  crew: String @function(name: "crew") @auth(rules: [{ allow: groups, groups: ["Crew"] }])
}

type Report { note: String! stations: [Station] worst: Finding }
type Finding { at: Station }

type Mutation {
  survey: Report @function(name: "survey")
  drill(station: String!): Alarm @function(name: "drill")
  inspect: Station @function(name: "inspect")
}

type Subscription {
  heard(station: String): Alarm @aws_subscribe(mutations: ["drill", "createAlarm"])
  inspected: Station @aws_subscribe(mutations: ["inspect"])
  surveyed: Report @aws_subscribe(mutations: ["survey"])
}
"""  # noqa: E501 — as people write their schemas
FUNCTIONS = """
def nearest_station(event):
    near = event["arguments"]["near"]
    return {"region": near["level"], "number": 1, "name": event["identity"]["username"], "point": near["point"]}

async def crew(event):
    return ",".join(event["identity"]["groups"])

def inspect(event):
    who = event["identity"]
    return {"region": "east", "number": 1, "name": "Post", "owner": f"{who['sub']}::{who['username']}"}

def survey(event):
    station = inspect(event)
    return {"note": "dry", "stations": [station], "worst": {"at": station}}

def drill(event):
    return {"id": "drill", "station": event["arguments"]["station"], "text": "only a drill",
            "createdAt": "2026-11-29T12:00:00Z", "updatedAt": "2026-11-29T12:00:00Z"}
"""
KEY = "a-key-of-thirty-characters-or-so"
NEW = "mutation New($input: CreateStationInput!) { createStation(input: $input) { region number owner } }"
STATION = {"region": "north", "number": 10, "name": "Lookout", "point": {"latitude": 1.5, "longitude": 2}}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("Fire stations")
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / "functions.py").write_text(FUNCTIONS)
    return folder


@pytest.fixture(scope="module")
def imported(schema: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("imported"), HOURBANK_API_KEYS=KEY)
    running.start("serve", "--schema", str(schema))
    yield running
    running.stop()


async def test_rows_are_written_found_and_related(imported: Server) -> None:
    token = minting(imported)("alice")
    async with asking(imported) as ask:
        made = await ask(token, NEW, {"input": STATION})
        assert made["createStation"]["owner"] == "alice"
        for number in (2, 30):
            await ask(token, NEW, {"input": {**STATION, "number": number, "name": f"Post {number}"}})
        alarm = await ask(token, 'mutation { createAlarm(input: {station: "Lookout"}) { id text createdAt } }')
        assert alarm["createAlarm"]["text"] == "smoke"
        found = await ask(
            token,
            """query { getStation(region: "north", number: 10) { point { latitude } alarms { items { text } } }
                       stationsByName(name: "Post 2") { items { number levels } }
                       listStations(region: "north", number: {between: [2, 10]}, sortDirection: DESC) {
                         items { number } nextToken } }""",
        )
    assert found["getStation"] == {"point": {"latitude": 1.5}, "alarms": {"items": [{"text": "smoke"}]}}
    assert found["stationsByName"]["items"] == [{"number": 2, "levels": None}]
    assert found["listStations"] == {"items": [{"number": 10}, {"number": 2}], "nextToken": None}


async def test_a_row_that_leads_to_one_other_is_found_from_both(imported: Server) -> None:
    token = minting(imported)("alice")
    async with asking(imported) as ask:
        for text in ('createShift(input: {id: "s"})', 'createShift(input: {id: "empty"})'):
            await ask(token, f"mutation {{ {text} {{ id }} }}")
        await ask(token, 'mutation { createLog(input: {id: "l", shiftId: "s", text: "quiet"}) { id } }')
        found = await ask(
            token, '{ getLog(id: "l") { shift { id log { text } } } getShift(id: "empty") { log { id } } }'
        )
    assert found == {"getLog": {"shift": {"id": "s", "log": {"text": "quiet"}}}, "getShift": {"log": None}}


async def test_its_rules_say_who_may(imported: Server) -> None:
    token_for = minting(imported)
    async with asking(imported) as ask:
        await ask(token_for("dora"), NEW, {"input": {**STATION, "region": "south"}})
        change = 'mutation { updateStation(input: {region: "south", number: 10, name: "Mine"}) { name } }'
        with pytest.raises(RefusedError, match="Not Authorized to access updateStation on type Mutation"):
            await ask(token_for("eve"), change)
        assert await ask(token_for("carla", "Crew"), change) == {"updateStation": {"name": "Mine"}}
        with pytest.raises(RefusedError, match="Not Authorized to access crew on type Query"):
            await ask(token_for("eve"), "{ crew }")
        assert await ask(token_for("carla", "Crew"), "{ crew }") == {"crew": "Crew"}
    read = {"query": '{ getStation(region: "south", number: 10) { name } }'}
    async with httpx.AsyncClient(base_url=imported.url) as client:
        of_this_machine = (await client.get("/local/token/api_key")).json()["apiKey"]
        for key in (KEY, of_this_machine):
            by_key = await client.post("/graphql", json=read, headers={"x-api-key": key})
            assert by_key.json() == {"data": {"getStation": {"name": "Mine"}}}
        write = {"query": NEW, "variables": {"input": STATION}}
        refused = (await client.post("/graphql", json=write, headers={"x-api-key": KEY})).json()
    assert refused["errors"][0]["errorType"] == "Unauthorized"


async def test_functions_answer_and_what_is_missing_says_so(imported: Server) -> None:
    token = minting(imported)("alice")
    async with asking(imported) as ask:
        query = "{ nearest(near: {point: {latitude: 1, longitude: 2}}) { region name point { longitude } } }"
        found = await ask(token, query)
        assert found == {"nearest": {"region": "LOW", "name": "alice", "point": {"longitude": 2.0}}}
        with pytest.raises(RefusedError, match=r"missing is not served: functions.py has no function nobody"):
            await ask(token, "{ missing }")
    assert "not served: Query.missing" in imported.log
    assert "Fire stations" in imported.log
    assert "in the header x-api-key" in imported.log


@asynccontextmanager
async def listening(server: Server, query: str, token: str) -> AsyncIterator[Any]:
    """Subscribe by graphql-transport-ws; yield a function that returns the next event."""
    address = server.url.replace("http", "ws") + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": token}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": query}}))

        async def event() -> Any:
            message = json.loads(await asyncio.wait_for(socket.recv(), SOON))
            assert message["type"] == "next", message
            return message["payload"]["data"]

        yield event


async def test_a_subscription_hears_what_its_mutations_answer(imported: Server) -> None:
    token = minting(imported)("alice")
    heard = 'subscription { heard(station: "Beacon") { text station } }'
    async with asking(imported) as ask, listening(imported, heard, token) as event:
        await asyncio.sleep(1)  # this protocol has no acknowledgement
        for station in ("Elsewhere", "Beacon"):
            await ask(token, f'mutation {{ drill(station: "{station}") {{ text }} }}')
        assert await event() == {"heard": {"text": "only a drill", "station": "Beacon"}}
        await ask(token, 'mutation { createAlarm(input: {station: "Beacon", text: "fire"}) { id } }')
        assert await event() == {"heard": {"text": "fire", "station": "Beacon"}}


async def test_an_answer_that_is_a_row_reaches_those_only_who_may_read_it(imported: Server) -> None:
    token_for = minting(imported)
    heard = "subscription { inspected { name } }"
    async with (
        asking(imported) as ask,
        listening(imported, heard, token_for("alice")) as own,
        listening(imported, heard, token_for("eve")) as foreign,
    ):
        await asyncio.sleep(1)  # this protocol has no acknowledgement
        await ask(token_for("alice"), "mutation { inspect { name } }")
        assert await own() == {"inspected": {"name": "Post"}}
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(foreign(), 1)


async def test_rows_within_an_answer_reach_those_only_who_may_read_them(imported: Server) -> None:
    token_for = minting(imported)
    fields = "{ note stations { name } worst { at { name } } }"
    heard = f"subscription {{ surveyed {fields} }}"
    async with (
        asking(imported) as ask,
        listening(imported, heard, token_for("alice")) as own,
        listening(imported, heard, token_for("eve")) as foreign,
    ):
        await asyncio.sleep(1)  # this protocol has no acknowledgement
        whole = {"note": "dry", "stations": [{"name": "Post"}], "worst": {"at": {"name": "Post"}}}
        assert await ask(token_for("alice"), f"mutation {{ survey {fields} }}") == {"survey": whole}
        assert await own() == {"surveyed": whole}
        assert await foreign() == {"surveyed": {"note": "dry", "stations": [], "worst": {"at": None}}}


async def test_claims_that_rules_name_say_whose_a_row_is_and_for_which_group(imported: Server) -> None:
    issuer = LocalIssuer(imported.directory)

    def token_of(name: str, **claims: object) -> str:
        return issuer.mint(sub_of(name), name, more=claims)

    made = 'mutation { createCase(input: { id: "c", text: "wet", team: "north" }) { id keeper } }'
    get, listed = '{ getCase(id: "c") { text } }', "{ listCases { items { id } } }"
    keeper = token_of("alice", member_number="m-17")
    async with asking(imported) as ask:
        assert await ask(keeper, made) == {"createCase": {"id": "c", "keeper": "m-17"}}
        for reads in (
            keeper,
            token_of("bob", member_number="m-17"),
            token_of("bob", roles=["Desk"]),
            token_of("bob", teams=["south", "north"]),
        ):
            assert await ask(reads, get) == {"getCase": {"text": "wet"}}
            assert await ask(reads, listed) == {"listCases": {"items": [{"id": "c"}]}}
        change = 'mutation { updateCase(input: { id: "c", text: "dry" }) { text } }'
        for foreign in (
            issuer.mint(sub_of("alice"), "alice", ["Desk", "north"]),
            token_of("alice", member_number="m-1", roles=["desk"], teams=["south"]),
        ):
            for query in (get, change):
                with pytest.raises(RefusedError) as refused:
                    await ask(foreign, query)
                assert refused.value.code == "Unauthorized"
        # Who may only read by a team changes nothing.
        with pytest.raises(RefusedError):
            await ask(token_of("bob", teams=["north"]), change)
        assert await ask(token_of("eve", roles=["Desk"]), change) == {"updateCase": {"text": "dry"}}
