"""The movements of a dispute: how hours are held on a provider, and how held hours are divided. Pure."""

from datetime import datetime

from models.hours import ZERO, Hours
from models.ledger.balances import Escrow, EscrowStatus, EscrowType
from models.ledger.movements import Leg, Movement, TransactionType
from models.requests.dispute import Dispute, escrow_key, of_dispute


def recall(
    dispute: Dispute, *, provider: str, requester: str, amount: Hours, now: datetime
) -> tuple[Movement, Escrow]:
    """Return the movement and the escrow that hold hours on a provider who was paid, even on a locked account."""
    leg = Leg(
        user_id=provider,
        type=TransactionType.ESCROW,
        description="Hours held for a dispute",
        available=-amount,
        escrowed=amount,
    )
    escrow = Escrow(
        id=escrow_key(dispute.request_id, dispute.id),
        request_id=dispute.request_id,
        from_user_id=provider,
        to_user_id=requester,
        amount=amount,
        status=EscrowStatus.ESCROWED,
        escrow_type=EscrowType.DISPUTE_RESOLUTION,
        step_function_execution_arn=dispute.step_function_execution_arn,
        created_at=now,
        updated_at=now,
    )
    hold = of_dispute(dispute.request_id, dispute.id, "hold")
    return Movement(id=hold, legs=(leg,), related_entity_id=dispute.id), escrow


def divide(dispute: Dispute, escrow: Escrow, *, given: Hours, now: datetime) -> tuple[Movement, Escrow]:
    """Return the movement that ends an escrow, and the escrow after it: hours go over to the other party or back.

    Args:
        dispute: the dispute that decides on the escrow.
        escrow: the hours that are held.
        given: how many of them go to the other party; all is a release, none a refund, anything between a split.
        now: the time of the movement.
    """
    kept = escrow.amount - given
    if given == ZERO:
        name, type_ = "refund", TransactionType.REFUND
    elif kept == ZERO:
        name, type_ = "release", TransactionType.TRANSFER
    else:
        name, type_ = "split", TransactionType.DISPUTE_RESOLUTION
    legs = [
        Leg(
            user_id=escrow.from_user_id,
            type=type_,
            description="Held hours that a dispute has decided on",
            available=kept,
            escrowed=-escrow.amount,
        )
    ]
    if given > ZERO:
        received = "Hours received by the decision of a dispute"
        legs.append(Leg(user_id=escrow.to_user_id, type=type_, description=received, available=given))
    movement = Movement(
        id=of_dispute(dispute.request_id, dispute.id, name), legs=tuple(legs), related_entity_id=dispute.id
    )
    return movement, escrow.released(now) if given > ZERO else escrow.cancelled(now)
