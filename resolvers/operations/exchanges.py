"""The app's way to a request: createTransaction and updateTransaction."""

from collections.abc import Mapping
from typing import Any

from models.errors import Refusal
from models.identifiers import is_uuid
from models.requests.statuses import TransactionStatus
from models.storage.store import Item
from resolvers.actions.exchanges import Exchanges, Wish
from resolvers.actions.requests import NewRequest
from resolvers.identity.callers import Caller
from resolvers.mirror.type_rules import Creator, Updating
from resolvers.mirror.validation import validated
from schema.errors import InvalidInputError
from schema.types import CATALOGUE

Fields = Mapping[str, Any]


def creator(exchanges: Exchanges) -> Creator:
    """Return what creates an exchange: a request of that id."""

    async def create_transaction(_caller: Caller, fields: Fields) -> Item | Refusal | None:
        # The hours are left to the rules, whose refusal has a code of its own.
        validated(CATALOGUE.models["Transaction"], {name: fields[name] for name in fields if name != "hoursSpent"})
        if not is_uuid(fields["id"]):
            raise InvalidInputError("id: a transaction's id is a UUID; leave it out to be given one.", field="id")
        new = NewRequest(
            id=fields["id"],
            service_id=fields["serviceId"],
            requester_id=fields["consumerId"],
            provider_id=fields["providerId"],
            hours_spent=fields["hoursSpent"],
            message=fields["description"] or None,
            booking_id=fields.get("bookingId"),
        )
        return await exchanges.create(new)

    return create_transaction


def updating(exchanges: Exchanges) -> Updating:
    """Return how an exchange is updated: by its status and its rating. `completedAt` is taken and ignored."""

    async def update_transaction(caller: Caller, item: Item, wished: Fields) -> Item | Refusal:
        status = wished.get("status")
        wish = Wish(
            by=caller.sub,
            status=None if status is None else TransactionStatus(status),
            rating=wished.get("rating"),
            feedback=wished.get("feedback"),
        )
        return await exchanges.update(item, wish)

    return Updating(frozenset({"status", "rating", "feedback", "completedAt"}), update_transaction)
