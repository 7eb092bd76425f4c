"""Direct transfers, without a service: from member to member, or issued and taken back by an admin. Pure rules."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models import hours
from models.errors import Code, Refusal
from models.events import Event, EventEntityType, EventSource, Notice, NotificationType
from models.hours import Hours, InvalidHoursError
from models.identifiers import derived, is_uuid
from models.ledger.movements import Leg, Movement, TransactionType
from models.limits import fixed_limit

LONGEST_DESCRIPTION = fixed_limit(
    500, "characters of a transfer's description", topic="accounts", code="BadRequest"
)
# Of the random text that a description is sealed with; as many as a UUID has.
SALT_BYTES = 16
_REQUESTED_BY = "requestedBy"
_DESCRIPTIONS: Mapping[TransactionType, str] = {
    TransactionType.TRANSFER: "Hours given",
    TransactionType.REFUND: "Hours refunded by an administrator",
    TransactionType.ADMIN_ADJUSTMENT: "Adjusted by an administrator",
}
# What a transfer says about which nobody has said anything.
STANDARD_DESCRIPTIONS = frozenset(_DESCRIPTIONS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Hours that a member gives, or that an admin issues or takes back.

    Args:
        id: a UUID; a repeated transfer with the same id has no second effect.
        by: the member or admin who makes the transfer.
        from_user_id: the giver; None if the hours are issued.
        to_user_id: the receiver; None if the hours are taken back.
        requested_by: the admin who asked for it first, if it needed a second one, who then is `by`.
        salt: a random text if a person wrote the description; None if it is ours.
    """

    id: str
    by: str
    type: TransactionType
    amount: Hours
    from_user_id: str | None
    to_user_id: str | None
    description: str
    requested_by: str | None = None
    salt: str | None = None

    @property
    def parties(self) -> dict[str, str]:
        """Return the ids of the members concerned, by the names of the fields that hold them."""
        named = {"fromUserId": self.from_user_id, "toUserId": self.to_user_id}
        return {field: user_id for field, user_id in named.items() if user_id is not None}

    @property
    def entry_id(self) -> str:
        """Return the id of the transfer's entry: the giver's, or the receiver's if hours are issued."""
        return f"{self.movement.id}#{self.from_user_id or self.to_user_id}"

    @property
    def movement(self) -> Movement:
        """Return the transfer's movement; a locked account gives no hours, but an admin can take them back."""
        return Movement(
            id=derived(self.id, "transfer"),
            legs=tuple(self._legs()),
            related_entity_id=self.id,
            spends=self.is_between_members,
        )

    @property
    def is_between_members(self) -> bool:
        """Return whether hours go from one member to another, and are not issued or taken back by an admin."""
        return self.type is TransactionType.TRANSFER

    def _legs(self) -> Iterator[Leg]:
        for user_id, change in ((self.from_user_id, -self.amount), (self.to_user_id, self.amount)):
            if user_id is not None:
                yield Leg(
                    user_id=user_id,
                    type=self.type,
                    description=self.description,
                    available=change,
                    issued=hours.ZERO if self.is_between_members else change,
                    salt=self.salt,
                )

    @property
    def content(self) -> dict[str, Any]:
        """Return what the transfer does, whoever makes it."""
        return {
            "transactionId": self.movement.id,
            "transactionType": self.type.value,
            "fromUserId": self.from_user_id,
            "toUserId": self.to_user_id,
            "amount": hours.to_float(self.amount),
            "description": self.description,
        }

    @property
    def event(self) -> Event:
        """Return the transfer's event; its row in the log shows that the transfer has been made."""
        approved = {} if self.requested_by is None else {_REQUESTED_BY: self.requested_by}
        return Event(
            type="Direct Transfer Processed",
            source=EventSource.BALANCES,
            entity_type=EventEntityType.TRANSACTION,
            entity_id=self.id,
            actor=self.by,
            data={**self.content, **approved},
        )

    def is_logged_as(self, data: Mapping[str, Any], actor: str | None) -> bool:
        """Return whether an event that was logged under the transfer's id is of this transfer.

        Whoever asked for it, first or second, may repeat it.
        """
        by = {actor, data.get(_REQUESTED_BY)}
        logged = {name: value for name, value in data.items() if name != _REQUESTED_BY}
        return self.by in by and logged == self.content

    @property
    def notices(self) -> Iterator[Notice]:
        """Yield a notice to each member concerned who did not make the transfer."""
        kind = (
            NotificationType.TRANSACTION_COMPLETED if self.is_between_members else NotificationType.SYSTEM_UPDATE
        )
        for user_id, title, verb in (
            (self.from_user_id, "Hours were taken from your account", "were taken from your account"),
            (self.to_user_id, "You have received hours", "are yours"),
        ):
            if user_id is not None and user_id != self.by:
                yield Notice(
                    user_id=user_id,
                    type=kind,
                    title=title,
                    message=f"{self.amount} hours {verb}: “{self.description}”",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRequest:
    """A transfer as a caller asks for it; nothing has been checked.

    Args:
        salt: a random text, without which nobody can tell what the description was once it has been erased.
    """

    id: str
    salt: str
    by: str
    is_admin: bool
    type: TransactionType
    amount: float
    from_user_id: str | None = None
    to_user_id: str | None = None
    description: str | None = None


def build_transfer(request: TransferRequest) -> Transfer | Refusal:
    """Return the transfer that a caller asks for; or a refusal, if it is invalid or the caller may not make it."""
    if (refusal := next(_refusals(request), None)) is not None:
        return refusal
    return Transfer(
        id=request.id,
        by=request.by,
        type=request.type,
        amount=hours.from_float(request.amount),
        from_user_id=request.from_user_id or None,
        to_user_id=request.to_user_id or None,
        description=request.description or _DESCRIPTIONS[request.type],
        salt=request.salt if request.description else None,
    )


def _refusals(request: TransferRequest) -> Iterator[Refusal]:
    """Yield the refusals that need no stored row."""
    if not is_uuid(request.id):
        yield _bad_request_refusal("id", "a transfer's id is a UUID; leave it out to be given one")
    if request.description and len(request.description) > LONGEST_DESCRIPTION:
        yield _bad_request_refusal(
            "description", f"at most {LONGEST_DESCRIPTION} characters fit, not {len(request.description)}"
        )
    yield from _PARTY_RULES.get(request.type, _invalid_type)(request)
    is_between_members = request.type is TransactionType.TRANSFER
    if not is_between_members and not request.is_admin:
        yield _unauthorized_refusal("transactionType", f"only an administrator makes a {request.type}")
    if not is_between_members and request.by in {request.from_user_id, request.to_user_id}:
        yield _own_account_refusal(request)
    if is_between_members and request.from_user_id != request.by:
        yield _unauthorized_refusal("fromUserId", "hours are given from one's own account only")
    if not _is_amount(request.amount):
        yield _invalid_amount_refusal(request.amount)


def _between_members(request: TransferRequest) -> Iterator[Refusal]:
    for field, user_id in (("fromUserId", request.from_user_id), ("toUserId", request.to_user_id)):
        if not user_id:
            yield _bad_request_refusal(field, "a TRANSFER is from one member to another; name both")
    if request.from_user_id == request.to_user_id:
        yield _bad_request_refusal("toUserId", "a TRANSFER is to another member")


def _to_a_member(request: TransferRequest) -> Iterator[Refusal]:
    if request.from_user_id:
        yield _bad_request_refusal("fromUserId", "a REFUND is issued, from nobody; leave it out")
    if not request.to_user_id:
        yield _bad_request_refusal("toUserId", "a REFUND is to a member; name them")


def _either_way(request: TransferRequest) -> Iterator[Refusal]:
    if bool(request.from_user_id) == bool(request.to_user_id):
        yield _bad_request_refusal(
            "toUserId", "an ADMIN_ADJUSTMENT issues to toUserId, or takes back from fromUserId; name one of them"
        )


def _invalid_type(request: TransferRequest) -> Iterator[Refusal]:
    yield _bad_request_refusal(
        "transactionType", f"{request.type} is not a direct transfer; give one of {', '.join(_PARTY_RULES)}"
    )


_PARTY_RULES: Mapping[TransactionType, Callable[[TransferRequest], Iterator[Refusal]]] = {
    TransactionType.TRANSFER: _between_members,
    TransactionType.REFUND: _to_a_member,
    TransactionType.ADMIN_ADJUSTMENT: _either_way,
}


def _is_amount(amount: float) -> bool:
    try:
        return hours.is_amount(hours.from_float(amount))
    except InvalidHoursError:
        return False


def no_member_refusal(field: str) -> Refusal:
    """Return the refusal for a member who does not exist or is not active."""
    return Refusal(Code.USER_NOT_ACTIVE, f"{field}: there is no such active member.", {"field": field})


def transfer_mismatch_refusal() -> Refusal:
    """Return the refusal for an id that belongs to a different transfer."""
    return Refusal(
        Code.IDEMPOTENCY_MISMATCH,
        "id: another transfer has this id already; leave it out to be given a new one.",
        {"field": "id"},
    )


def _bad_request_refusal(field: str, why: str) -> Refusal:
    return Refusal(Code.BAD_REQUEST, f"{field}: {why}.", {"field": field})


def _unauthorized_refusal(field: str, why: str) -> Refusal:
    return Refusal(Code.UNAUTHORIZED, f"{field}: {why}.", {"field": field})


def _own_account_refusal(request: TransferRequest) -> Refusal:
    field = "toUserId" if request.by == request.to_user_id else "fromUserId"
    message = f"{field}: this account is your own; another administrator issues or takes back its hours."
    return Refusal(Code.UNAUTHORIZED_ADMIN, message, {"field": field})


def _invalid_amount_refusal(amount: float) -> Refusal:
    return Refusal(
        Code.INVALID_AMOUNT,
        f"amount: {amount} hours cannot be moved. Give a multiple of 0.01 between {hours.SMALLEST_AMOUNT} and "
        f"{hours.LARGEST_AMOUNT}.",
        {"field": "amount", "smallest": float(hours.SMALLEST_AMOUNT), "largest": float(hours.LARGEST_AMOUNT)},
    )
