"""A member's request for another member's service; its workflow updates the row."""

from pynamodb.attributes import ListAttribute, MapAttribute, UnicodeAttribute

from models.tables.base import HoursAttribute, IntegerAttribute, MomentAttribute, Table, index


class TermsMap(MapAttribute[str, object]):
    """The hours and the hourly rate."""

    hours = HoursAttribute()
    rate = HoursAttribute()


class AnswerMap(MapAttribute[str, object]):
    """What a person answered while the workflow waited."""

    wait = UnicodeAttribute()
    round = IntegerAttribute()
    response = UnicodeAttribute()
    by = UnicodeAttribute()
    at = MomentAttribute()
    message = UnicodeAttribute(null=True)
    terms = TermsMap(null=True)  # type: ignore[no-untyped-call]  # PynamoDB leaves it untyped


class WaitMap(MapAttribute[str, object]):
    """What the workflow waits for, until when, and the task token that resumes it."""

    name = UnicodeAttribute()
    deadline = MomentAttribute()
    generation = IntegerAttribute()
    token = UnicodeAttribute(null=True)
    answer = AnswerMap(null=True)  # type: ignore[no-untyped-call]  # PynamoDB leaves it untyped


class DisputeRefMap(MapAttribute[str, object]):
    """A dispute over the request, and the generation of its first execution."""

    id = UnicodeAttribute()
    by = UnicodeAttribute()
    at = MomentAttribute()
    generation = IntegerAttribute()


class PassageMap(MapAttribute[str, object]):
    """A status that the request reached, and when."""

    status = UnicodeAttribute()
    at = MomentAttribute()


class ServiceRequest(Table):
    """Amplify's ServiceRequest, followed by the fields that the workflow needs."""

    class Meta(Table.Meta):
        table_name = "ServiceRequest"

    id = UnicodeAttribute(hash_key=True)
    serviceId = UnicodeAttribute()
    requesterId = UnicodeAttribute()
    providerId = UnicodeAttribute()
    status = UnicodeAttribute()
    stepFunctionExecutionArn = UnicodeAttribute(null=True)
    estimatedHours = HoursAttribute()
    agreedRate = HoursAttribute(null=True)
    message = UnicodeAttribute(null=True)
    escrowId = UnicodeAttribute(null=True)
    negotiationRound = IntegerAttribute()
    expiresAt = MomentAttribute(null=True)
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    statusReason = UnicodeAttribute(null=True)
    amount = HoursAttribute(null=True)
    # The provider's counter-offer, while the requester has not answered it.
    offeredHours = HoursAttribute(null=True)
    offeredRate = HoursAttribute(null=True)
    # The hours that the provider keeps after the payment; a dispute may take them back.
    earned = HoursAttribute(null=True)
    responseSeconds = IntegerAttribute(null=True)
    version = IntegerAttribute()
    generation = IntegerAttribute()
    wait = WaitMap(null=True)  # type: ignore[no-untyped-call]  # PynamoDB leaves it untyped
    setAside = WaitMap(null=True)  # type: ignore[no-untyped-call]  # as for `wait`
    answers: ListAttribute[AnswerMap] = ListAttribute(of=AnswerMap)
    disputes: ListAttribute[DisputeRefMap] = ListAttribute(of=DisputeRefMap)
    passages: ListAttribute[PassageMap] = ListAttribute(of=PassageMap)
    resumptions = IntegerAttribute()
    failingSince = MomentAttribute(null=True)
    dueShard = UnicodeAttribute(null=True)
    dueAt = MomentAttribute(null=True)
    # The hours asked for, at the service's rate of that moment.
    asked = HoursAttribute(null=True)
    bookingId = UnicodeAttribute(null=True)
    # The id of its Transaction; absent from requests that have not moved since each has one.
    exchangeId = UnicodeAttribute(null=True)
    # The provider's mark that the work is done, before its start was confirmed.
    earlyMark = AnswerMap(null=True)  # type: ignore[no-untyped-call]  # as for `wait`

    byServiceId = index("byServiceId", "serviceId")
    byRequesterId = index("byRequesterId", "requesterId")
    byProviderId = index("byProviderId", "providerId")
    byStatus = index("byStatus", "status")
    byEscrowId = index("byEscrowId", "escrowId")
    # Sparse: only live requests have both attributes. Only the sweep reads this index, and then the row itself.
    byDueAt = index("byDueAt", "dueShard", "dueAt", keys_only=True)
