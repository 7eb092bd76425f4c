"""What a rule is given and what it decides: a snapshot, and a change that `transactions` writes as a whole."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import partial
from inspect import unwrap
from typing import TypeVar
from weakref import WeakKeyDictionary

from models.custody import Custody
from models.errors import Refusal
from models.events import Event, Notice
from models.hours import USUAL_RATE, Hours
from models.ledger.balances import Balance, Escrow
from models.ledger.movements import Movement
from models.requests.dispute import Dispute
from models.requests.request import Request


class GuardAction(Enum):
    """What a step does with the guard: the row that prevents two live requests for the same service."""

    KEEP = auto()
    PUT = auto()
    REMOVE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one step changes: the request after it, and everything that is written together with it."""

    request: Request
    events: tuple[Event, ...]
    notices: tuple[Notice, ...] = ()
    movement: Movement | None = None
    escrow: Escrow | None = None
    dispute: Dispute | None = None
    guard: GuardAction = GuardAction.KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What the rules need to know about a member."""

    id: str
    username: str
    is_active: bool | None = None
    created_at: datetime | None = None
    custody: Custody | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTerms:
    """What the rules need to know about a service."""

    id: str
    user_id: str
    title: str
    is_active: bool
    hourly_rate: Hours = USUAL_RATE
    min_booking_hours: Hours | None = None
    max_booking_hours: Hours | None = None
    response_window_hours: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """What the rules need to know about a booking."""

    id: str
    service_id: str
    provider_id: str
    consumer_id: str
    booking_transaction_id: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Every row that a decision about a request may rest on, read consistently.

    A rule that does not read everything is given the request alone; the other fields are None, except that the
    service of a request whose exchange is not stored yet is read for the exchange's description.

    Args:
        is_new: the request is not stored yet.
        booking: the appointment that a new request is about.
        dispute_escrow: the hours held for the dispute, if it was raised after the payment.
        guarded_by: the id of the request that has the guard.
    """

    request: Request
    is_new: bool = False
    escrow: Escrow | None = None
    dispute: Dispute | None = None
    dispute_escrow: Escrow | None = None
    service: ServiceTerms | None = None
    requester: Member | None = None
    provider: Member | None = None
    requester_balance: Balance | None = None
    provider_balance: Balance | None = None
    guarded_by: str | None = None
    booking: Appointment | None = None

    def balance(self, user_id: str, now: datetime) -> Balance:
        """Return a party's balance; if none is stored yet, an empty one."""
        for balance in (self.requester_balance, self.provider_balance):
            if balance is not None and balance.user_id == user_id:
                return balance
        return Balance.empty(user_id, now)

    def held(self, escrow_id: str) -> Escrow | None:
        """Return the escrow of that id as it was read, the request's own or its dispute's; None if it is new."""
        escrows = (self.escrow, self.dispute_escrow)
        return next((escrow for escrow in escrows if escrow is not None and escrow.id == escrow_id), None)


# What a rule decides: a change; a refusal; or the request as it is, because the step has been taken already.
Verdict = Change | Refusal | Request

_Rule = TypeVar("_Rule", bound=Callable[..., Verdict])

# The rules that read the whole snapshot, and for which requests and keyword arguments they do.
_READS_EVERYTHING: WeakKeyDictionary[Callable[..., Verdict], Callable[..., bool]] = WeakKeyDictionary()


def _always(_request: Request, **_keywords: object) -> bool:
    return True


def reads_everything_when(condition: Callable[..., bool]) -> Callable[[_Rule], _Rule]:
    """Declare that a rule reads the whole snapshot if a condition holds, and the request alone otherwise.

    Args:
        condition: a predicate over the request and the rule's keyword arguments.
    """

    def declare(rule: _Rule) -> _Rule:
        _READS_EVERYTHING[rule] = condition
        return rule

    return declare


def reads_everything(rule: _Rule) -> _Rule:
    """Declare that a rule reads the whole snapshot; a rule that is not declared reads the request alone.

    It must be declared if the rule looks at a row other than the request's, or changes one: hours, guard, dispute.
    """
    return reads_everything_when(_always)(rule)


def needs_whole_snapshot(rule: Callable[..., Verdict], request: Request) -> bool:
    """Return whether a rule, a `partial` of one, or a function that wraps one, reads more than the request."""
    function, keywords = (rule.func, rule.keywords) if isinstance(rule, partial) else (unwrap(rule), {})
    condition = _READS_EVERYTHING.get(function)
    return condition is not None and condition(request, **keywords)
