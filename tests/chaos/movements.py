"""Each ledger movement accounted for: an escrow's hold, change or end, a transfer, or a welcome bonus."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.events import EventSource
from models.hours import ZERO, Hours
from models.identifiers import derived
from models.ledger.balances import Escrow, EscrowStatus
from models.ledger.entries import Entry
from models.ledger.movements import TransactionType
from models.requests.dispute import DECIDED, Dispute, DisputeStatus, escrow_key, of_dispute
from models.requests.request import MOST_ROUNDS
from models.requests.statuses import Response
from models.storage.store import Item
from tests.unit.builders import hours

ENDS = ("release", "refund", "split")
_STATUS = {"release": EscrowStatus.RELEASED, "split": EscrowStatus.RELEASED, "refund": EscrowStatus.CANCELLED}


@dataclass(frozen=True, slots=True)
class Movements:
    """All movements by id; each is accounted for exactly once."""

    by_id: Mapping[str, list[Entry]]
    accounted: set[str]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Movements":
        """Group entries into movements; each creates only the hours that it issues."""
        by_id: dict[str, list[Entry]] = {}
        for entry in entries:
            by_id.setdefault(entry.transaction_id, []).append(entry)
        for lines in by_id.values():
            created = (line.amount + line.escrowed_amount - line.issued for line in lines)
            assert sum(created, ZERO) == ZERO
        return cls(by_id, set())

    def account_for(self, *ids: str) -> list[Entry]:
        """Return the entries of those of these movements that exist, and mark them as accounted for."""
        found = [known for known in ids if known in self.by_id]
        assert self.accounted.isdisjoint(found), "a movement was accounted for twice"
        self.accounted.update(found)
        return [line for known in found for line in self.by_id[known]]

    def check_escrow(self, escrow: Escrow, disputes: Iterable[Dispute]) -> int:
        """Assert that an escrow's hours were held once and ended correctly once; return how many movements."""
        about = {dispute.id: dispute for dispute in disputes if _is_about(dispute, escrow)}
        own = next((one for one in about.values() if escrow.id == escrow_key(one.request_id, one.id)), None)
        cause = own.id if own else escrow.request_id or escrow.id
        held = of_dispute(own.request_id, own.id, "hold") if own else derived(cause, "hold")
        adjusted = [] if own else [derived(cause, "adjust", number) for number in range(1, MOST_ROUNDS + 1)]
        ends = {
            of_dispute(about[by].request_id, by, name) if by in about else derived(by, name): (by, name)
            for by in {cause, *about}
            for name in ENDS
        }
        ended = [(by, name) for known, (by, name) in ends.items() if known in self.by_id]
        lines = self.account_for(held, *adjusted, *ends)
        assert held in self.by_id
        assert [_STATUS[name] for _, name in ended] == [escrow.status] * (not is_held(escrow))
        assert {by for by, _ in ended if by in about} == {one.id for one in about.values() if _has_ended(one)}
        given = _given(escrow, next((about.get(by) for by, _ in ended), None))
        left = escrow.amount if is_held(escrow) else ZERO
        moved = (
            sum((line.escrowed_amount for line in lines), ZERO),
            sum((line.amount for line in lines if line.user_id == escrow.from_user_id), ZERO),
            sum((line.amount for line in lines if line.user_id == escrow.to_user_id), ZERO),
        )
        assert moved == (left, -left - given, given), f"{escrow} and {moved}"
        assert all(line.issued == ZERO for line in lines)
        return len({line.transaction_id for line in lines})

    def check_issues(self, members: Iterable[str], transfers: Iterable[Mapping[str, Any]]) -> None:
        """Assert that each member got one bonus, and that every other movement has its direct transfer's event.

        Args:
            members: the members whose entries these are.
            transfers: the data of the direct transfers' events.
        """
        for member in members:
            (bonus,) = self.account_for(derived(member, "issue"))
            assert bonus.transaction_type is TransactionType.WELCOME_BONUS
        for announced in transfers:
            amount, type_ = hours(str(announced["amount"])), TransactionType(announced["transactionType"])
            issued = Hours(type_ is not TransactionType.TRANSFER)
            lines = self.account_for(announced["transactionId"])
            assert {(line.user_id, line.amount, line.escrowed_amount, line.issued) for line in lines} == {
                (member, change, ZERO, change * issued)
                for member, change in ((announced["fromUserId"], -amount), (announced["toUserId"], amount))
                if member is not None
            }
            assert {line.transaction_type for line in lines} == {type_}
        assert self.by_id.keys() == self.accounted, "hours were moved without a recorded reason"


def is_held(escrow: Escrow) -> bool:
    """Return whether the escrow still holds its hours."""
    return escrow.status is EscrowStatus.ESCROWED


def _is_about(dispute: Dispute, escrow: Escrow) -> bool:
    """Return whether a dispute is about an escrow: its own, or the request's if raised before the payment."""
    if dispute.is_after_payment:
        return escrow.id == escrow_key(dispute.request_id, dispute.id)
    return dispute.request_id == escrow.request_id and escrow.id == derived(dispute.request_id, "escrow")


def _has_ended(dispute: Dispute) -> bool:
    """Return whether a dispute ended its escrow; one dismissed before the payment did not."""
    return dispute.status is DisputeStatus.RESOLVED or (dispute.is_after_payment and dispute.status in DECIDED)


def _given(escrow: Escrow, dispute: Dispute | None) -> Hours:
    """Return the hours that went to the other side of an escrow, by its status and the dispute that ended it."""
    if escrow.status is not EscrowStatus.RELEASED:
        return ZERO
    if dispute is None:
        return escrow.amount
    share = {
        Response.REFUND_TO_REQUESTER: ZERO,
        Response.PAY_TO_PROVIDER: escrow.amount,
        Response.DISMISS_DISPUTE: escrow.amount,
        Response.PARTIAL_REFUND: dispute.provider_hours,
    }[dispute.decision or Response.DISMISS_DISPUTE]
    assert share is not None
    return escrow.amount - share if dispute.is_after_payment else share


def event_data(events: Iterable[Item], type: str) -> Iterator[Mapping[str, Any]]:
    """Yield the data of the events of a type."""
    for event in events:
        if event["eventType"]["S"] == type:
            yield json.loads(event["eventData"]["S"])


def events_by_escrow(events: Iterable[Item]) -> Counter[str]:
    """Return the number of events of each escrow."""
    return Counter(event["entityId"]["S"] for event in events if event["source"]["S"] == EventSource.ESCROW)
