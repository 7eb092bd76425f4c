"""The API's entry in virtual time: GraphQL as a client sends it, with an Idempotency-Key or without."""

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
from resolvers.apps.hourbank import HOURBANK
from resolvers.context import RequestContext
from resolvers.hosting.settings import ServerSettings
from resolvers.identity.callers import Caller
from resolvers.transport.over_http.idempotency import Idempotency
from resolvers.transport.payloads import response_of
from schema.build import MirrorSchema
from schema.errors import INTERNAL_FAILURE, SERVICE_UNAVAILABLE, RefusedError
from tests.chaos.simulation.services import services_over

if TYPE_CHECKING:
    from tests.chaos.simulation.world import World

ADA = Caller("ada", "ada", frozenset({"admin"}))
# Transient errors, after which a client retries.
_TRANSIENT = frozenset({INTERNAL_FAILURE, SERVICE_UNAVAILABLE, Code.CONTENTION.value})

_current_world: ContextVar["World"] = ContextVar("current_world")


class _CurrentWorldCalls:
    """The calls of the current world: building a schema for each world would take too long."""

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        return await _current_world.get().calls.call(service, operation, **params)

    async def pause(self, seconds: float) -> None:
        await _current_world.get().calls.pause(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        return _current_world.get().calls.is_free(keys)

    def queue(self, keys: Iterable[str], *, by: str | None = None) -> AbstractAsyncContextManager[None]:
        return _current_world.get().calls.queue(keys, by=by)


def _now() -> datetime:
    return _current_world.get().clock()


@cache
def _schema(names: Names) -> MirrorSchema:
    return Api.over(HOURBANK, services_over(_CurrentWorldCalls(), names, _now), ServerSettings(), b"secret").schema


async def ask(
    world: "World", caller: Caller, document: str, variables: Mapping[str, Any], *, key: str | None = None
) -> Any:
    """Run an operation in a world; return its data, or the type of its error.

    Raises:
        ContentionError: the error is transient; the client is to retry.
    """
    _current_world.set(world)
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
        if error["errorType"] in _TRANSIENT:
            raise ContentionError(error["message"])
        return error["errorType"]
    return response["data"]
