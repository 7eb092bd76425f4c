"""What members and admins do to accounts and escrows directly, as GraphQL fields."""

from typing import Any
from uuid import uuid4

import strawberry

from models import transfer as transfers
from models.accounts import Accounts
from models.errors import Refusal
from models.store import Item
from models.transfer import Wish
from resolvers.context import signed_in
from schema.accounts import ProcessDirectTransferInput
from schema.amplify.answers import AnyInfo
from schema.errors import RefusedError
from schema.types.transaction_log import TransactionLog

ADMINS = "admin"


def accepted(outcome: Item | Refusal) -> Item:
    """Return the row of what was done.

    Raises:
        RefusedError: the rules said no.
    """
    if isinstance(outcome, Refusal):
        raise RefusedError(outcome)
    return outcome


class AccountMutations:
    """The mutations of accounts, one method each."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def process_direct_transfer(self, info: AnyInfo, input: ProcessDirectTransferInput) -> Any:  # noqa: A002 — Amplify's name for it
        """Give hours to another member; an admin issues them, or takes them back. The answer is the log entry."""
        caller = signed_in(info)
        wish = Wish(
            id=input.id or str(uuid4()),
            by=caller.sub,
            is_admin=ADMINS in caller.groups,
            type=input.transaction_type,
            amount=input.amount,
            from_user_id=input.from_user_id,
            to_user_id=input.to_user_id,
            description=input.description,
        )
        transfer = transfers.asked(wish)
        if isinstance(transfer, Refusal):
            raise RefusedError(transfer)
        return accepted(await self._accounts.transfer(transfer))


def mutations(accounts: Accounts) -> type:
    """Return the mutations of accounts, as a Strawberry type."""
    answered_by = AccountMutations(accounts)
    shown: dict[Any, Any] = {answered_by.process_direct_transfer: TransactionLog | None}
    fields = {
        resolver.__name__: strawberry.mutation(resolver, graphql_type=type_, description=resolver.__doc__)
        for resolver, type_ in shown.items()
    }
    return strawberry.type(type("AccountMutations", (), fields))
