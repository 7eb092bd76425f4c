"""What admins do about hours that are held, as GraphQL fields."""

from functools import partial
from typing import Any

import strawberry

from models import intervention, tables
from models.errors import Code, Refusal
from models.store import Item, Store
from models.transactions import Rule
from resolvers.accounts import accepted
from resolvers.admins import signed_in_admin
from resolvers.service_requests import ServiceRequests
from resolvers.validation import short
from schema.accounts import CancelEscrowInput, ReleaseEscrowInput
from schema.amplify.answers import AnyInfo
from schema.errors import RefusedError
from schema.types.escrow import Escrow

_SHOWN = Escrow | None


class EscrowMutations:
    """The mutations of escrows, one method each."""

    def __init__(self, store: Store, requests: ServiceRequests) -> None:
        self._store = store
        self._requests = requests

    async def release_escrow(self, info: AnyInfo, input: ReleaseEscrowInput) -> Any:  # noqa: A002 — Amplify's name for it
        """An admin pays the hours of completed work to its provider."""
        caller = signed_in_admin(info)
        rule = partial(intervention.release, escrow_id=input.escrow_id, by=caller.sub)
        return await self._settled(input.escrow_id, rule)

    async def cancel_escrow(self, info: AnyInfo, input: CancelEscrowInput) -> Any:  # noqa: A002 — Amplify's name for it
        """An admin gives the hours of work that is not completed back to its requester."""
        caller = signed_in_admin(info)
        reason = short("reason", input.reason, intervention.LONGEST_REASON)
        rule = partial(intervention.cancel, escrow_id=input.escrow_id, by=caller.sub, reason=reason)
        return await self._settled(input.escrow_id, rule)

    async def _settled(self, escrow_id: str, rule: Rule) -> Item | None:
        found = await self._store.get(tables.Escrow, escrow_id, consistent=True)
        if found is None or "requestId" not in found:
            raise RefusedError(Refusal(Code.ESCROW_NOT_FOUND, "escrowId: there is no such escrow of a request."))
        accepted(await self._requests.end(found["requestId"]["S"], rule))
        return await self._store.get(tables.Escrow, escrow_id, consistent=True)


def mutations(store: Store, requests: ServiceRequests) -> type:
    """Return the mutations of escrows, as a Strawberry type."""
    answered_by = EscrowMutations(store, requests)
    fields = {
        resolver.__name__: strawberry.mutation(resolver, graphql_type=_SHOWN, description=resolver.__doc__)
        for resolver in (answered_by.release_escrow, answered_by.cancel_escrow)
    }
    return strawberry.type(type("EscrowMutations", (), fields))
