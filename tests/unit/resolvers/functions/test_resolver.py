"""What a mutation answered is published for subscribers, and is the client's whether that succeeds or not."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from structlog.testing import capture_logs

from models.errors import UnavailableError
from models.storage.store import Item
from resolvers.context import RequestContext
from resolvers.functions.calls import FunctionCalls
from resolvers.functions.resolver import FunctionResolver
from resolvers.identity.callers import Caller
from schema.amplify.sdl.declaring import catalogue_of
from tests.unit.builders import NOW
from tests.unit.schema.amplify.sdl.texts import app_of

CATALOGUE = catalogue_of(
    app_of(
        """
        type Note @model @auth(rules: [{ allow: private }]) { id: ID! }
        type Mutation { ring(times: Int): String @function(name: "ring") }
        type Subscription { rung: String @aws_subscribe(mutations: ["ring"]) }
        """
    )
)
(RING,) = [one for one in CATALOGUE.own if one.name == "ring"]
INVALID = ClientError({"Error": {"Code": "ValidationException", "Message": "no such row"}}, "PutItem")


class Shelf:
    """A store that takes rows, or refuses them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.rows: list[Item] = []

    async def put(self, _table: object, item: Item) -> None:
        if self.error is not None:
            raise self.error
        self.rows.append(item)


async def ring(shelf: Shelf, times: int = 1) -> Any:
    """Let alice ring, and return what she is answered."""
    calls = FunctionCalls({"ring": lambda event: "ring " * event["arguments"]["times"]})
    resolver = FunctionResolver(CATALOGUE, calls, cast("Any", shelf), cast("Any", None), lambda: NOW)
    info: Any = SimpleNamespace(context=RequestContext(cast("Any", shelf), Caller("alice", "alice"), {}))
    return await resolver.call(RING, info, {"times": times})


async def test_an_answer_is_published() -> None:
    shelf = Shelf()
    assert await ring(shelf) == "ring "
    (row,) = shelf.rows
    assert (row["mutation"], row["answer"]) == ({"S": "ring"}, {"S": '"ring "'})


@pytest.mark.parametrize("error", [INVALID, UnavailableError()])
async def test_an_answer_that_cannot_be_published_is_the_clients_all_the_same(error: Exception) -> None:
    with capture_logs() as lines:
        assert await ring(Shelf(error)) == "ring "
    (line,) = lines
    assert (line["event"], line["field"]) == ("an answer does not reach subscribers", "ring")
    assert line["error"] == str(error)


async def test_an_answer_that_is_too_large_is_not_published() -> None:
    shelf = Shelf()
    with capture_logs() as lines:
        assert len(await ring(shelf, 70_000)) == 350_000
    assert shelf.rows == []
    assert lines[0]["event"] == "an answer is too large for subscribers"
