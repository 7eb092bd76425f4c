"""graphql-transport-ws as HourBank speaks it: Strawberry's, which also says why it refuses a token."""

from collections.abc import Mapping
from typing import Any

from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage

from resolvers.identity import UnauthenticatedError

# graphql-ws tries again after 4403, with the fresh token that its connectionParams then give; 4401 is final.
_FORBIDDEN = 4403
_REASON_BYTES = 123  # what a websocket's close frame has room for


class TransportHandler(BaseGraphQLTransportWSHandler[Any, Any]):
    """Lets `on_ws_connect` raise `UnauthenticatedError`, and closes the socket with its reason."""

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Acknowledge the connection, or close it if its token proves nothing."""
        try:
            await super().handle_connection_init(message)
        except UnauthenticatedError as error:
            reason = str(error).encode()[:_REASON_BYTES].decode(errors="ignore")
            await self.websocket.close(code=_FORBIDDEN, reason=reason)


def authorization_of(parameters: Mapping[str, object], headers: Mapping[str, str]) -> str | None:
    """Return the token that a socket's connection_init payload carries, or else its upgrade request."""
    for name in ("Authorization", "authorization"):
        if isinstance(token := parameters.get(name), str):
            return token
    return headers.get("authorization")
