"""The ledger under any sequence of movements: no hour is lost or created, and every movement is recorded."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from models.errors import BrokenLedgerError, Code, Refusal
from models.hours import ZERO
from models.ledger import movements
from models.ledger.movements import Movement, TransactionType
from models.ledger.reconciliation import Account, discrepancies
from models.ledger.transfers import build_transfer
from tests.property.lives import TRANSFERS, transfer_request
from tests.unit import books
from tests.unit.builders import NOW, Bank, figures

MEMBERS = ("alice", "bob", "carol")
members = st.sampled_from(MEMBERS)
amounts = st.integers(min_value=1, max_value=2_000).map(lambda number: Decimal(number).scaleb(-2))


@dataclass
class Holds:
    """The bank, and the open holds in it."""

    bank: Bank = field(default_factory=lambda: Bank.opened(*MEMBERS))
    held: dict[str, tuple[str, str, Decimal]] = field(default_factory=dict)

    def issue(self, cause: str, user_id: str, amount: Decimal) -> Movement:
        return movements.issue(
            cause=cause,
            user_id=user_id,
            amount=amount,
            type=TransactionType.ADMIN_ADJUSTMENT,
            description="A gift",
        )

    def step(self, number: int, kind: str, giver: str, taker: str, amount: Decimal) -> None:
        """Issue, hold, transfer, or end the oldest hold."""
        cause = f"request-{number}"
        if kind == "issue":
            assert self.bank.post_movement(self.issue(cause, taker, amount)) is None
        elif kind in TRANSFERS:
            self.transfer(number, kind, giver, taker, amount)
        elif kind == "hold":
            refused = self.bank.post_movement(movements.hold(request_id=cause, from_user_id=giver, amount=amount))
            if refused is None:
                self.held[cause] = (giver, taker, amount)
            else:
                assert refused.code is Code.INSUFFICIENT_BALANCE
        elif self.held:
            self.end_hold(kind, next(iter(self.held)))

    def transfer(self, number: int, kind: str, giver: str, taker: str, amount: Decimal) -> None:
        """Transfer, issue or take back hours, if the balance allows it."""
        transfer = build_transfer(transfer_request(kind, number, giver, taker, amount))
        if isinstance(transfer, Refusal):
            assert giver == taker
            return
        before = self.bank.balances[giver].available_balance
        refused = self.bank.post_movement(transfer.movement)
        assert (refused is not None) == (transfer.from_user_id == giver and before < amount)

    def end_hold(self, kind: str, request_id: str) -> None:
        giver, taker, amount = self.held.pop(request_id)
        if kind == "refund" or giver == taker:
            movement = movements.refund(request_id=request_id, from_user_id=giver, amount=amount)
        else:
            movement = movements.release(
                request_id=request_id, from_user_id=giver, to_user_id=taker, amount=amount
            )
        assert self.bank.post_movement(movement) is None

    def check(self) -> None:
        balances = self.bank.balances
        issued = sum(entry.issued for entry in self.bank.entries)
        assert sum(balance.total_balance for balance in balances.values()) == issued
        for member in MEMBERS:
            held = sum(amount for giver, _, amount in self.held.values() if giver == member)
            assert balances[member].escrowed_balance == held
            assert balances[member].available_balance >= 0


kinds = st.sampled_from(["issue", "hold", "release", "refund", *TRANSFERS])
sequences = st.lists(st.tuples(kinds, members, members, amounts), max_size=40)


@given(sequences)
def test_nothing_is_lost_and_nothing_is_made(steps: list[tuple[str, str, str, Decimal]]) -> None:
    holds = Holds()
    for number, (kind, giver, taker, amount) in enumerate(steps):
        holds.step(number, kind, giver, taker, amount)
        holds.check()
    for member in MEMBERS:
        own = [entry for entry in holds.bank.entries if entry.user_id == member]
        replayed = books.replay(own, user_id=member, now=NOW)
        assert figures(replayed) == figures(holds.bank.balances[member])


@given(sequences.filter(len), st.data())
def test_a_log_with_a_hole_or_a_swap_never_replays(
    steps: list[tuple[str, str, str, Decimal]], data: st.DataObject
) -> None:
    holds = Holds()
    for number, step in enumerate(steps):
        holds.step(number, *step)
    member = data.draw(members)
    own = [entry for entry in holds.bank.entries if entry.user_id == member]
    hole = data.draw(st.integers(min_value=0, max_value=len(own) - 1))
    try:
        replayed = books.replay(own[:hole] + own[hole + 1 :], user_id=member, now=NOW)
    except BrokenLedgerError:
        return
    assert figures(replayed) != figures(holds.bank.balances[member])


@given(sequences.filter(len), st.data())
def test_whatever_is_done_to_one_row_is_found_and_the_others_books_stay_right(
    steps: list[tuple[str, str, str, Decimal]], data: st.DataObject
) -> None:
    holds = Holds()
    for number, step in enumerate(steps):
        holds.step(number, *step)
    victim = data.draw(members)
    accounts = {member: account_of(holds, member) for member in MEMBERS}
    assert not any(list(discrepancies(account, NOW)) for account in accounts.values())
    wrong = corrupted(accounts[victim], data)
    (first, *_) = discrepancies(wrong, NOW)
    assert first.user_id == victim
    assert first.entry_id in {entry.id for entry in accounts[victim].entries}


def account_of(holds: Holds, member: str) -> Account:
    held = (amount for giver, _, amount in holds.held.values() if giver == member)
    return Account(
        user_id=member,
        balance=holds.bank.balances[member],
        entries=[entry for entry in holds.bank.entries if entry.user_id == member],
        held=sum(held, ZERO),
    )


def corrupted(account: Account, data: st.DataObject) -> Account:
    """Return an account with one entry changed, resealed, or removed, or with its balance changed."""
    entries, balance = list(account.entries), account.balance
    assert balance is not None
    place = data.draw(st.integers(min_value=0, max_value=len(entries) - 1))
    odd = entries[place].amount + data.draw(amounts)
    match data.draw(st.sampled_from(["changed", "sealed", "gone", "balance"])):
        case "changed":
            entries[place] = replace(entries[place], amount=odd)
        case "sealed":
            entries[place] = replace(entries[place], amount=odd).sealed()
        case "gone":
            del entries[place]
        case _:
            balance = replace(balance, available_balance=balance.available_balance + data.draw(amounts))
    return replace(account, entries=entries, balance=balance)


@given(members, amounts, st.integers(min_value=-500, max_value=500))
def test_what_does_not_add_up_is_never_posted(member: str, amount: Decimal, off: int) -> None:
    right = Holds().issue("cause", member, amount)
    leg = right.legs[0]
    wrong = movements.Leg(
        user_id=member,
        type=leg.type,
        description=leg.description,
        available=amount,
        issued=amount + Decimal(off).scaleb(-2),
    )
    movement = Movement(id="m", legs=(wrong,), related_entity_id="cause")
    try:
        movements.check_conserved(movement)
    except BrokenLedgerError:
        assert off != 0
    else:
        assert off == 0
        assert not isinstance(Bank.opened(*MEMBERS).post_movement(movement), Refusal)
