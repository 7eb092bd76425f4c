"""The sockets of graphql-transport-ws."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UnsetType

from models.storage.store import Store
from resolvers.context import RequestContext
from resolvers.identity.authentication import Authentication
from resolvers.identity.keys import UnauthenticatedError
from resolvers.push.push import Push
from resolvers.rates.meter import Meter
from resolvers.transport.graphql_transport_ws import TransportHandler
from resolvers.transport.sockets import INIT_SECONDS, TextFrames
from schema.build import MirrorSchema
from schema.unstorable import parse_json


class SocketEndpoint(GraphQL[RequestContext, None]):
    """Opens the sockets of graphql-transport-ws.

    Args:
        schema: the schema.
        store: the tables.
        authentication: identifies callers.
        origins: the other origins whose pages may open one.
        meter: charges callers for what they send.
        push: answers events once for all who get the same; without, graphql-core answers each.
    """

    graphql_transport_ws_handler_class = TransportHandler
    websocket_adapter_class = TextFrames

    def __init__(
        self,
        schema: MirrorSchema,
        store: Store,
        authentication: Authentication,
        origins: Sequence[str],
        meter: Meter,
        push: Push | None,
    ) -> None:
        super().__init__(
            schema,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            allowed_origins=origins,
        )
        self.meter = meter
        self.push = push
        self._authentication = authentication
        self._store = store

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> RequestContext:
        """Return the context of a socket, whose caller is unknown until its first message."""
        del response
        membership, client = self._authentication.membership, request.client
        host = None if client is None else client.host
        return RequestContext(self._store, None, request.headers, membership=membership, host=host)

    async def on_ws_connect(self, context: RequestContext) -> UnsetType | dict[str, object] | None:
        """Authenticate the caller who opened a socket.

        Raises:
            UnauthenticatedError: neither the first message nor the upgrade request has a valid token or key.
            RateLimitedError: the caller has too many sockets, or the address sends too many bad tokens.
        """
        try:
            caller = await self._authentication.authenticate(context.connection_params or {}, context.headers)
        except UnauthenticatedError as error:
            self.meter.refused(context.address, error)
            raise
        await context.identify(caller)
        self.meter.admit_socket(context.payer, context.until_closed)
        return await super().on_ws_connect(context)

    def decode_json(self, data: str | bytes) -> Any:
        """Parse a message, in which lone surrogates may be left."""
        return parse_json(data)

    def encode_json(self, data: object) -> bytes:
        """Write JSON."""
        return orjson.dumps(data)
