"""The mirrored creations that have rules of their own.

A request, as itself or as the app's Transaction, or a dispute starts a workflow, a new member gets a bonus, and a
rating changes an average.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from models import tables
from models.clock import Clock, to_text
from models.errors import Code, Refusal
from models.identifiers import is_uuid
from models.requests.dispute import Dispute
from models.storage.codec import decode, encode
from models.storage.store import Item, Store
from models.transactions.members import Members
from models.transactions.ratings import Ratings
from resolvers.actions.disputes import Disputes
from resolvers.actions.exchanges import Exchanges
from resolvers.actions.requests import NewRequest, ServiceRequests
from resolvers.identity.callers import Caller
from resolvers.identity.membership import is_active
from resolvers.mirror.mutations import same_content
from resolvers.mirror.type_rules import CreateGuard, Creator
from resolvers.mirror.validation import validated
from resolvers.operations.exchanges import creator
from schema.errors import InvalidInputError, UnauthorizedError
from schema.types import CATALOGUE

Fields = Mapping[str, Any]


def creators(
    requests: ServiceRequests,
    exchanges: Exchanges,
    members: Members,
    ratings: Ratings,
    disputes: Disputes,
    clock: Clock,
) -> Mapping[str, Creator]:
    """Return, for each type with rules of its own, the function that creates a row."""

    async def create_service_request(_caller: Caller, fields: Fields) -> Item | Refusal | None:
        # The hours are left to the rules, whose refusal has a code of its own.
        validated(
            CATALOGUE.models["ServiceRequest"], {name: fields[name] for name in fields if name != "estimatedHours"}
        )
        _check_uuid(fields["id"], "request")
        new = NewRequest(
            id=fields["id"],
            service_id=fields["serviceId"],
            requester_id=fields["requesterId"],
            provider_id=fields["providerId"],
            estimated_hours=fields["estimatedHours"],
            message=fields.get("message") or None,
        )
        created = await requests.create(new)
        if created is None or isinstance(created, Refusal):
            return created
        return encode(tables.ServiceRequest, created)

    async def create_user(caller: Caller, fields: Fields) -> Item | Refusal | None:
        if fields["id"] != caller.sub:
            raise UnauthorizedError("id: a member joins by themselves; give your own sub.", info={"field": "id"})
        # Owner fields may hold a name instead of a `sub`, so this name would open another member's rows.
        if caller.username != caller.sub and await members.exists(caller.username):
            message = "You are signed in under a name that is another member's id; sign up under another name."
            raise UnauthorizedError(message, info={"field": "username"})
        _, item = new_row("User", fields, clock())
        joined = await members.join({**item, "cognitoId": {"S": caller.sub}})
        return joined if isinstance(joined, Refusal) else joined.item

    return {
        "Dispute": partial(_create_dispute, disputes, clock),
        "ServiceRequest": create_service_request,
        "Transaction": creator(exchanges),
        "User": create_user,
        "Rating": partial(_create_rating, ratings, clock),
    }


async def _create_rating(ratings: Ratings, clock: Clock, caller: Caller, fields: Fields) -> Item | Refusal | None:
    if fields["raterId"] != caller.sub:
        message = "raterId: a rating is the requester's own; give your own sub."
        raise UnauthorizedError(message, info={"field": "raterId"})
    content, item = new_row("Rating", fields, clock())
    stored = await ratings.give(item)
    if isinstance(stored, Refusal):
        return stored
    return stored if same_content(CATALOGUE.models["Rating"], stored, content) else None


def create_guards(store: Store) -> Mapping[str, CreateGuard]:
    """Return, for each type whose rows are not everybody's to create, the function that refuses them."""

    async def service_refusal(fields: Fields) -> Refusal | None:
        provider = await store.get(tables.User, fields["userId"], consistent=True)
        if provider is not None and is_active(provider):
            return None
        message = "userId: only a member who has joined and is active offers services; createUser comes first."
        return Refusal(Code.USER_NOT_ACTIVE, message, {"field": "userId"})

    return {"Service": service_refusal}


async def _create_dispute(
    disputes: Disputes, clock: Clock, caller: Caller, fields: Fields
) -> Item | Refusal | None:
    if fields["raisedBy"] != caller.sub:
        message = "raisedBy: a dispute is raised by one of the two; give your own sub."
        raise UnauthorizedError(message, info={"field": "raisedBy"})
    _check_uuid(fields["id"], "dispute")
    content, item = new_row("Dispute", fields, clock())
    stored = await disputes.create(decode(Dispute, tables.Dispute, item))
    if isinstance(stored, Refusal):
        return stored
    # Fields that the workflow writes are left out: they may have changed since, and no client chose them.
    owned = CATALOGUE.models["Dispute"].protected.keys()
    sent, found = ({name: row[name] for name in row.keys() - owned} for row in (content, stored))
    return stored if same_content(CATALOGUE.models["Dispute"], found, sent) else None


def _check_uuid(key: str, what: str) -> None:
    if not is_uuid(key):
        raise InvalidInputError(f"id: a {what}'s id is a UUID; leave it out to be given one.", field="id")


def new_row(type_name: str, fields: Fields, now: datetime) -> tuple[Item, Item]:
    """Return the validated fields of a client's input, and the whole row with them."""
    content = validated(CATALOGUE.models[type_name], fields)
    dated = {"S": to_text(now)}
    return content, {**content, "createdAt": dated, "updatedAt": dated, "__typename": {"S": type_name}}
