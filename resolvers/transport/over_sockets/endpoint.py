"""The sockets of graphql-transport-ws."""

from collections.abc import Sequence
from datetime import timedelta

from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UnsetType

from models.storage.store import Store
from resolvers.context import RequestContext
from resolvers.identity.authentication import Authentication
from resolvers.identity.keys import UnauthenticatedError
from resolvers.operation_log import OperationLog
from resolvers.push.push import Push
from resolvers.rates.meter import Meter
from resolvers.transport.over_sockets.graphql_transport_ws import TransportHandler
from resolvers.transport.over_sockets.sockets import INIT_SECONDS
from resolvers.transport.over_sockets.view import SocketView
from schema.build import MirrorSchema


class SocketEndpoint(SocketView):
    """Opens the sockets of graphql-transport-ws; `SocketView` explains the other arguments.

    Args:
        origins: the other origins whose pages may open one.
        log: writes a line about each operation.
    """

    graphql_transport_ws_handler_class = TransportHandler

    def __init__(
        self,
        schema: MirrorSchema,
        store: Store,
        authentication: Authentication,
        origins: Sequence[str],
        meter: Meter,
        log: OperationLog,
        push: Push | None,
    ) -> None:
        super().__init__(
            schema,
            store,
            authentication,
            meter,
            push,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            max_subscriptions_per_connection=None,  # the handler counts, and reports the limit in AppSync's format
            allowed_origins=origins,
        )
        self.log = log

    async def on_ws_connect(self, context: RequestContext) -> UnsetType | dict[str, object] | None:
        """Authenticate the caller who opened a socket.

        Raises:
            UnauthenticatedError: neither the first message nor the upgrade request has a valid token or key.
            RateLimitedError: the caller has too many sockets, or the address sends too many bad tokens.
        """
        try:
            caller = await self.authentication.authenticate(context.connection_params or {}, context.headers)
        except UnauthenticatedError as error:
            self.meter.refused(context.address, error)
            raise
        await context.identify(caller)
        self.meter.admit_socket(context.payer, context.until_closed)
        return await super().on_ws_connect(context)
