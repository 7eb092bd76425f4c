"""What members do not see of each other, and what guests and newcomers may do, over tables in memory."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from models import clock, tables
from models.changes import ChangeKind
from models.tables.category import Category
from resolvers.context import RequestContext
from resolvers.feed.row_changes import RowChange
from resolvers.identity.callers import GUEST, Caller, Standing
from resolvers.identity.membership import Membership
from resolvers.mirror.subscriptions import Subscriptions
from resolvers.mirror.type_rules import TypeRules
from schema.errors import report
from tests.security.backends import Announcements
from tests.unit.mirror import ADMIN, ALICE, BOB, EVE, MemoryStore, ask, error_of, execute, schema_over

if TYPE_CHECKING:
    from resolvers.feed.change_feed import ChangeFeed
    from resolvers.mirror.resolver import Mirror

NEWCOMER = replace(EVE, standing=Standing.NEWCOMER)
INACTIVE = replace(ALICE, standing=Standing.NEWCOMER)
OUTSIDERS = [NEWCOMER, GUEST]
SEEN = "id email cognitoId username"


@pytest.fixture
def store(store: MemoryStore) -> MemoryStore:
    for name in ("alice", "bob"):
        row = store.rows[tables.User, f"sub-{name}"]
        row |= {"email": {"S": f"{name}@example.org"}, "cognitoId": {"S": f"sub-{name}"}, "rating": {"N": "4"}}
        row |= {field: {"S": "x"} for field in ("firstName", "lastName")} | {"totalTransactions": {"N": "0"}}
    return store


def of(name: str, *, hidden: bool = False) -> dict[str, Any]:
    seen = (
        {"email": "", "cognitoId": None}
        if hidden
        else {"email": f"{name}@example.org", "cognitoId": f"sub-{name}"}
    )
    return {"id": f"sub-{name}", "username": name} | seen


@pytest.mark.parametrize(("caller", "hidden"), [(ALICE, False), (ADMIN, False), (BOB, True), (EVE, True)])
async def test_an_address_is_its_owners_and_the_admins(
    store: MemoryStore, caller: Caller, *, hidden: bool
) -> None:
    for query in (
        f'{{ getUser(id: "sub-alice") {{ {SEEN} }} }}',
        f'{{ listUsers(filter: {{ id: {{ eq: "sub-alice" }} }}) {{ items {{ {SEEN} }} }} }}',
        f'{{ usersByUsername(username: "alice") {{ items {{ {SEEN} }} }} }}',
        f'{{ getServiceRequest(id: "r0") {{ requester {{ {SEEN} }} }} }}',
    ):
        if caller is EVE and "getServiceRequest" in query:
            continue
        (shown,) = (await ask(store, caller, query)).values()
        (shown,) = shown["items"] if "items" in shown else [shown.get("requester", shown)]
        assert shown == of("alice", hidden=hidden), query


async def test_a_mutations_result_shows_no_more(store: MemoryStore) -> None:
    query = f"""mutation {{ updateServiceRequest(input: {{ id: "r0" }}) {{
        requester {{ {SEEN} }} provider {{ {SEEN} }} }} }}"""
    shown = (await ask(store, ALICE, query))["updateServiceRequest"]
    assert shown == {"requester": of("alice"), "provider": of("bob", hidden=True)}


@pytest.mark.parametrize(
    "page",
    [
        'usersByEmail(email: "bob@example.org")',
        'usersByCognitoId(cognitoId: "sub-bob", limit: 1)',
        'usersByEmail(email: "bob@example.org", sortDirection: DESC, filter: { username: { ne: "x" } })',
        'listUsers(filter: { cognitoId: { eq: "sub-bob" } })',
        'listUsers(filter: { email: { beginsWith: "bob" } }, limit: 1)',
        "listUsers(filter: { email: { size: { gt: 99 } } }, limit: 1)",
        'listUsers(filter: { and: [{ not: { email: { eq: "alice@example.org" } } }] })',
        'listUsers(filter: { or: [{ email: { eq: "b" } }, { username: { eq: "bob" } }] })',
        'listUsers(filter: { cognitoId: { attributeExists: true }, username: { eq: "bob" } })',
        'listUsers(filter: { id: { eq: "sub-bob" }, email: { ne: "x" } })',
        'usersByUsername(username: "bob", filter: { email: { eq: "bob@example.org" } })',
    ],
)
async def test_nobody_is_found_by_what_is_hidden(store: MemoryStore, page: str) -> None:
    query = f"{{ page: {page} {{ items {{ id }} nextToken }} }}"
    for stranger in (ALICE, EVE, *OUTSIDERS):
        assert await ask(store, stranger, query) == {"page": {"items": [], "nextToken": None}}
        assert [kind for kind, _ in store.reads if kind != "get"] == []
    # The tables in memory do not run every filter of a scan.
    if not page.startswith("listUsers(filter: { email"):
        assert {"id": "sub-bob"} in (await ask(store, ADMIN, query))["page"]["items"]


@pytest.mark.parametrize(
    "page",
    [
        'usersByEmail(email: "bob@example.org")',
        'usersByCognitoId(cognitoId: "sub-bob", limit: 1)',
        'listUsers(filter: { cognitoId: { eq: "sub-bob" } })',
        'listUsers(filter: { email: { contains: "@" } }, limit: 1)',
        'usersByUsername(username: "bob", filter: { email: { eq: "bob@example.org" } })',
    ],
)
async def test_members_find_themselves(store: MemoryStore, page: str) -> None:
    query = f"{{ page: {page} {{ items {{ {SEEN} }} nextToken }} }}"
    assert await ask(store, BOB, query) == {"page": {"items": [of("bob")], "nextToken": None}}


async def test_a_page_without_a_hidden_field_is_as_ever(store: MemoryStore) -> None:
    query = (
        '{ listUsers(filter: { email: null, and: [{ cognitoId: {} }], username: { ne: "x" } }) { items { id } } }'
    )
    assert len((await ask(store, EVE, query))["listUsers"]["items"]) == 2


async def test_the_hundred_and_first_member_is_found_on_the_first_page(store: MemoryStore) -> None:
    for number in range(300):
        store.add(Category, id=f"c{number}", name=f"name-{number}", createdAt="2026", isActive=True)
    for filter_ in ('id: { eq: "c299" }', 'name: { eq: "name-299" }', 'and: [{ name: { eq: "name-299" } }]'):
        store.reads.clear()
        query = f"{{ listCategories(filter: {{ {filter_} }}, limit: 1) {{ items {{ id }} nextToken }} }}"
        page = (await ask(store, EVE, query))["listCategories"]
        assert page == {"items": [{"id": "c299"}], "nextToken": None}
        assert [kind for kind, _ in store.reads] in (["get"], ["query"])
    query = '{ listCategories(filter: { id: { eq: "c1" }, name: { eq: "name-2" } }) { items { id } nextToken } }'
    assert (await ask(store, EVE, query))["listCategories"] == {"items": [], "nextToken": None}


async def test_who_is_pinned_and_foreign_is_left_out(store: MemoryStore) -> None:
    for filter_ in ('id: { eq: "r0" }', 'requesterId: { eq: "sub-alice" }', 'serviceId: { eq: "s" }'):
        query = f"{{ listServiceRequests(filter: {{ {filter_} }}, limit: 2) {{ items {{ id }} nextToken }} }}"
        page = (await ask(store, EVE, query))["listServiceRequests"]
        assert page == {"items": [], "nextToken": None}
        assert len((await ask(store, ALICE, query))["listServiceRequests"]["items"]) >= 1


async def test_pages_of_a_pinned_list_lead_through_every_row_once(store: MemoryStore) -> None:
    query = """query ($token: String) { page: listServiceRequests(limit: 1, nextToken: $token,
        filter: { serviceId: { eq: "s" }, status: { eq: INITIATED } }) { items { id } nextToken } }"""
    seen, token = list[str](), None
    while True:
        page = (await ask(store, BOB, query, token=token))["page"]
        seen += [item["id"] for item in page["items"]]
        if (token := page["nextToken"]) is None:
            break
    assert sorted(seen) == ["r0", "r1", "r2", "r3", "r4"]


READ = {
    "getService": '{ it: getService(id: "s") { id user { id username rating bio skills } } }',
    "listServices": "{ it: listServices { items { id } nextToken } }",
    "getUser": '{ it: getUser(id: "sub-bob") { id username firstName lastName bio skills rating createdAt } }',
    "usersByUsername": '{ it: usersByUsername(username: "bob") { items { id services { nextToken } } } }',
    "listCategories": "{ it: listCategories { items { id } } }",
    "nested": """{ it: getUser(id: "sub-bob") { id balance { userId } requestsMade { items { id } nextToken }
        notifications { nextToken } } }""",
    "absent": '{ it: getUser(id: "nobody") { id email } }',
}


@pytest.mark.parametrize("caller", OUTSIDERS, ids=lambda caller: caller.standing.name)
@pytest.mark.parametrize("query", READ.values(), ids=READ)
async def test_who_is_no_member_reads_what_is_public(store: MemoryStore, query: str, caller: Caller) -> None:
    shown = (await ask(store, caller, query))["it"]
    if "balance" in query:
        assert (shown["balance"], shown["requestsMade"]["items"]) == (None, [])


@pytest.mark.parametrize("caller", OUTSIDERS, ids=lambda caller: caller.standing.name)
@pytest.mark.parametrize("field", ["email", "cognitoId", "bankHours", "isActive"])
async def test_any_other_field_of_a_member_is_refused(store: MemoryStore, field: str, caller: Caller) -> None:
    query = f'{{ getUser(id: "sub-bob") {{ id {field} }} }}'
    data, (error,) = await execute(schema_over(store), store, caller, query)
    assert error["errorType"] == "Unauthorized"
    assert error["message"] == f"Not Authorized to access {field} on type User"
    assert error["path"] == ["getUser", field]
    # A field that is never null takes its row along.
    required = field in {"email", "bankHours"}
    assert data == {"getUser": None if required else {"id": "sub-bob", field: None}}


@pytest.mark.parametrize("caller", OUTSIDERS, ids=lambda caller: caller.standing.name)
@pytest.mark.parametrize(
    "query",
    [
        '{ getServiceRequest(id: "r0") { id } }',
        '{ getServiceRequest(id: "nobody") { id } }',
        '{ getUserBalance(userId: "sub-eve") { userId } }',
        "{ listServiceRequests { items { id } } }",
        '{ notificationsByUserId(userId: "") { items { id } } }',
        'mutation { updateUser(input: { id: "sub-eve", bio: "x" }) { id } }',
        'mutation { deleteService(input: { id: "s" }) { id } }',
        """mutation { createService(input: { userId: "sub-eve", title: "t", description: "d", category: "c",
            isActive: true, tags: [] }) { id } }""",
        'mutation { createConversation(input: { user1Id: "sub-eve", user2Id: "sub-bob" }) { id } }',
        "subscription { onUpdateService { id } }",
        'subscription { onUpdateService(userId: "sub-eve") { id } }',
    ],
)
async def test_everything_else_is_refused(store: MemoryStore, query: str, caller: Caller) -> None:
    if query.startswith("subscription"):
        assert await told(store, caller, query) == ["Unauthorized"]
    else:
        assert (await error_of(store, caller, query))["errorType"] == "Unauthorized"


async def told(store: MemoryStore, caller: Caller, query: str, membership: Membership | None = None) -> list[Any]:
    """Return the events that a subscriber receives of a change of each member, or the error types."""
    feed = Announcements()
    members = [row for (table, _), row in store.rows.items() if table is tables.User]
    feed.changes = [RowChange(ChangeKind.UPDATE, row, 0) for row in members]
    schema = schema_over(store)
    cast("Mirror", schema.resolver).subscribe = Subscriptions(cast("ChangeFeed", feed)).subscribe
    context = RequestContext(store, caller, {}, membership=membership)
    results: Any = await schema.stream(query, context_value=context)
    found = [result async for result in results]
    errors = [report(error).error_type for result in found for error in result.errors or ()]
    return errors or [next(iter(result.data.values())) for result in found]


async def test_an_event_shows_no_more(store: MemoryStore) -> None:
    query = f"subscription {{ onUpdateUser {{ {SEEN} }} }}"
    assert await told(store, ALICE, query) == [of("alice"), of("bob", hidden=True)]
    assert await told(store, ADMIN, query) == [of("alice"), of("bob")]


@pytest.mark.parametrize(
    "filter_",
    [
        'email: { contains: "@" }',
        'or: [{ email: { eq: "nobody" } }, { username: { ne: "" } }]',
        'and: [{ cognitoId: { ne: "x" } }]',
    ],
)
async def test_an_event_is_not_found_by_what_is_hidden(store: MemoryStore, filter_: str) -> None:
    query = f"subscription {{ onUpdateUser(filter: {{ {filter_} }}) {{ {SEEN} }} }}"
    assert await told(store, ALICE, query) == [of("alice")]
    assert await told(store, EVE, query) == []
    assert len(await told(store, ADMIN, query)) == 2


async def test_who_is_no_member_any_more_is_told_nothing_more(store: MemoryStore) -> None:
    query = 'subscription { onUpdateUser(filter: { username: { ne: "" } }) { id } }'
    store.add(tables.User, id="sub-eve", username="eve", isActive=True, createdAt="2026", updatedAt="2026")
    assert len(await told(store, EVE, query, Membership(store))) == 3
    store.rows[tables.User, "sub-eve"]["isActive"] = {"BOOL": False}
    assert await told(store, EVE, query, Membership(store)) == []


JOIN = f"""mutation ($id: ID) {{ createUser(input: {{ id: $id, email: "e@example.org", username: "eve",
    firstName: "Eve", lastName: "E", bankHours: 10, rating: 5, skills: [], totalTransactions: 0,
    cognitoId: "dora" }}) {{ {SEEN} bankHours rating }} }}"""


def joining(store: MemoryStore) -> TypeRules:
    async def join(caller: Caller, given: Any) -> Any:
        assert given["id"] == caller.sub
        assert (given["bankHours"], given["rating"], given["totalTransactions"]) == (0, 0, 0)
        assert "cognitoId" not in given
        texts = {name: given[name] for name in ("id", "email", "username", "firstName", "lastName")}
        dates = dict.fromkeys(("createdAt", "updatedAt"), clock.to_text(clock.now()))
        store.add(tables.User, **texts, **dates, rating=0, totalTransactions=0, skills=[], cognitoId=caller.sub)
        return store.rows[tables.User, caller.sub]

    return TypeRules(creators={"User": join})


@pytest.mark.parametrize("id_", [None, "sub-eve"])
async def test_a_newcomer_joins_as_the_app_asks_it(store: MemoryStore, id_: str | None) -> None:
    data, errors = await execute(schema_over(store, joining(store)), store, NEWCOMER, JOIN, id=id_)
    assert errors == []
    seen = {"id": "sub-eve", "email": "e@example.org", "cognitoId": "sub-eve", "username": "eve"}
    assert data == {"createUser": seen | {"bankHours": 0.0, "rating": 0.0}}


async def test_nobody_joins_for_another_and_no_guest_joins(store: MemoryStore) -> None:
    for caller, key in ((GUEST, None), (GUEST, ""), (NEWCOMER, "sub-dora"), (EVE, "sub-dora")):
        _, (error,) = await execute(schema_over(store, joining(store)), store, caller, JOIN, id=key)
        assert error["errorType"] == "Unauthorized"


async def test_an_inactive_member_sees_their_own_row(store: MemoryStore) -> None:
    query = f'{{ getUser(id: "sub-alice") {{ {SEEN} isActive bankHours }} }}'
    shown = (await ask(store, INACTIVE, query))["getUser"]
    assert shown == of("alice") | {"isActive": None, "bankHours": 9.75}
    query = '{ getUser(id: "sub-alice") { balance { userId } requestsMade { items { id } } } }'
    assert (await ask(store, INACTIVE, query))["getUser"] == {"balance": None, "requestsMade": {"items": []}}


async def test_an_admin_who_has_not_joined_is_an_admin(store: MemoryStore) -> None:
    caller = replace(ADMIN, standing=Standing.NEWCOMER)
    assert (await ask(store, caller, f'{{ getUser(id: "sub-bob") {{ {SEEN} }} }}'))["getUser"] == of("bob")
    assert len((await ask(store, caller, "{ listServiceRequests { items { id } } }")).popitem()[1]["items"]) == 5
    query = 'mutation { updateService(input: { id: "s", userId: "sub-eve" }) { id } }'
    assert "fixed" in (await error_of(store, caller, query))["message"]


async def test_a_condition_on_what_is_hidden_never_holds(store: MemoryStore) -> None:
    query = """mutation ($email: String) { updateUser(input: { id: "sub-bob", bio: "x" },
        condition: { email: { eq: $email } }) { id } }"""
    errors = [await error_of(store, ALICE, query, email=email) for email in ("bob@example.org", "else")]
    assert errors[0] == errors[1]
    assert errors[0]["errorType"] == "Unauthorized"
