"""What members do to requests, and a request's progress, as GraphQL fields."""

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
from resolvers.operations.fields import (
    accepted,
    check_goes_with,
    mutation_type,
    optional_text,
    query_type,
    subscription_type,
)
from schema.amplify.resolver import AnyInfo
from schema.errors import UnauthorizedError
from schema.operations.requests import (
    CounterOfferInput,
    EndServiceRequestInput,
    RespondToCounterOfferInput,
    ServiceRequestMarkInput,
    StartServiceRequestWorkflowInput,
    UpdateProviderResponseInput,
    WorkflowStatus,
)
from schema.types import CATALOGUE
from schema.types.service_request import MESSAGE_CHARACTERS, ServiceRequest
from workflows.executions.requests import decides_dispute, request_id_of


def _item(outcome: Request | Refusal) -> Item:
    return encode(tables.ServiceRequest, accepted(outcome))


def _message(text: str | None) -> str | None:
    return optional_text("message", text, MESSAGE_CHARACTERS)


def _offered_terms(response: Response, offer: CounterOfferInput | None) -> Terms | Refusal | None:
    """Return the terms of a counter-offer, None if the response is not one, or a refusal of invalid terms.

    Raises:
        InvalidInputError: a counter-offer has no terms, or another response has some.
    """
    is_counter = response in {Response.COUNTER_OFFER, Response.COUNTER}
    check_goes_with("counterOffer", offer, response, is_required=is_counter)
    if offer is None:
        return None
    try:
        return Terms(hours=hours.from_float(offer.estimated_hours), rate=hours.from_float(offer.agreed_rate))
    except InvalidHoursError:
        return invalid_terms_refusal(offer.estimated_hours, offer.agreed_rate)


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
        return _item(await self._requests.start(input.request_id, by=signed_in(info).sub))

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
        caller, message = signed_in(info), _message(input.message)
        return _item(await self._requests.cancel(input.request_id, by=caller.sub, message=message))

    async def withdraw_service_request(self, info: AnyInfo, input: EndServiceRequestInput) -> Any:
        """The provider withdraws from an accepted request; held hours return to the requester."""
        caller, message = signed_in(info), _message(input.message)
        return _item(await self._requests.withdraw(input.request_id, by=caller.sub, message=message))

    async def _respond(
        self, info: AnyInfo, input: UpdateProviderResponseInput | RespondToCounterOfferInput, wait: Step
    ) -> Item:
        caller, response = signed_in(info), Response(input.response.value)
        terms = accepted(_offered_terms(response, input.counter_offer))
        outcome = await self._requests.answer(
            input.request_id,
            wait=wait,
            by=caller.sub,
            response=response,
            message=_message(input.message),
            terms=terms,
            round=input.negotiation_round,
        )
        return _item(outcome)

    async def _mark(self, info: AnyInfo, input: ServiceRequestMarkInput, wait: Step, response: Response) -> Item:
        caller = signed_in(info)
        return _item(await self._requests.answer(input.request_id, wait=wait, by=caller.sub, response=response))


class RequestQueries:
    """The query for a request's progress."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get_workflow_status(self, info: AnyInfo, execution_arn: str) -> WorkflowStatus | None:
        """The progress of the request that an execution belongs to: steps done and to come, for a progress bar."""
        signed_in(info)
        item = await self._request_of(execution_arn)
        return None if item is None else _status(info, item)

    async def _request_of(self, execution_arn: str) -> Item | None:
        """Return the request that an execution belongs to, or that its dispute is about."""
        key = request_id_of(execution_arn)
        if decides_dispute(execution_arn):
            dispute = await self._store.get(tables.Dispute, key, consistent=True)
            key = dispute["requestId"]["S"] if dispute else key
        return await self._store.get(tables.ServiceRequest, key, consistent=True)


class RequestSubscriptions:
    """The subscription to a request's progress."""

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed

    async def on_service_request_progress(
        self, info: AnyInfo, request_id: strawberry.ID
    ) -> AsyncIterator[WorkflowStatus]:
        """A request's progress: now, and after every further step."""
        who, context = signed_in(info).sub, context_of(info)
        async for item in changes_of(self._feed, tables.ServiceRequest, request_id, context.listening, who):
            await context.check_membership()
            yield _status(info, item)


def _status(info: AnyInfo, item: Item) -> WorkflowStatus:
    """Return a request's progress.

    Raises:
        UnauthorizedError: the caller may not read the request.
    """
    if not may_read(signed_in(info), CATALOGUE.models["ServiceRequest"], item):
        raise UnauthorizedError.of(info)
    return WorkflowStatus.of(progress(decode(Request, tables.ServiceRequest, item)))


def mutations(requests: ServiceRequests) -> type:
    """Return the mutations that move a request, as a Strawberry type."""
    resolvers = RequestMutations(requests)
    methods = (
        resolvers.start_service_request_workflow,
        resolvers.update_provider_response,
        resolvers.respond_to_counter_offer,
        resolvers.mark_service_started,
        resolvers.confirm_service_start,
        resolvers.mark_service_complete,
        resolvers.confirm_service_completion,
        resolvers.cancel_service_request,
        resolvers.withdraw_service_request,
    )
    # Nullable, as every mirrored root field is: a refusal leaves an operation's other fields standing.
    return mutation_type("RequestMutations", dict.fromkeys(methods, ServiceRequest | None))


def queries(store: Store) -> type:
    """Return the query for a request's progress, as a Strawberry type."""
    resolvers = RequestQueries(store)
    return query_type("RequestQueries", {resolvers.get_workflow_status: WorkflowStatus | None})


def subscriptions(feed: ChangeFeed) -> type:
    """Return the subscription to a request's progress, as a Strawberry type."""
    resolvers = RequestSubscriptions(feed)
    return subscription_type("RequestSubscriptions", {resolvers.on_service_request_progress: WorkflowStatus})
