"""Any life of a few requests through the transactions, on a real engine: it stores what the rules decide."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from models import tables
from models.errors import Refusal
from models.identifiers import derived
from models.ledger.balances import Balance
from models.ledger.transfers import Transfer
from models.requests import answers
from models.requests.decision import Change, Member, ServiceTerms, Verdict
from models.requests.request import Request
from models.storage.calls import BlockingCalls, drive
from models.storage.codec import encode
from models.storage.names import Names
from models.storage.store import Store
from models.transactions.accounts import Accounts
from models.transactions.members import Members
from models.transactions.moves import Moved, Transactions
from tests.chaos.books import Books
from tests.engines.running import created_tables, running
from tests.integration.two_members import user
from tests.property.lives import MEMBERS, REASON, Lives
from tests.unit.builders import NOW, Rule

LIVES, FEW = 60, 6
STEPS, FEW_STEPS = 30, 20


class FreshTokens(BlockingCalls):
    """Calls with other request tokens for each life: MiniStack never forgets one, and a life may be run twice."""

    stack = ""

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Make a call."""
        if (token := params.get("ClientRequestToken")) is not None:
            params["ClientRequestToken"] = derived(self.stack, token)
        return await super().call(service, operation, **params)


class LivesOnTheCloud(Lives):
    """The same lives in tables of their own; the bank in memory determines the expected result of each step."""

    most_requests = 2

    def __init__(self, names: Names, calls: FreshTokens) -> None:
        super().__init__()
        calls.stack = names.stack
        self.opened = ExitStack()
        self.opened.enter_context(created_tables(names))
        self.store = Store(calls, names)
        self.transactions = Transactions(self.store, lambda: self.bank.now)
        self.accounts = Accounts(self.store, self.transactions, lambda: self.bank.now)
        service = Members(self.store, self.transactions, lambda: NOW)
        for member in MEMBERS:
            drive(service.join(user(member, NOW)))

    def create(self, request: Request) -> Verdict:
        """Create a request."""
        verdict = super().create(request)
        self.compare(verdict, drive(self.transactions.create(request, answers.create)))
        return verdict

    def act(self, request_id: str, chosen: Rule) -> Verdict:
        """Let a rule decide about a request."""
        dispute_id = self.bank.disputed(chosen, self.bank.requests[request_id])
        verdict = super().act(request_id, chosen)
        self.compare(verdict, drive(self.transactions.move(request_id, chosen, dispute_id=dispute_id)))
        return verdict

    def compare(self, verdict: Verdict, moved: Moved | Refusal | None) -> None:
        """Assert that the transaction had the same result as the rule in memory."""
        if isinstance(verdict, Refusal):
            assert moved == verdict
        else:
            assert isinstance(moved, Moved)
            assert moved.request == (verdict.request if isinstance(verdict, Change) else verdict)

    def transfer(self, transfer: Transfer) -> Refusal | None:
        """Transfer, issue or take back hours."""
        refused = super().transfer(transfer)
        entry = drive(self.accounts.transfer(transfer))
        assert entry == refused if refused else isinstance(entry, dict)
        return refused

    def lock(self, user_id: str, by: str, *, is_lock: bool) -> Balance | Refusal:
        """Lock or unlock an account."""
        expected = super().lock(user_id, by, is_lock=is_lock)
        if is_lock:
            assert drive(self.accounts.lock(user_id, by=by, reason=REASON)) == expected
        else:
            assert drive(self.accounts.unlock(user_id, by=by)) == expected
        return expected

    def offer(self, offer: ServiceTerms) -> None:
        """Store a service, new or changed."""
        super().offer(offer)
        drive(self.store.put(tables.Service, encode(tables.Service, offer, createdAt=NOW, updatedAt=NOW)))

    def enrol(self, member: Member) -> None:
        """Store a member, active or not."""
        super().enrol(member)
        drive(self.store.update(tables.User, member.id, [tables.User.isActive.set(member.is_active is not False)]))

    @invariant()
    def the_rows_are_what_the_rules_say(self) -> None:
        books = drive(Books.read(self.store, self.bank.now))
        books.check()
        bank = self.bank
        assert {one.user_id: one for one in books.balances} == bank.balances
        assert {one.id: one for one in books.entries} == {one.id: one for one in bank.entries}
        assert {one.id: one for one in books.escrows} == bank.escrows
        assert {one.id: one for one in books.requests} == bank.requests
        assert {one.id: one for one in books.disputes} == bank.disputes
        assert {one["id"]["S"]: one["requestId"]["S"] for one in books.guards} == bank.guards
        logged = Counter((one["eventType"]["S"], one["entityId"]["S"]) for one in books.events)
        joined = Counter(("Welcome Bonus Issued", member) for member in MEMBERS)
        assert logged == joined + Counter((one.type, one.entity_id) for one in bank.events)
        noticed = Counter((one["userId"]["S"], one["message"]["S"]) for one in books.notices)
        assert noticed >= Counter((one.user_id, one.message) for one in bank.notices)
        assert noticed.total() == len(MEMBERS) + len(bank.notices)

    def teardown(self) -> None:
        """Bring every request to its end, and drop the tables."""
        with self.opened:
            super().teardown()
            self.the_rows_are_what_the_rules_say()


@pytest.fixture(scope="module")
def names(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    """Start an engine."""
    with running(engine, tmp_path_factory.mktemp("engine"), "lives") as names:
        yield names


def test_what_is_stored_is_what_the_rules_say(names: Names, *, long: bool) -> None:
    calls, numbers = FreshTokens(), count()
    run_state_machine_as_test(
        # A function is accepted, as the docstring says.
        lambda: LivesOnTheCloud(replace(names, stack=f"life-{next(numbers)}"), calls),  # type: ignore[arg-type]
        settings=settings(
            max_examples=LIVES if long else FEW,
            stateful_step_count=STEPS if long else FEW_STEPS,
        ),
    )
