"""Rows that are created by rules of their own: requests, which start a workflow, and members, who get a bonus."""

from collections.abc import Mapping
from typing import Any

from models import tables
from models.clock import Clock, to_text
from models.errors import Refusal
from models.identifiers import is_uuid
from models.members import Members
from models.rows import encode
from models.store import Item
from resolvers.identity import Caller
from resolvers.service_requests import Asked, ServiceRequests
from resolvers.validation import validated
from resolvers.writes import Creator, same_content
from schema.amplify.declaration import MODELS
from schema.errors import InvalidInputError, UnauthorizedError

Given = Mapping[str, Any]


def creators(requests: ServiceRequests, members: Members, clock: Clock) -> Mapping[str, Creator]:
    """Return what creates the rows of types with rules of their own."""

    async def create_service_request(_caller: Caller, given: Given) -> Item | Refusal | None:
        # Which hours can be asked for is for the rules to say, with their own code.
        validated(MODELS["ServiceRequest"], {name: given[name] for name in given if name != "estimatedHours"})
        if not is_uuid(given["id"]):
            raise InvalidInputError("id: a request's id is a UUID; leave it out to be given one.", field="id")
        asked = Asked(
            id=given["id"],
            service_id=given["serviceId"],
            requester_id=given["requesterId"],
            provider_id=given["providerId"],
            estimated_hours=given["estimatedHours"],
            message=given.get("message") or None,
        )
        created = await requests.create(asked)
        if created is None or isinstance(created, Refusal):
            return created
        return encode(tables.ServiceRequest, created)

    async def create_user(caller: Caller, given: Given) -> Item | Refusal | None:
        if given["id"] != caller.sub:
            raise UnauthorizedError("id: a member joins by themselves; give your own sub.", info={"field": "id"})
        model = MODELS["User"]
        now = {"S": to_text(clock())}
        content = validated(model, given)
        item = {**content, "createdAt": now, "updatedAt": now, "__typename": {"S": "User"}}
        joined = await members.join(item)
        return joined.item if same_content(model, joined.item, content) else None

    return {"ServiceRequest": create_service_request, "User": create_user}
