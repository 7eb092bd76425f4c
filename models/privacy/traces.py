"""Where a member's rows are: the tables, the fields that name the member, and what an erasure does to the rows."""

from dataclasses import dataclass
from enum import Enum, auto

from models.bookings import booking
from models.requests import dispute, statuses


class Fate(Enum):
    """What an erasure does to the rows of a table."""

    KEPT = auto()  # they hold nothing but ids, amounts and times
    BLANKED = auto()  # both sides' history needs them, without what somebody wrote
    DELETED = auto()  # they are of the member alone


@dataclass(frozen=True, slots=True)
class Trace:
    """A table with rows of members.

    Args:
        table: its name.
        fields: what may name the member, each of which an index finds them by.
        fate: what an erasure does to the rows.
    """

    table: str
    fields: tuple[str, ...]
    fate: Fate


NOTIFICATION = "Notification"
REQUEST = "ServiceRequest"
EXCHANGE = "Transaction"
ENTRY = "TransactionLog"
EVENT = "EventLog"
DISPUTE = "Dispute"
BOOKING = "Booking"

# In the order in which they are erased.
TRACES = (
    Trace("Message", ("senderId", "receiverId"), Fate.BLANKED),
    Trace("Conversation", ("user1Id", "user2Id"), Fate.KEPT),
    Trace("Rating", ("raterId", "ratedUserId"), Fate.BLANKED),
    Trace("Report", ("reporterId", "reportedUserId"), Fate.BLANKED),
    Trace(DISPUTE, ("raisedBy", "againstUserId", "adminId"), Fate.BLANKED),
    Trace(BOOKING, ("consumerId", "providerId"), Fate.BLANKED),
    Trace(EXCHANGE, ("consumerId", "providerId"), Fate.BLANKED),
    Trace(REQUEST, ("requesterId", "providerId"), Fate.BLANKED),
    Trace("Escrow", ("fromUserId", "toUserId"), Fate.KEPT),
    Trace(ENTRY, ("userId",), Fate.BLANKED),
    Trace(EVENT, ("actorUserId", "entityId"), Fate.BLANKED),
    Trace(NOTIFICATION, ("userId",), Fate.DELETED),
    Trace("ServiceSchedule", ("userId",), Fate.DELETED),
    Trace("ScheduleException", ("userId",), Fate.DELETED),
    Trace("Service", ("userId",), Fate.DELETED),
)


@dataclass(frozen=True, slots=True)
class OpenMatter:
    """Rows that an erasure waits for until they have a status in which they are over.

    Args:
        table: their table.
        over: the statuses of those that are over.
        what: what several of them are called.
        way_out: what ends them.
    """

    table: str
    over: frozenset[str]
    what: str
    way_out: str

    @property
    def fields(self) -> tuple[str, ...]:
        """Return what may name the member."""
        return next(trace.fields for trace in TRACES if trace.table == self.table)


OPEN_MATTERS = (
    OpenMatter(
        REQUEST,
        frozenset(statuses.ENDED),
        "open requests",
        "let them end, cancel or withdraw them, or use cancelEscrow",
    ),
    OpenMatter(
        DISPUTE,
        frozenset(dispute.DECIDED),
        "open disputes",
        "decide them by resolveDispute",
    ),
    OpenMatter(
        BOOKING,
        frozenset(booking.ENDED),
        "open bookings",
        "complete or cancel them",
    ),
)
