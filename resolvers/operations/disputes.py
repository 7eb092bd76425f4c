"""The admins' mutations of disputes, as GraphQL fields."""

from typing import Any

from models import hours
from models.hours import Hours, InvalidHoursError
from models.requests.statuses import Response
from resolvers.actions.disputes import Disputes
from resolvers.context import signed_in_admin
from resolvers.operations.fields import accepted, check_goes_with, mutation_type, required_reason
from schema.amplify.resolver import AnyInfo
from schema.errors import InvalidInputError
from schema.operations.disputes import AssignDisputeInput, DisputeDecision, ResolveDisputeInput
from schema.types.dispute import Dispute
from schema.types.service_request import MESSAGE_CHARACTERS


class DisputeMutations:
    """The admins' mutations of disputes, one method each."""

    def __init__(self, disputes: Disputes) -> None:
        self._disputes = disputes

    async def assign_dispute(self, info: AnyInfo, input: AssignDisputeInput) -> Any:
        """An admin takes a dispute on; no other may then, unless the decision is late."""
        return accepted(await self._disputes.assign(input.dispute_id, by=signed_in_admin(info).sub))

    async def resolve_dispute(self, info: AnyInfo, input: ResolveDisputeInput) -> Any:
        """The admin whom a dispute is assigned to decides it, once; its workflow moves the hours."""
        by = signed_in_admin(info).sub
        outcome = await self._disputes.resolve(
            input.dispute_id,
            by=by,
            decision=Response(input.decision.value),
            provider_hours=_provider_hours(input),
            resolution=required_reason("resolution", input.resolution, MESSAGE_CHARACTERS),
        )
        return accepted(outcome)


def mutations(disputes: Disputes) -> type:
    """Return the admins' mutations of disputes, as a Strawberry type."""
    resolvers = DisputeMutations(disputes)
    return mutation_type(
        "DisputeMutations", {resolvers.assign_dispute: Dispute | None, resolvers.resolve_dispute: Dispute | None}
    )


def _provider_hours(input: ResolveDisputeInput) -> Hours | None:
    """Return the hours that the provider is paid; None unless the decision is a partial refund."""
    is_partial = input.decision is DisputeDecision.PartialRefund
    check_goes_with("providerHours", input.provider_hours, input.decision, is_required=is_partial)
    if input.provider_hours is None:
        return None
    try:
        return hours.from_float(input.provider_hours)
    except InvalidHoursError as error:
        raise InvalidInputError(f"providerHours: {error}", field="providerHours") from error
