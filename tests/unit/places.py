"""Every place that a request can be in, and the events that lead there.

A *place* is a state of a request, an *event* a rule that is applied to it. One step of the workflow has a name
in the code (`Step`), the event with which the workflow takes it, and, if it waits, the events of those who answer:

    Step (models.requests.statuses)   workflow's event   people's events                      places
    --------------------------------  -----------------  -----------------------------------  -------------------
    VALIDATE_REQUEST                  begin, hold        cancel                               VALIDATING, ESCROWED
    WAIT_FOR_PROVIDER_RESPONSE        ask                accept, reject, offer, cancel        AWAITING …
    WAIT_FOR_NEGOTIATION_RESPONSE     negotiate          take, decline, counter, cancel       NEGOTIATING …
    WAIT_FOR_SERVICE_START            await start        start, withdraw                      ACCEPTED …
    CONFIRM_SERVICE_START             ask start          confirm start, finish early,         ACCEPTED asked …,
                                                         withdraw                             ACCEPTED finished …
    WAIT_FOR_COMPLETION               await work         finish, withdraw                     IN_PROGRESS …
    CONFIRM_SERVICE_COMPLETION        ask work           confirm work, withdraw               IN_PROGRESS asked …
    PROCESS_SERVICE_COMPLETION        complete                                                COMPLETED
    PROCESS_PAYMENT, ENABLE_RATING    pay, rate                                               PAID, PAID rated
    REFUND_ESCROW, EXPIRE_REQUEST     refund, expire                                          REJECTED, EXPIRED
    WAIT_FOR_ADMIN_DECISION           hear               assign; grant, award, divide,        DISPUTED heard …
                                                         dismiss
    RAISE_DISPUTE_ALARM               alarm                                                   DISPUTED heard late
    REFUND_TO_REQUESTER and so on     resolve                                                 GRANTED, AWARDED, …

The requester disputes by `dispute`, the provider by `object`. A second word of a place says what has happened
there: "NEGOTIATING taken" is a negotiation whose offer was taken up, but the workflow has not moved on yet; "late"
is after the deadline; "asked" is a wait for a confirmation. `every_step.txt` shows every event at every place. The
actions of `tests/chaos/simulation/actions.py` and `tests/chaos/killed/kill_scenarios.py` have the people's names.
"""

from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from typing import Any

from models.disputes import deciding, raising, resolving
from models.requests import admin, answers, endings, payment, recovery, steps
from models.requests.decision import Change, reads_everything
from models.requests.request import Request, Terms
from models.requests.statuses import Response, Step
from models.requests.windows import DEFAULT_WINDOWS
from tests.unit.builders import (
    ADA,
    ALICE,
    BOB,
    EXECUTION,
    REQUEST_ID,
    Bank,
    Rule,
    hours,
    make_dispute,
    make_request,
)


def wait_for(step: Step, token: str = "token") -> Rule:  # noqa: S107 — a task token is no password
    return partial(steps.begin_wait, step=step, token=token, windows=DEFAULT_WINDOWS)


def say(wait: Step, by: str, response: Response, message: str | None = None, terms: Terms | None = None) -> Rule:
    return partial(answers.answer, wait=wait, by=by, response=response, message=message, terms=terms)


def terms(worked: str, rate: str = "1") -> Terms:
    return Terms(hours=hours(worked), rate=hours(rate))


# The workflow's events.
WORKFLOW_RULES: dict[str, Rule] = {
    "begin": steps.begin_validation,
    "validate": steps.validate,
    "hold": steps.hold_hours,
    "ask": wait_for(Step.WAIT_FOR_PROVIDER_RESPONSE),
    "negotiate": wait_for(Step.WAIT_FOR_NEGOTIATION_RESPONSE),
    "await start": wait_for(Step.WAIT_FOR_SERVICE_START),
    "ask start": wait_for(Step.CONFIRM_SERVICE_START),
    "await work": wait_for(Step.WAIT_FOR_COMPLETION),
    "ask work": wait_for(Step.CONFIRM_SERVICE_COMPLETION),
    "complete": steps.complete,
    "refund": endings.decline,
    "expire": endings.expire,
    "pay": payment.pay,
    "rate": payment.enable_rating,
}


def party_rules(by_provider: str = BOB, by_requester: str = ALICE) -> dict[str, Rule]:
    """Return the two parties' events, each done by the member given for its side."""
    bob, alice = by_provider, by_requester
    return {
        "accept": say(Step.WAIT_FOR_PROVIDER_RESPONSE, bob, Response.ACCEPTED),
        "reject": say(Step.WAIT_FOR_PROVIDER_RESPONSE, bob, Response.REJECTED),
        "offer": say(Step.WAIT_FOR_PROVIDER_RESPONSE, bob, Response.COUNTER_OFFER, terms=terms("3", "1.5")),
        "take": say(Step.WAIT_FOR_NEGOTIATION_RESPONSE, alice, Response.ACCEPT),
        "decline": say(Step.WAIT_FOR_NEGOTIATION_RESPONSE, alice, Response.REJECT),
        "counter": say(Step.WAIT_FOR_NEGOTIATION_RESPONSE, alice, Response.COUNTER, terms=terms("1.5", "1.1")),
        "start": say(Step.WAIT_FOR_SERVICE_START, bob, Response.MARKED),
        "confirm start": say(Step.CONFIRM_SERVICE_START, alice, Response.CONFIRMED),
        "finish": say(Step.WAIT_FOR_COMPLETION, bob, Response.MARKED),
        "finish early": partial(answers.mark_work_early, by=bob),
        "confirm work": say(Step.CONFIRM_SERVICE_COMPLETION, alice, Response.CONFIRMED),
        "cancel": partial(answers.end_early, how=answers.CANCEL, by=alice),
        "withdraw": partial(answers.end_early, how=answers.WITHDRAW, by=bob),
    }


# The events of an admin who moves a request's hours, as somebody who is not a party.
ADMIN_RULES: dict[str, Rule] = {
    "pay out": reads_everything(
        lambda snapshot, now: admin.release_escrow(snapshot, now, escrow_id=snapshot.request.escrow_key, by=ADA)
    ),
    "give back": reads_everything(
        lambda snapshot, now: admin.cancel_escrow(snapshot, now, escrow_id=snapshot.request.escrow_key, by=ADA)
    ),
}

REQUEST_RULES = {**WORKFLOW_RULES, **party_rules()}


def decide(decision: Response, share: str | None = None, by: str = ADA) -> Rule:
    given = None if share is None else hours(share)
    return partial(deciding.decide, by=by, decision=decision, provider_hours=given, resolution="So be it")


def dispute(by: str, **changes: Any) -> Rule:
    return partial(raising.raise_dispute, dispute=make_dispute(by, **changes), windows=DEFAULT_WINDOWS)


# The events of a dispute: either party's, the deciding admin's, and its own workflow's.
DISPUTE_RULES: dict[str, Rule] = {
    "dispute": dispute(ALICE),
    "object": dispute(BOB),
    "hear": partial(deciding.await_decision, token="token", windows=DEFAULT_WINDOWS),  # noqa: S106 — no password
    "alarm": partial(deciding.raise_alarm, windows=DEFAULT_WINDOWS),
    "assign": partial(deciding.assign, by=ADA),
    "grant": decide(Response.REFUND_TO_REQUESTER),
    "award": decide(Response.PAY_TO_PROVIDER),
    "divide": decide(Response.PARTIAL_REFUND, "0.75"),
    "dismiss": decide(Response.DISMISS_DISPUTE),
    "resolve": partial(resolving.resolve, execution_arn=f"{EXECUTION}next"),
}

_HELD = ("begin", "hold")
_ASKED = (*_HELD, "ask")
_NEGOTIATING = (*_ASKED, "offer", "negotiate")
_ASKED_AGAIN = (*_NEGOTIATING, "counter", "ask")
_NEGOTIATING_AGAIN = (*_ASKED_AGAIN, "offer", "negotiate")
_ACCEPTED = (*_ASKED, "accept", "await start")
_STARTING = (*_ACCEPTED, "start", "ask start")
_IN_PROGRESS = (*_STARTING, "confirm start", "await work")
_FINISHING = (*_IN_PROGRESS, "finish", "ask work")
_COMPLETED = (*_FINISHING, "confirm work", "complete")

_HEARD = ("hear", "assign")
_DISPUTED = (*_IN_PROGRESS, "dispute")
_REVIEWED = (*_DISPUTED, *_HEARD)
_DISPUTED_PAID = (*_COMPLETED, "pay", "rate", "dispute", *_HEARD)

# Every place, and the events that lead there; "late" lets the open wait's deadline pass.
PATHS: dict[str, tuple[str, ...]] = {
    "INITIATED": (),
    "VALIDATING": ("begin",),
    "ESCROWED": _HELD,
    "AWAITING": _ASKED,
    "AWAITING late": (*_ASKED, "late"),
    "AWAITING accepted": (*_ASKED, "accept"),
    "AWAITING rejected": (*_ASKED, "reject"),
    "AWAITING offered": (*_ASKED, "offer"),
    "NEGOTIATING": _NEGOTIATING,
    "NEGOTIATING late": (*_NEGOTIATING, "late"),
    "NEGOTIATING taken": (*_NEGOTIATING, "take"),
    "NEGOTIATING declined": (*_NEGOTIATING, "decline"),
    "NEGOTIATING countered": (*_NEGOTIATING, "counter"),
    "AWAITING again": _ASKED_AGAIN,
    "NEGOTIATING again": _NEGOTIATING_AGAIN,
    "AGREED": (*_NEGOTIATING_AGAIN, "take", "await start"),
    "DECLINED": (*_NEGOTIATING, "decline", "refund"),
    "ACCEPTED": _ACCEPTED,
    "ACCEPTED late": (*_ACCEPTED, "late"),
    "ACCEPTED started": (*_ACCEPTED, "start"),
    "ACCEPTED asked": _STARTING,
    "ACCEPTED asked late": (*_STARTING, "late"),
    "ACCEPTED confirmed": (*_STARTING, "confirm start"),
    "ACCEPTED finished": (*_STARTING, "finish early"),
    "ACCEPTED finished late": (*_STARTING, "finish early", "late"),
    "ACCEPTED finished confirmed": (*_STARTING, "finish early", "confirm start"),
    "IN_PROGRESS": _IN_PROGRESS,
    "IN_PROGRESS late": (*_IN_PROGRESS, "late"),
    "IN_PROGRESS finished": (*_IN_PROGRESS, "finish"),
    "IN_PROGRESS asked": _FINISHING,
    "IN_PROGRESS asked late": (*_FINISHING, "late"),
    "IN_PROGRESS confirmed": (*_FINISHING, "confirm work"),
    "COMPLETED": _COMPLETED,
    "PAID": (*_COMPLETED, "pay"),
    "PAID rated": (*_COMPLETED, "pay", "rate"),
    "REJECTED": (*_ASKED, "reject", "refund"),
    "CANCELLED": ("begin", "cancel"),
    "WITHDRAWN": (*_ACCEPTED, "withdraw"),
    "EXPIRED": (*_ASKED, "late", "expire"),
    "DISPUTED": _DISPUTED,
    "DISPUTED heard": (*_DISPUTED, "hear"),
    "DISPUTED heard late": (*_DISPUTED, "hear", "late"),
    "DISPUTED assigned": _REVIEWED,
    "DISPUTED decided": (*_REVIEWED, "divide"),
    "DISPUTED paid": _DISPUTED_PAID,
    "DISPUTED paid decided": (*_DISPUTED_PAID, "grant"),
    "GRANTED": (*_REVIEWED, "grant", "resolve"),
    "AWARDED": (*_REVIEWED, "award", "resolve"),
    "DIVIDED": (*_REVIEWED, "divide", "resolve"),
    "DISMISSED": (*_REVIEWED, "dismiss", "resolve"),
    "PAID granted": (*_DISPUTED_PAID, "grant", "resolve"),
    "PAID dismissed": (*_DISPUTED_PAID, "dismiss", "resolve"),
}


def bank_at(place: str) -> Bank:
    """Return a bank whose one request was brought to a place by the rules themselves."""
    return _arrived(place).copy()


@cache
def _arrived(place: str) -> Bank:
    bank = Bank.opened()
    bank.create(make_request())
    for step in PATHS[place]:
        if step == "late":
            wait = bank.requests[REQUEST_ID].wait
            assert wait is not None
            bank.now = wait.deadline
            continue
        bank.pass_time(1)
        verdict = bank.move({**REQUEST_RULES, **DISPUTE_RULES}[step])
        assert isinstance(verdict, Change), f"{step}: {verdict}"
    return bank


def request_at(place: str) -> Request:
    """Return a request that was brought to a place by the rules themselves."""
    return bank_at(place).requests[REQUEST_ID]


def moved_to(bank: Bank, **changes: Any) -> None:
    """Set fields of the bank's request to what no rule of this path leads to."""
    bank.requests[REQUEST_ID] = replace(bank.requests[REQUEST_ID], **changes)


def failing_at(place: str) -> Bank:
    """Return a bank whose request's executions have failed for longer than they are resumed."""
    bank = bank_at(place)
    moved_to(bank, failing_since=bank.now - recovery.RESUMED_FOR - timedelta(seconds=1))
    return bank
