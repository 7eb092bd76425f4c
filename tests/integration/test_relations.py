"""Where rows lead is read at once: a page and all that it leads to are two calls."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from models import tables
from resolvers.identity.callers import Caller
from tests.integration.conftest import Cloud
from tests.integration.in_process import InProcess, in_process

STAMP = "2026-01-01T00:00:00.000Z"
PAGE = """query Q($of: ID!) { page: serviceRequestsByRequesterId(requesterId: $of, limit: 25) {
  items { id service { title } provider { username services { nextToken } } requester { username } } } }"""
TWO = PAGE.replace(" services { nextToken }", "").replace(" requester { username }", "")


@pytest.fixture
async def asked(cloud: Cloud) -> AsyncIterator[InProcess]:
    async with in_process(cloud) as parts:
        yield parts


async def settled(asked: InProcess, *, providers: int) -> Caller:
    """Return somebody with 25 requests to so many providers."""
    caller = Caller(f"requester-{uuid4()}", "requester")
    for number in range(providers):
        provider = f"provider-{number}-{caller.sub}"
        await asked.put(
            tables.User, id=provider, username=f"p{number}", skills=[], createdAt=STAMP, updatedAt=STAMP
        )
        await asked.put(tables.Service, id=f"s-{provider}", userId=provider, title=f"s{number}", createdAt=STAMP)
    for number in range(25):
        provider = f"provider-{number % providers}-{caller.sub}"
        await asked.put(
            tables.ServiceRequest,
            id=str(uuid4()),
            requesterId=caller.sub,
            providerId=provider,
            serviceId=f"s-{provider}",
            createdAt=f"2026-01-01T00:00:00.{number:03}Z",
        )
    asked.calls.asked.clear()
    return caller


@pytest.mark.parametrize("providers", [1, 25])
async def test_a_page_and_two_relations_are_one_query_and_one_batch(asked: InProcess, providers: int) -> None:
    caller = await settled(asked, providers=providers)
    items = (await asked.ask(caller, TWO, of=caller.sub))["page"]["items"]
    assert [(item["service"]["title"], item["provider"]["username"]) for item in items] == [
        (f"s{number % providers}", f"p{number % providers}") for number in range(25)
    ]
    assert [operation for operation, *_ in asked.calls.asked] == ["query", "batch_get_item"]


async def test_what_a_relation_leads_to_is_one_batch_at_each_level(asked: InProcess) -> None:
    caller = await settled(asked, providers=3)
    items = (await asked.ask(caller, PAGE, of=caller.sub))["page"]["items"]
    assert len(items) == 25
    operations = [operation for operation, *_ in asked.calls.asked]
    assert operations[:2] == ["query", "batch_get_item"]
    assert set(operations[2:]) == {"query"}  # a page inside each row is a query of its own
    assert len(operations[2:]) == 25
