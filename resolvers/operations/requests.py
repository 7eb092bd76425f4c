"""Our own operations as GraphQL fields: who is asking, one call, and what to show."""

from collections.abc import AsyncIterator
from typing import Any

import strawberry

from models import hours, tables
from models.errors import Refusal
from models.hours import InvalidHoursError
from models.requests.negotiation import invalid_terms_refusal
from models.requests.progress import progress
from models.requests.request import Request, Terms
from models.requests.statuses import Response, Step
from models.storage.codec import decode, encode
from models.storage.store import Item, Store
from resolvers.actions.requests import ServiceRequests
from resolvers.context import context_of, signed_in
from resolvers.feed.change_feed import ChangeFeed
from resolvers.mirror.authorization import may_read
from resolvers.mirror.subscriptions import changes_of
from resolvers.mirror.validation import short
from schema.amplify.declaration import MODELS
from schema.amplify.resolver import AnyInfo
from schema.errors import InvalidInputError, RefusedError, UnauthorizedError
from schema.operations.requests import (
    CounterOfferInput,
    EndServiceRequestInput,
    RespondToCounterOfferInput,
    ServiceRequestMarkInput,
    StartServiceRequestWorkflowInput,
    UpdateProviderResponseInput,
    WorkflowStatus,
)
from schema.types.service_request import MESSAGE_CHARACTERS, ServiceRequest
from workflows.executions.requests import decides_dispute, request_id_of

# The root fields are nullable, as every mirrored one is: a refusal leaves the others of an operation standing.
_SHOWN = ServiceRequest | None


def shown(outcome: Request | Refusal) -> Item:
    """Return a request as its row.

    Raises:
        RefusedError: the rules said no.
    """
    if isinstance(outcome, Refusal):
        raise RefusedError(outcome)
    return encode(tables.ServiceRequest, outcome)


def checked(message: str | None) -> str | None:
    """Return a message that is not too long; an empty one is none.

    Raises:
        InvalidInputError: it is too long.
    """
    return short("message", message, MESSAGE_CHARACTERS)


def offered(response: Response, given: CounterOfferInput | None) -> Terms | Refusal | None:
    """Return the terms that an answer offers instead, if it is one that does; or why there can be no such terms.

    Raises:
        InvalidInputError: they are missing, or not to go with this answer.
    """
    is_due = response in {Response.COUNTER_OFFER, Response.COUNTER}
    if is_due != (given is not None):
        raise InvalidInputError(
            f"counterOffer: {'is required' if is_due else 'does not go'} with {response}", field="counterOffer"
        )
    if given is None:
        return None
    try:
        return Terms(hours=hours.from_float(given.estimated_hours), rate=hours.from_float(given.agreed_rate))
    except InvalidHoursError:
        return invalid_terms_refusal(given.estimated_hours, given.agreed_rate)


class RequestMutations:
    """The mutations that move a request, one method each."""

    def __init__(self, requests: ServiceRequests) -> None:
        self._requests = requests

    async def start_service_request_workflow(
        self,
        info: AnyInfo,
        input: StartServiceRequestWorkflowInput,
    ) -> Any:
        """Start a request's workflow; createServiceRequest has done so already."""
        return shown(await self._requests.start(input.request_id, by=signed_in(info).sub))

    async def update_provider_response(
        self,
        info: AnyInfo,
        input: UpdateProviderResponseInput,
    ) -> Any:
        """The provider accepts a request, rejects it, or offers other terms."""
        return await self._respond(info, input, Step.WAIT_FOR_PROVIDER_RESPONSE)

    async def respond_to_counter_offer(
        self,
        info: AnyInfo,
        input: RespondToCounterOfferInput,
    ) -> Any:
        """The requester accepts the provider's terms, rejects them, or offers others; the hours held follow."""
        return await self._respond(info, input, Step.WAIT_FOR_NEGOTIATION_RESPONSE)

    async def mark_service_started(self, info: AnyInfo, input: ServiceRequestMarkInput) -> Any:
        """The provider says that the work has begun."""
        return await self._mark(info, input, Step.WAIT_FOR_SERVICE_START, Response.MARKED)

    async def confirm_service_start(self, info: AnyInfo, input: ServiceRequestMarkInput) -> Any:
        """The requester confirms that the work has begun."""
        return await self._mark(info, input, Step.CONFIRM_SERVICE_START, Response.CONFIRMED)

    async def mark_service_complete(self, info: AnyInfo, input: ServiceRequestMarkInput) -> Any:
        """The provider says that the work is done."""
        return await self._mark(info, input, Step.WAIT_FOR_COMPLETION, Response.MARKED)

    async def confirm_service_completion(self, info: AnyInfo, input: ServiceRequestMarkInput) -> Any:
        """The requester confirms that the work is done, and the hours are paid."""
        return await self._mark(info, input, Step.CONFIRM_SERVICE_COMPLETION, Response.CONFIRMED)

    async def cancel_service_request(self, info: AnyInfo, input: EndServiceRequestInput) -> Any:
        """The requester takes a request back before it is accepted; held hours return."""
        caller, message = signed_in(info), checked(input.message)
        return shown(await self._requests.cancel(input.request_id, by=caller.sub, message=message))

    async def withdraw_service_request(self, info: AnyInfo, input: EndServiceRequestInput) -> Any:
        """The provider withdraws from an accepted request; held hours return to the requester."""
        caller, message = signed_in(info), checked(input.message)
        return shown(await self._requests.withdraw(input.request_id, by=caller.sub, message=message))

    async def _respond(
        self, info: AnyInfo, given: UpdateProviderResponseInput | RespondToCounterOfferInput, wait: Step
    ) -> Item:
        caller, response = signed_in(info), Response(given.response.value)
        terms = offered(response, given.counter_offer)
        if isinstance(terms, Refusal):
            raise RefusedError(terms)
        outcome = await self._requests.answer(
            given.request_id,
            wait=wait,
            by=caller.sub,
            response=response,
            message=checked(given.message),
            terms=terms,
        )
        return shown(outcome)

    async def _mark(self, info: AnyInfo, given: ServiceRequestMarkInput, wait: Step, response: Response) -> Item:
        caller = signed_in(info)
        return shown(await self._requests.answer(given.request_id, wait=wait, by=caller.sub, response=response))


def mutations(requests: ServiceRequests) -> type:
    """Return the mutations that move a request, as a Strawberry type."""
    answered_by = RequestMutations(requests)
    resolvers = (
        answered_by.start_service_request_workflow,
        answered_by.update_provider_response,
        answered_by.respond_to_counter_offer,
        answered_by.mark_service_started,
        answered_by.confirm_service_start,
        answered_by.mark_service_complete,
        answered_by.confirm_service_completion,
        answered_by.cancel_service_request,
        answered_by.withdraw_service_request,
    )
    fields = {
        resolver.__name__: strawberry.mutation(resolver, graphql_type=_SHOWN, description=resolver.__doc__)
        for resolver in resolvers
    }
    return strawberry.type(type("WorkflowMutations", (), fields))


def _is_visible(info: AnyInfo, item: Item) -> bool:
    return may_read(signed_in(info), MODELS["ServiceRequest"], item)


def _status(item: Item) -> WorkflowStatus:
    return WorkflowStatus.of(progress(decode(Request, tables.ServiceRequest, item)))


def queries(store: Store) -> type:
    """Return the query for a request's progress."""

    @strawberry.type
    class WorkflowQueries:
        @strawberry.field
        async def get_workflow_status(self, info: AnyInfo, execution_arn: str) -> WorkflowStatus | None:
            """How far the request of an execution has come: steps done and to come, for a progress bar."""
            signed_in(info)
            item = await _request_of(store, execution_arn)
            if item is None:
                return None
            if not _is_visible(info, item):
                raise UnauthorizedError.of(info)
            return _status(item)

    return WorkflowQueries


async def _request_of(store: Store, execution_arn: str) -> Item | None:
    """Return the request that an execution moves, or that the dispute is about which it decides."""
    key = request_id_of(execution_arn)
    if decides_dispute(execution_arn):
        dispute = await store.get(tables.Dispute, key, consistent=True)
        key = dispute["requestId"]["S"] if dispute else key
    return await store.get(tables.ServiceRequest, key, consistent=True)


def subscriptions(feed: ChangeFeed) -> type:
    """Return the subscription to a request's progress."""

    @strawberry.type
    class WorkflowSubscriptions:
        @strawberry.subscription
        async def on_service_request_progress(
            self, info: AnyInfo, request_id: strawberry.ID
        ) -> AsyncIterator[WorkflowStatus]:
            """How far a request has come: now, and at every step from here on."""
            signed_in(info)
            listening = context_of(info).listening
            async for item in changes_of(feed, tables.ServiceRequest, request_id, listening):
                if not _is_visible(info, item):
                    raise UnauthorizedError.of(info)
                yield _status(item)

    return WorkflowSubscriptions
