"""The API's door in virtual time: GraphQL as a client sends it, under an Idempotency-Key or not."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from models.errors import Code, ContentionError
from models.idempotency import KeyedRequest, hash_of
from models.storage.names import Names
from resolvers.api import Api
from resolvers.context import RequestContext
from resolvers.hosting.settings import ServerSettings
from resolvers.identity.callers import Caller
from resolvers.transport.idempotency import Idempotency
from resolvers.transport.payloads import response_of
from schema.build import MirrorSchema
from schema.errors import INTERNAL_FAILURE, RefusedError
from tests.chaos.simulation.services import services_over

if TYPE_CHECKING:
    from tests.chaos.simulation.world import World

ADA = Caller("ada", "ada", frozenset({"admin"}))
# Errors after which a client sends the same again.
_PASSING = frozenset({INTERNAL_FAILURE, Code.CONTENTION.value})

_asked: ContextVar["World"] = ContextVar("world")


class _Way:
    """The way to AWS of whichever world is asked: a schema takes too long to make one for each."""

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        return await _asked.get().calls.call(service, operation, **params)

    async def pause(self, seconds: float) -> None:
        await _asked.get().calls.pause(seconds)

    def queue(self, keys: Iterable[str]) -> AbstractAsyncContextManager[None]:
        return _asked.get().calls.queue(keys)


def _now() -> datetime:
    return _asked.get().clock()


@cache
def _schema(names: Names) -> MirrorSchema:
    return Api.over(services_over(_Way(), names, _now), ServerSettings(), b"secret").schema


async def ask(
    world: "World", caller: Caller, document: str, variables: Mapping[str, Any], *, key: str | None = None
) -> Any:
    """Ask for an operation in a world; return its data, or the type of its error.

    Raises:
        ContentionError: the client is told to send it again.
    """
    _asked.set(world)
    store = world.services.store
    context = RequestContext(store, caller, {})
    run = partial(_schema(world.names).execute, document, variable_values=dict(variables), context_value=context)
    if key is None:
        result = await run()
    else:
        asked = KeyedRequest.by(caller.sub, key, hash_of(document, variables, None))
        context.cause = asked.cause
        try:
            result, _ = await Idempotency(store, world.clock).run_once(asked, run)
        except RefusedError as refused:
            return refused.error_type
    response: Any = response_of(result)
    for error in response.get("errors", ()):
        if error["errorType"] in _PASSING:
            raise ContentionError(error["message"])
        return error["errorType"]
    return response["data"]
