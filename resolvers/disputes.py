"""What people do about disputes: the two of a request raise them, admins take them on and decide them."""

from dataclasses import replace
from functools import partial
from typing import Any

import strawberry

from models import hours, raising, resolutions, tables
from models.clock import Clock
from models.disputes import Dispute as Raised
from models.errors import Refusal, not_found
from models.hours import Hours, InvalidHoursError
from models.lifecycle import Response
from models.store import Item, Store
from models.transactions import Rule, Transactions
from models.windows import Windows
from resolvers.accounts import accepted
from resolvers.admins import signed_in_admin
from resolvers.settling import push, settled
from schema.amplify.answers import AnyInfo
from schema.disputes import AssignDisputeInput, DisputeDecision, ResolveDisputeInput
from schema.errors import InvalidInputError
from schema.types.dispute import Dispute
from schema.types.service_request import MESSAGE_CHARACTERS
from workflows.executions import Executions


class Disputes:
    """Raises disputes and takes decisions. Every action may be repeated and then gives the stored result.

    Args:
        store: the tables.
        transactions: writes what the rules decide.
        executions: starts the dispute's workflow and lets it go on.
        windows: how long people have.
        clock: the time.
    """

    def __init__(
        self, store: Store, transactions: Transactions, executions: Executions, windows: Windows, clock: Clock
    ) -> None:
        self._store = store
        self._transactions = transactions
        self._executions = executions
        self._windows = windows
        self._clock = clock

    async def create(self, dispute: Raised) -> Item | Refusal:
        """Raise a dispute: freeze the hours, stop the request's workflow, start the dispute's.

        Returns:
            The stored row of that id, whosever it is; or why there is none.
        """
        if (refused := await self._misled(dispute)) is not None:
            return refused
        begun = replace(dispute, step_function_execution_arn=self._executions.dispute_arn(dispute.id))
        rule = partial(raising.raise_dispute, dispute=begun, windows=self._windows)
        refused = await self._act(dispute.request_id, dispute.id, rule)
        return refused or await self._stored(dispute.id) or resolutions.no_dispute()

    async def _misled(self, dispute: Raised) -> Refusal | None:
        """Say why a dispute is not between the two of a request, None if it is.

        The rule that raises it reads more, in line with what else moves hours: that is not for strangers to time.
        """
        request = await self._transactions.read(dispute.request_id)
        return not_found() if request is None else raising.stranger(request, dispute)

    async def assign(self, dispute_id: str, *, by: str) -> Item | Refusal:
        """Let an admin take a dispute on."""
        return await self._decided(dispute_id, partial(resolutions.assign, by=by))

    async def resolve(
        self, dispute_id: str, *, by: str, decision: Response, provider_hours: Hours | None, resolution: str
    ) -> Item | Refusal:
        """Write the assigned admin's decision, and let the dispute's workflow carry it out."""
        rule = partial(
            resolutions.decide, by=by, decision=decision, provider_hours=provider_hours, resolution=resolution
        )
        return await self._decided(dispute_id, rule)

    async def _decided(self, dispute_id: str, rule: Rule) -> Item | Refusal:
        stored = await self._stored(dispute_id)
        if stored is None:
            return resolutions.no_dispute()
        refused = await self._act(stored["requestId"]["S"], dispute_id, rule)
        return refused or await self._stored(dispute_id) or resolutions.no_dispute()

    async def _act(self, request_id: str, dispute_id: str, rule: Rule) -> Refusal | None:
        moved = await settled(
            self._store.calls,
            self._clock,
            lambda: self._transactions.move(request_id, rule, whole=True, dispute_id=dispute_id),
        )
        if isinstance(moved, Refusal):
            return moved
        request = moved.request
        if moved.before.is_given_up:
            # Its executions have failed for a day; an admin's word about it is reason to try again.
            await push(self._executions.redrive(request))
        elif request.answer is not None and request.wait is not None:
            await push(self._executions.go_on(request, request.wait))
        elif request.wait is None:
            await push(self._executions.hand_over(request))
        return None

    async def _stored(self, dispute_id: str) -> Item | None:
        return await self._store.get(tables.Dispute, dispute_id, consistent=True)


class DisputeMutations:
    """The admins' mutations."""

    def __init__(self, disputes: Disputes) -> None:
        self._disputes = disputes

    async def assign_dispute(self, info: AnyInfo, input: AssignDisputeInput) -> Any:  # noqa: A002 — Amplify's name for it
        """An admin takes a dispute on; no other may then, unless the decision is late."""
        return accepted(await self._disputes.assign(input.dispute_id, by=signed_in_admin(info).sub))

    async def resolve_dispute(self, info: AnyInfo, input: ResolveDisputeInput) -> Any:  # noqa: A002 — Amplify's name for it
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
    answered_by = DisputeMutations(disputes)
    fields = {
        resolver.__name__: strawberry.mutation(resolver, graphql_type=Dispute | None, description=resolver.__doc__)
        for resolver in (answered_by.assign_dispute, answered_by.resolve_dispute)
    }
    return strawberry.type(type("DisputeMutations", (), fields))


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
