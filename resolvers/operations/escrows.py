"""What admins do to escrows, as GraphQL fields."""

from functools import partial
from typing import Any

from models import tables
from models.errors import Code, Refusal
from models.requests import admin
from models.storage.store import Item, Store
from models.transactions.moves import RequestRule
from resolvers.actions.requests import ServiceRequests
from resolvers.context import signed_in_admin
from resolvers.operations.fields import accepted, mutation_type, optional_text
from schema.amplify.resolver import AnyInfo
from schema.errors import RefusedError
from schema.operations.accounts import CancelEscrowInput, ReleaseEscrowInput
from schema.types.escrow import Escrow


class EscrowMutations:
    """The mutations of escrows, one method each."""

    def __init__(self, store: Store, requests: ServiceRequests) -> None:
        self._store = store
        self._requests = requests

    async def release_escrow(self, info: AnyInfo, input: ReleaseEscrowInput) -> Any:
        """An admin pays the hours of completed work to its provider."""
        caller = signed_in_admin(info)
        rule = partial(admin.release_escrow, escrow_id=input.escrow_id, by=caller.sub)
        return await self._end_request(input.escrow_id, rule, by=caller.sub)

    async def cancel_escrow(self, info: AnyInfo, input: CancelEscrowInput) -> Any:
        """An admin gives the hours of work that is not completed back to its requester."""
        caller = signed_in_admin(info)
        reason = optional_text("reason", input.reason, admin.LONGEST_REASON)
        rule = partial(admin.cancel_escrow, escrow_id=input.escrow_id, by=caller.sub, reason=reason)
        return await self._end_request(input.escrow_id, rule, by=caller.sub)

    async def _end_request(self, escrow_id: str, rule: RequestRule, *, by: str) -> Item | None:
        """End the request that an escrow is held for, and return the escrow.

        Raises:
            RefusedError: there is no such escrow, or the rule refuses.
        """
        escrow = await self._store.get(tables.Escrow, escrow_id, consistent=True)
        if escrow is None or "requestId" not in escrow:
            raise RefusedError(Refusal(Code.ESCROW_NOT_FOUND, "escrowId: there is no such escrow of a request."))
        accepted(await self._requests.move(escrow["requestId"]["S"], rule, by=by))
        return await self._store.get(tables.Escrow, escrow_id, consistent=True)


def mutations(store: Store, requests: ServiceRequests) -> type:
    """Return the mutations of escrows, as a Strawberry type."""
    resolvers = EscrowMutations(store, requests)
    return mutation_type(
        "EscrowMutations", {resolvers.release_escrow: Escrow | None, resolvers.cancel_escrow: Escrow | None}
    )
