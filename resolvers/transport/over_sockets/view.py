"""What the endpoints of both socket protocols have in common."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL

from models.storage.store import Store
from resolvers.context import RequestContext
from resolvers.identity.authentication import Authentication
from resolvers.push.push import Push
from resolvers.rates.meter import Meter
from resolvers.transport.over_sockets.sockets import TextFrames
from schema.build import MirrorSchema
from schema.unstorable import parse_json


class SocketView(GraphQL[RequestContext, None]):
    """Opens sockets.

    Args:
        schema: the schema.
        store: the tables.
        authentication: identifies callers.
        meter: charges callers for what they send.
        push: answers events once for all who get the same; without, graphql-core answers each.
        options: Strawberry's.
    """

    websocket_adapter_class = TextFrames

    def __init__(
        self,
        schema: MirrorSchema,
        store: Store,
        authentication: Authentication,
        meter: Meter,
        push: Push | None,
        **options: Any,
    ) -> None:
        super().__init__(schema, **options)
        self.authentication = authentication
        self.meter = meter
        self.push = push
        self._store = store

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> RequestContext:
        """Return the context of a socket, whose caller is unknown until its first message."""
        del response
        membership, client = self.authentication.membership, request.client
        host = None if client is None else client.host
        return RequestContext(self._store, None, request.headers, membership=membership, host=host)

    def decode_json(self, data: str | bytes) -> Any:
        """Parse a message, in which lone surrogates may be left."""
        return parse_json(data)

    def encode_json(self, data: object) -> bytes:
        """Write JSON."""
        return orjson.dumps(data)
