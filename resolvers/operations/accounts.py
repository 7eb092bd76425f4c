"""What members and admins do to accounts directly, as GraphQL fields."""

from secrets import token_hex
from typing import Any

from models import tables
from models.ledger import transfers
from models.ledger.locks import LONGEST_REASON
from models.ledger.transfers import SALT_BYTES, TransferRequest
from models.storage.codec import encode
from models.transactions.accounts import Accounts
from resolvers.context import context_of, is_admin, signed_in, signed_in_admin
from resolvers.operations.fields import accepted, mutation_type, optional_text
from schema.amplify.resolver import AnyInfo
from schema.errors import InvalidInputError
from schema.operations.accounts import LockAccountInput, ProcessDirectTransferInput, UnlockAccountInput
from schema.types.transaction_log import TransactionLog
from schema.types.user_balance import UserBalance


class AccountMutations:
    """The mutations of accounts, one method each."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def process_direct_transfer(self, info: AnyInfo, input: ProcessDirectTransferInput) -> Any:
        """Give hours to another member; an admin issues them, or takes them back. The answer is the log entry."""
        caller = signed_in(info)
        request = TransferRequest(
            id=input.id or context_of(info).new_id(info),
            salt=token_hex(SALT_BYTES),
            by=caller.sub,
            is_admin=is_admin(caller),
            type=input.transaction_type,
            amount=input.amount,
            from_user_id=input.from_user_id,
            to_user_id=input.to_user_id,
            description=input.description,
        )
        return accepted(await self._accounts.transfer(accepted(transfers.build_transfer(request))))

    async def lock_account(self, info: AnyInfo, input: LockAccountInput) -> Any:
        """An admin locks an account: it makes no new holds and gives no hours; what is held goes its way."""
        caller, reason = signed_in_admin(info), optional_text("reason", input.reason, LONGEST_REASON)
        if reason is None:
            raise InvalidInputError("reason: say why the account is locked", field="reason")
        return encode(
            tables.UserBalance, accepted(await self._accounts.lock(input.user_id, by=caller.sub, reason=reason))
        )

    async def unlock_account(self, info: AnyInfo, input: UnlockAccountInput) -> Any:
        """An admin unlocks an account."""
        caller = signed_in_admin(info)
        return encode(tables.UserBalance, accepted(await self._accounts.unlock(input.user_id, by=caller.sub)))


def mutations(accounts: Accounts) -> type:
    """Return the mutations of accounts, as a Strawberry type."""
    resolvers = AccountMutations(accounts)
    return mutation_type(
        "AccountMutations",
        {
            resolvers.process_direct_transfer: TransactionLog | None,
            resolvers.lock_account: UserBalance | None,
            resolvers.unlock_account: UserBalance | None,
        },
    )
