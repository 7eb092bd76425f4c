"""Relations are read in batches: a page and all its related rows take two calls."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from models import tables
from resolvers.identity.callers import Caller
from tests.integration.conftest import Cloud
from tests.integration.in_process_api import InProcessApi, in_process_api

STAMP = "2026-01-01T00:00:00.000Z"
PAGE = """query Q($of: ID!) { page: serviceRequestsByRequesterId(requesterId: $of, limit: 25) {
  items { id service { title } provider { username services { nextToken } } requester { username } } } }"""
TWO = PAGE.replace(" services { nextToken }", "").replace(" requester { username }", "")


@pytest.fixture
async def api(cloud: Cloud) -> AsyncIterator[InProcessApi]:
    async with in_process_api(cloud) as parts:
        yield parts


async def settled(api: InProcessApi, *, providers: int) -> Caller:
    """Return a member with 25 requests to so many providers."""
    caller = Caller(f"requester-{uuid4()}", "requester")
    for number in range(providers):
        provider = f"provider-{number}-{caller.sub}"
        await api.put(tables.User, id=provider, username=f"p{number}", skills=[], createdAt=STAMP, updatedAt=STAMP)
        await api.put(tables.Service, id=f"s-{provider}", userId=provider, title=f"s{number}", createdAt=STAMP)
    for number in range(25):
        provider = f"provider-{number % providers}-{caller.sub}"
        await api.put(
            tables.ServiceRequest,
            id=str(uuid4()),
            requesterId=caller.sub,
            providerId=provider,
            serviceId=f"s-{provider}",
            createdAt=f"2026-01-01T00:00:00.{number:03}Z",
        )
    api.calls.made.clear()
    return caller


@pytest.mark.parametrize("providers", [1, 25])
async def test_a_page_and_two_relations_are_one_query_and_one_batch(api: InProcessApi, providers: int) -> None:
    caller = await settled(api, providers=providers)
    items = (await api.ask(caller, TWO, of=caller.sub))["page"]["items"]
    assert [(item["service"]["title"], item["provider"]["username"]) for item in items] == [
        (f"s{number % providers}", f"p{number % providers}") for number in range(25)
    ]
    assert [operation for operation, *_ in api.calls.made] == ["query", "batch_get_item"]


async def test_what_a_relation_leads_to_is_one_batch_at_each_level(api: InProcessApi) -> None:
    caller = await settled(api, providers=3)
    items = (await api.ask(caller, PAGE, of=caller.sub))["page"]["items"]
    assert len(items) == 25
    operations = [operation for operation, *_ in api.calls.made]
    assert operations[:2] == ["query", "batch_get_item"]
    assert set(operations[2:]) == {"query"}  # each row's inner page is a query of its own
    assert len(operations[2:]) == 25
