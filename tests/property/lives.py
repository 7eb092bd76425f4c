"""The *lives* of requests: a Hypothesis state machine that draws random sequences of what can happen to them.

People, clocks, sweeps and repeated steps move several requests in any order, and hours are transferred meanwhile.

Every action goes through `Lives.act` and its neighbours, so that subclasses can run the same lives elsewhere.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import cycle, pairwise
from uuid import UUID

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from models.disputes import deciding
from models.disputes.resolving import RESOLUTIONS
from models.errors import Refusal
from models.hours import Hours
from models.identifiers import derived
from models.ledger import locks
from models.ledger.balances import Balance
from models.ledger.locks import LockChange
from models.ledger.movements import TransactionType
from models.ledger.transfers import Transfer, TransferRequest, build_transfer, no_member_refusal
from models.requests import recovery
from models.requests.decision import Member, ServiceTerms, Snapshot, Verdict, reads_everything
from models.requests.next_step import next_step
from models.requests.request import Passage, Request
from models.requests.statuses import BEFORE_ACCEPTANCE, RequestStatus, Response, Step
from tests.unit.builders import (
    ADA,
    ALICE,
    BOB,
    EVE,
    EXECUTION,
    SERVICE_ID,
    Bank,
    Rule,
    hours,
    make_member,
    make_request,
    make_service,
)
from tests.unit.places import ADMIN_RULES, DISPUTE_RULES, WORKFLOW_RULES, decide, dispute, party_rules

CAROL = "carol"
MEMBERS = (ALICE, BOB, CAROL, EVE)
OTHER_SERVICE = "33333333-3333-4333-8333-333333333333"
# The workflow's events for each step.
HANDLERS: dict[Step, tuple[str, ...]] = {
    Step.VALIDATE_REQUEST: ("begin", "hold"),
    Step.WAIT_FOR_PROVIDER_RESPONSE: ("ask",),
    Step.WAIT_FOR_NEGOTIATION_RESPONSE: ("negotiate",),
    Step.START_SERVICE_EXECUTION: ("await start",),
    Step.WAIT_FOR_SERVICE_START: ("await start",),
    Step.CONFIRM_SERVICE_START: ("ask start",),
    Step.WAIT_FOR_COMPLETION: ("await work",),
    Step.CONFIRM_SERVICE_COMPLETION: ("ask work",),
    Step.PROCESS_SERVICE_COMPLETION: ("complete",),
    Step.PROCESS_PAYMENT: ("pay",),
    Step.ENABLE_RATING: ("rate",),
    Step.REFUND_ESCROW: ("refund",),
    Step.EXPIRE_REQUEST: ("expire",),
    Step.COMPLETE_WORKFLOW: (),
    Step.WAIT_FOR_ADMIN_DECISION: ("hear",),
    Step.RAISE_DISPUTE_ALARM: ("alarm",),
    Step.REFUND_TO_REQUESTER: ("resolve",),
    Step.PAY_TO_PROVIDER: ("resolve",),
    Step.PARTIAL_REFUND: ("resolve",),
    Step.DISMISS_DISPUTE: ("resolve",),
}
# The answer to each wait by which the request goes on.
AGREEMENTS: dict[Step, str] = {
    Step.WAIT_FOR_PROVIDER_RESPONSE: "accept",
    Step.WAIT_FOR_NEGOTIATION_RESPONSE: "take",
    Step.WAIT_FOR_SERVICE_START: "start",
    Step.CONFIRM_SERVICE_START: "confirm start",
    Step.WAIT_FOR_COMPLETION: "finish",
    Step.CONFIRM_SERVICE_COMPLETION: "confirm work",
}
DECIDERS = (ADA, "ann")
DECISIONS = tuple(RESOLUTIONS)
REASON = "A complaint"
# The only transitions between statuses.
PASSAGES = {
    "": {"INITIATED"},
    "INITIATED": {"VALIDATING", "REJECTED"},
    "VALIDATING": {"ESCROWED", "REJECTED"},
    "ESCROWED": {"AWAITING_RESPONSE", "REJECTED"},
    "AWAITING_RESPONSE": {"ACCEPTED", "NEGOTIATING", "REJECTED", "EXPIRED"},
    "NEGOTIATING": {"ACCEPTED", "AWAITING_RESPONSE", "REJECTED", "EXPIRED"},
    "ACCEPTED": {"IN_PROGRESS", "REJECTED", "EXPIRED", "DISPUTED"},
    "IN_PROGRESS": {"COMPLETED", "REJECTED", "EXPIRED", "DISPUTED"},
    "COMPLETED": {"PAID", "DISPUTED"},
    "PAID": {"DISPUTED"},
    "DISPUTED": {"ACCEPTED", "IN_PROGRESS", "COMPLETED", "PAID", "REJECTED"},
}
# The kinds of direct transfers, each with the parties that it has.
TRANSFERS: dict[str, tuple[TransactionType, *tuple[str, ...]]] = {
    "give": (TransactionType.TRANSFER, "from", "to"),
    "give back": (TransactionType.REFUND, "to"),
    "add": (TransactionType.ADMIN_ADJUSTMENT, "to"),
    "take back": (TransactionType.ADMIN_ADJUSTMENT, "from"),
}
STEPS = {**WORKFLOW_RULES, **{name: DISPUTE_RULES[name] for name in ("hear", "alarm", "resolve")}}
requests = st.integers(min_value=0, max_value=5)


@reads_everything
def given_up(snapshot: Snapshot, now: datetime) -> Verdict:
    """Give up a request that is not accepted yet, as if its executions had failed for a day."""
    if snapshot.request.status not in BEFORE_ACCEPTANCE:
        return snapshot.request
    failing = replace(snapshot.request, failing_since=now - 2 * recovery.RESUMED_FOR)
    return recovery.give_up(replace(snapshot, request=failing), now)


def transitions(passages: tuple[Passage, ...]) -> Iterator[tuple[str, str]]:
    """Yield every transition of a request, from its creation on."""
    return pairwise(["", *(passage.status.value for passage in passages)])


def transfer_request(kind: str, number: int, giver: str, taker: str, amount: Hours) -> TransferRequest:
    """Return a request for a direct transfer; the number determines its id."""
    type_, *fields = TRANSFERS[kind]
    return TransferRequest(
        id=str(UUID(int=number)),
        salt=f"{number:032x}",
        by=giver if type_ is TransactionType.TRANSFER else DECIDERS[0],
        is_admin=True,
        type=type_,
        amount=float(amount),
        from_user_id=giver if "from" in fields else None,
        to_user_id=taker if "to" in fields else None,
    )


class Lives(RuleBasedStateMachine):
    """Several requests among four members, moved by everybody at once."""

    most_requests = 6

    def __init__(self) -> None:
        super().__init__()
        self.bank = Bank.opened(*MEMBERS)
        self.seen: dict[str, Request] = {}
        self.transfers = 0

    def create(self, request: Request) -> Verdict:
        """Create a request."""
        return self.bank.create(request)

    def act(self, request_id: str, chosen: Rule) -> Verdict:
        """Let a rule decide about a request."""
        return self.bank.move(chosen, request_id)

    def transfer(self, transfer: Transfer) -> Refusal | None:
        """Transfer, issue or take back hours."""
        for field, user_id in transfer.parties.items():
            if transfer.is_between_members and self.bank.members[user_id].is_active is False:
                return no_member_refusal(field)
        if (refused := self.bank.post_movement(transfer.movement)) is not None:
            return refused
        self.bank.events.append(transfer.event)
        self.bank.notices.extend(transfer.notices)
        return None

    def lock(self, user_id: str, by: str, *, is_lock: bool) -> Balance | Refusal:
        """Lock or unlock an account."""
        before, now = self.bank.balances[user_id], self.bank.now
        change = locks.lock(before, now, by=by, reason=REASON) if is_lock else locks.unlock(before, now, by=by)
        if not isinstance(change, LockChange):
            return change
        self.bank.balances[user_id] = change.balance
        self.bank.events.append(change.event)
        self.bank.notices.append(change.notice)
        return change.balance

    def offer(self, offer: ServiceTerms) -> None:
        """Store a service, new or changed."""
        self.bank.services[offer.id] = offer

    def enrol(self, member: Member) -> None:
        """Store a member, active or not."""
        self.bank.members[member.id] = member

    @initialize(rate=st.sampled_from(["1", "0.5", "2.25"]))
    def open_services(self, rate: str) -> None:
        self.offer(make_service(response_window_hours=2))
        self.offer(make_service(id=OTHER_SERVICE, user_id=CAROL, hourly_rate=hours(rate)))
        self.create(make_request())

    def request(self, number: int) -> Request:
        """Return one of the requests."""
        return list(self.bank.requests.values())[number % len(self.bank.requests)]

    def move(self, number: int, chosen: Rule) -> None:
        """Let a rule decide about one of the requests, a little later than before."""
        self.bank.pass_time(0.001)
        self.act(self.request(number).id, chosen)

    @rule(
        asked=st.sampled_from(["0", "0.01", "2", "4", "20"]),
        other=st.booleans(),
        by=st.sampled_from([ALICE, EVE, BOB]),
    )
    def ask(self, asked: str, by: str, *, other: bool) -> None:
        if len(self.bank.requests) < self.most_requests:
            self.create(
                make_request(
                    id=f"00000000-0000-4000-8000-{len(self.bank.requests):012}",
                    service_id=OTHER_SERVICE if other else SERVICE_ID,
                    provider_id=CAROL if other else BOB,
                    requester_id=by,
                    estimated_hours=hours(asked),
                )
            )

    @rule(number=requests, times=st.integers(min_value=1, max_value=12))
    def run_the_workflow(self, number: int, times: int) -> None:
        for _ in range(times):
            request = self.request(number)
            for step in HANDLERS[next_step(request, self.bank.now)]:
                self.move(number, STEPS[step])

    @rule(number=requests, step=st.sampled_from(sorted(STEPS)))
    def run_a_step_out_of_order(self, number: int, step: str) -> None:
        self.move(number, STEPS[step])

    @rule(number=requests, by=st.sampled_from(MEMBERS), against=st.sampled_from(MEMBERS))
    def somebody_disputes(self, number: int, by: str, against: str) -> None:
        request_id = self.request(number).id
        raised = derived(request_id, by, against)
        self.move(number, dispute(by, id=raised, request_id=request_id, against_user_id=against))

    @rule(number=requests, of=st.sampled_from(["requester", "provider"]))
    def a_party_disputes(self, number: int, of: str) -> None:
        request = self.request(number)
        parties = [request.requester_id, request.provider_id]
        self.somebody_disputes(number, *(parties if of == "requester" else parties[::-1]))

    @rule(number=requests, by=st.sampled_from([*DECIDERS, ALICE]))
    def an_admin_takes_it_on(self, number: int, by: str) -> None:
        self.move(number, partial(deciding.assign, by=by))

    @rule(
        number=requests,
        by=st.sampled_from(DECIDERS),
        decision=st.sampled_from(DECISIONS),
        share=st.sampled_from(["0", "0.01", "0.75", "1.99", "3"]),
    )
    def an_admin_decides(self, number: int, by: str, decision: Response, share: str) -> None:
        self.move(number, decide(decision, share if decision is Response.PARTIAL_REFUND else None, by=by))

    @rule(
        number=requests,
        agreed=st.sampled_from([0, 1, 3, 5, 7]),
        decision=st.sampled_from(DECISIONS),
        of=st.sampled_from(["requester", "provider"]),
    )
    def a_dispute_is_seen_to(self, number: int, agreed: int, decision: Response, of: str) -> None:
        """They agree for a while, one disputes it, an admin decides, and the workflow carries that out."""
        self.everybody_agrees(number, agreed)
        self.a_party_disputes(number, of)
        self.run_the_workflow(number, 1)
        for by in DECIDERS:
            if self.request(number).dispute is not None:
                self.an_admin_takes_it_on(number, by)
                self.an_admin_decides(number, by, decision, "0.75")
        self.run_the_workflow(number, 1)

    @rule(number=requests, action=st.sampled_from(sorted(party_rules())), by=st.sampled_from(MEMBERS))
    def somebody_acts(self, number: int, action: str, by: str) -> None:
        self.move(number, party_rules(by_provider=by, by_requester=by)[action])

    @rule(number=requests, action=st.sampled_from(sorted(party_rules())))
    def the_right_one_acts(self, number: int, action: str) -> None:
        request = self.request(number)
        self.move(number, party_rules(by_provider=request.provider_id, by_requester=request.requester_id)[action])

    @rule(
        number=requests, chance=st.integers(min_value=0, max_value=9), action=st.sampled_from(sorted(ADMIN_RULES))
    )
    def an_admin_steps_in(self, number: int, chance: int, action: str) -> None:
        if chance == 9 or action == "pay out":
            self.move(number, ADMIN_RULES[action])

    @rule(number=requests, what=st.sampled_from(["resume", "redrive", "fail", "later"]))
    def the_sweep_looks(self, number: int, what: str) -> None:
        swept: dict[str, Rule] = {
            "resume": partial(recovery.resume, execution_arn=f"{EXECUTION}next"),
            "redrive": partial(recovery.redrive, execution_arn=f"{EXECUTION}again"),
            "fail": partial(recovery.note_failure, error="E", cause="C"),
            "later": recovery.look_later,
        }
        self.move(number, swept[what])

    @rule(number=requests, chance=st.integers(min_value=0, max_value=9))
    def the_sweep_gives_up(self, number: int, chance: int) -> None:
        if chance == 9:
            self.move(number, given_up)

    @rule(number=requests, times=st.integers(min_value=1, max_value=6))
    def everybody_agrees(self, number: int, times: int) -> None:
        """The workflow runs to its wait, and whoever is asked agrees; that many times."""
        for _ in range(times):
            self.run_the_workflow(number, 2)
            wait = self.request(number).wait
            if wait is not None and wait.name in AGREEMENTS:
                self.the_right_one_acts(number, AGREEMENTS[wait.name])

    @rule(seconds=st.sampled_from([1.0, 3_600.0, 2 * 3_600.0, 2 * 86_400.0, 31 * 86_400.0]))
    def time_passes(self, seconds: float) -> None:
        self.bank.pass_time(seconds)

    @rule(active=st.booleans())
    def a_service_or_a_member_comes_and_goes(self, *, active: bool) -> None:
        self.offer(make_service(response_window_hours=2, is_active=active))
        self.enrol(make_member(CAROL, is_active=active))

    @rule(
        kind=st.sampled_from(sorted(TRANSFERS)),
        giver=st.sampled_from(MEMBERS),
        taker=st.sampled_from(MEMBERS),
        amount=st.sampled_from(["0.01", "2.5", "11"]),
    )
    def hours_are_given(self, kind: str, giver: str, taker: str, amount: str) -> None:
        self.transfers += 1
        transfer = build_transfer(transfer_request(kind, self.transfers, giver, taker, hours(amount)))
        self.bank.pass_time(0.001)
        if isinstance(transfer, Transfer):
            self.transfer(transfer)

    @rule(member=st.sampled_from(MEMBERS), by=st.sampled_from(DECIDERS), is_lock=st.booleans())
    def an_account_is_locked_or_unlocked(self, member: str, by: str, *, is_lock: bool) -> None:
        self.bank.pass_time(0.001)
        self.lock(member, by, is_lock=is_lock)

    @invariant()
    def the_books_are_right(self) -> None:
        self.bank.check()

    @invariant()
    def lives_go_forward(self) -> None:
        for request_id, request in self.bank.requests.items():
            before = self.seen.get(request_id)
            if before is not None:
                assert request.passages[: len(before.passages)] == before.passages
                assert request.answers[: len(before.answers)] == before.answers
                assert request.version >= before.version
                assert request.generation >= before.generation
                ended = {RequestStatus.REJECTED, RequestStatus.EXPIRED}
                assert before.status not in ended or request.status is before.status
                assert request.disputes[: len(before.disputes)] == before.disputes
            for came, went in transitions(request.passages):
                assert went in PASSAGES[came]
        self.seen = dict(self.bank.requests)

    def teardown(self) -> None:
        """Assert that admins, workflow and clock bring every request to its end, and nothing stays held."""
        for number, decision in zip(range(len(self.bank.requests)), cycle(DECISIONS), strict=False):
            # Every second one is paid before it is disputed, if it has not ended otherwise.
            self.a_dispute_is_seen_to(number, 7 if number % 2 == 0 else 2, decision, "requester")
            for _ in range(12):
                if self.request(number).is_over:
                    break
                self.a_dispute_is_seen_to(number, 0, Response.DISMISS_DISPUTE, "provider")
                self.run_the_workflow(number, 3)
                self.bank.pass_time(31 * 86_400)
        self.bank.check()
        assert all(request.is_over for request in self.bank.requests.values())
        assert not self.bank.guards
        assert all(balance.escrowed_balance == 0 for balance in self.bank.balances.values())
