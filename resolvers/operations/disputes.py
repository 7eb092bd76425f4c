"""The admins' mutations of disputes, as GraphQL fields."""

from typing import Any

from models import hours
from models.hours import Hours, InvalidHoursError
from models.requests.statuses import Response
from resolvers.actions.disputes import Disputes
from resolvers.context import signed_in_admin
from resolvers.operations.fields import accepted, mutation_type
from schema.amplify.resolver import AnyInfo
from schema.errors import InvalidInputError
from schema.operations.disputes import AssignDisputeInput, DisputeDecision, ResolveDisputeInput
from schema.types.dispute import Dispute
from schema.types.service_request import MESSAGE_CHARACTERS


class DisputeMutations:
    """The admins' mutations."""

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
            provider_hours=_share(input),
            resolution=_reasons(input.resolution),
        )
        return accepted(outcome)


def mutations(disputes: Disputes) -> type:
    """Return the admins' mutations, as a Strawberry type."""
    resolvers = DisputeMutations(disputes)
    return mutation_type(
        "DisputeMutations", {resolvers.assign_dispute: Dispute | None, resolvers.resolve_dispute: Dispute | None}
    )


def _reasons(text: str) -> str:
    if len(text.strip()) > 0 and len(text) <= MESSAGE_CHARACTERS:
        return text
    raise InvalidInputError(
        f"resolution: say in 1 to {MESSAGE_CHARACTERS} characters why it is so, not in {len(text)}.",
        field="resolution",
    )


def _share(given: ResolveDisputeInput) -> Hours | None:
    is_due = given.decision is DisputeDecision.PartialRefund
    if is_due != (given.provider_hours is not None):
        raise InvalidInputError(
            f"providerHours: {'is required' if is_due else 'does not go'} with {given.decision}",
            field="providerHours",
        )
    if given.provider_hours is None:
        return None
    try:
        return hours.from_float(given.provider_hours)
    except InvalidHoursError as error:
        raise InvalidInputError(f"providerHours: {error}", field="providerHours") from error
