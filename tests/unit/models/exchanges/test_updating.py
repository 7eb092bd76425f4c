"""What each party's wish for a status calls for, at every place of a request."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from models.errors import Code, Refusal
from models.exchanges.updating import Standing, aim, is_written, update_status
from models.requests import answers
from models.requests.decision import Change, needs_whole_snapshot
from models.requests.statuses import RequestStatus, Step, TransactionStatus
from tests.unit.builders import ALICE, BOB, EVE, REQUEST_ID, Bank, make_request
from tests.unit.places import PATHS, bank_at, moved_to, request_at
from tests.unit.places import wait_for as waiting

PENDING, IN_PROGRESS = TransactionStatus.PENDING, TransactionStatus.IN_PROGRESS
COMPLETED, CANCELLED = TransactionStatus.COMPLETED, TransactionStatus.CANCELLED
WISHES = ((BOB, IN_PROGRESS), (BOB, COMPLETED), (BOB, CANCELLED), (ALICE, COMPLETED), (ALICE, CANCELLED))

# For each place what is called for by the provider's IN_PROGRESS, COMPLETED and CANCELLED, and by the requester's
# COMPLETED and CANCELLED: an act; "done"; "written", the workflow is about to follow; "soon", it must move first;
# "status" and "completion", the codes of a refusal.
TABLE = """
INITIATED                    soon     completion soon      completion  cancel
VALIDATING                   soon     completion soon      completion  cancel
ESCROWED                     soon     completion soon      completion  cancel
AWAITING                     ACCEPTED completion REJECTED  completion  cancel
AWAITING late                ACCEPTED completion REJECTED  completion  cancel
AWAITING accepted            soon     soon       soon      soon        cancel
AWAITING rejected            ACCEPTED completion written   completion  cancel
AWAITING offered             ACCEPTED completion soon      completion  cancel
NEGOTIATING                  status   completion status    completion  cancel
NEGOTIATING late             status   completion soon      completion  cancel
NEGOTIATING taken            soon     soon       soon      soon        cancel
NEGOTIATING declined         soon     completion soon      completion  cancel
NEGOTIATING countered        soon     completion soon      completion  cancel
AWAITING again               ACCEPTED completion REJECTED  completion  cancel
NEGOTIATING again            status   completion status    completion  cancel
AGREED                       start    start      withdraw  completion  status
DECLINED                     status   completion done      completion  done
ACCEPTED                     start    start      withdraw  completion  status
ACCEPTED late                start    start      withdraw  soon        status
ACCEPTED started             written  soon       withdraw  soon        status
ACCEPTED asked               done     early      withdraw  start?      status
ACCEPTED asked late          done     soon       withdraw  soon        status
ACCEPTED confirmed           done     soon       withdraw  written     status
ACCEPTED finished            done     done       withdraw  start?      status
ACCEPTED finished late       done     done       withdraw  soon        status
ACCEPTED finished confirmed  done     done       withdraw  soon        status
IN_PROGRESS                  done     finish     withdraw  done        status
IN_PROGRESS late             done     finish     withdraw  soon        status
IN_PROGRESS finished         done     written    withdraw  soon        status
IN_PROGRESS asked            done     done       withdraw  finish?     status
IN_PROGRESS asked late       done     done       withdraw  soon        status
IN_PROGRESS confirmed        done     done       withdraw  written     status
COMPLETED                    done     done       status    written     status
PAID                         status   done       status    done        status
PAID rated                   status   done       status    done        status
REJECTED                     status   completion done      completion  done
CANCELLED                    status   completion done      completion  done
WITHDRAWN                    status   completion done      completion  done
EXPIRED                      status   completion done      completion  done
DISPUTED                     done     completion status    completion  status
DISPUTED heard               done     completion status    completion  status
DISPUTED heard late          done     completion status    completion  status
DISPUTED assigned            done     completion status    completion  status
DISPUTED decided             done     completion status    completion  status
DISPUTED paid                done     completion status    completion  status
DISPUTED paid decided        done     completion status    completion  status
GRANTED                      status   completion done      completion  done
AWARDED                      status   done       status    done        status
DIVIDED                      status   done       status    done        status
DISMISSED                    done     finish     withdraw  done        status
PAID granted                 status   done       status    done        status
PAID dismissed               status   done       status    done        status
"""
ACTS: Mapping[tuple[str, str], str] = {
    ("WaitForServiceStart", "MARKED"): "start",
    ("ConfirmServiceStart", "CONFIRMED"): "start?",
    ("WaitForCompletion", "MARKED"): "finish",
    ("ConfirmServiceCompletion", "CONFIRMED"): "finish?",
}


def rows() -> list[tuple[str, list[str]]]:
    """Return each place of the table, with its five words."""
    found = [line.rsplit(maxsplit=5) for line in TABLE.strip().splitlines()]
    return [(place.strip(), words) for place, *words in found]


def word(called_for: Any) -> str:
    """Return the table's word for what a wish calls for."""
    if isinstance(called_for, Standing):
        return called_for.name.lower()
    if isinstance(called_for, Refusal):
        codes = {Code.INVALID_REQUEST_STATUS: "status", Code.INVALID_STATUS_FOR_COMPLETION: "completion"}
        return "soon" if called_for.is_transient else codes[called_for.code]
    assert isinstance(called_for, partial)
    given = called_for.keywords
    if called_for.func is answers.mark_work_early:
        return "early"
    if called_for.func is answers.end_early:
        return "cancel" if given["how"] is answers.CANCEL else "withdraw"
    return ACTS.get((given["wait"], given["response"]), given["response"])


def wished(bank: Bank, by: str, wanted: TransactionStatus) -> Any:
    return aim(bank.requests[REQUEST_ID], bank.now, by=by, wanted=wanted)


def test_the_table_has_every_place() -> None:
    assert [place for place, _ in rows()] == list(PATHS)


@pytest.mark.parametrize(("place", "words"), rows())
def test_each_wish_calls_for_what_the_table_says(place: str, words: list[str]) -> None:
    assert [word(wished(bank_at(place), by, wanted)) for by, wanted in WISHES] == words


@pytest.mark.parametrize("place", PATHS)
def test_whatever_is_called_for_is_done_or_said(place: str) -> None:
    for by, wanted in WISHES:
        bank = bank_at(place)
        called_for, request = wished(bank, by, wanted), bank.requests[REQUEST_ID]
        verdict = bank.move(partial(update_status, by=by, wanted=wanted))
        bank.check()
        if isinstance(called_for, Standing):
            assert verdict is request
            written = is_written(request, bank.now, by=by, wanted=wanted)
            assert written == (called_for is Standing.WRITTEN)
        elif isinstance(called_for, Refusal):
            assert verdict == called_for
            assert called_for.facts["status"] is not None
            assert f"{request.status}" in called_for.message
        else:
            assert isinstance(verdict, Change | Refusal)


def test_a_refusal_names_what_was_found_and_what_to_do() -> None:
    for place, (by, wanted), what in (
        ("AWAITING", (BOB, COMPLETED), "accept it first"),
        ("AWAITING", (ALICE, COMPLETED), "the provider must accept it"),
        ("NEGOTIATING", (BOB, IN_PROGRESS), "the requester answers"),
        ("ACCEPTED", (ALICE, COMPLETED), "has begun"),
        ("ACCEPTED", (ALICE, CANCELLED), "createDispute"),
        ("COMPLETED", (BOB, CANCELLED), "about to be paid"),
        ("PAID", (ALICE, CANCELLED), "it is paid"),
        ("DISPUTED", (BOB, COMPLETED), "an administrator decides"),
        ("DISPUTED", (BOB, CANCELLED), "an administrator decides"),
        ("DISPUTED", (ALICE, CANCELLED), "an administrator decides"),
        ("REJECTED", (BOB, IN_PROGRESS), "it is over"),
    ):
        refused = wished(bank_at(place), by, wanted)
        status = request_at(place).status
        assert what in refused.message
        assert refused.facts["requestStatus"] == status
        assert f"status: the transaction is {refused.facts['status']} (its request is {status})" in refused.message


def test_the_end_is_confirmed_when_the_provider_has_marked_it() -> None:
    bank = bank_at("ACCEPTED asked late")
    bank.move(waiting_for_completion())
    refused = wished(bank, ALICE, COMPLETED)
    assert isinstance(refused, Refusal)
    assert "the work is done" in refused.message
    assert refused.code is Code.INVALID_STATUS_FOR_COMPLETION


def waiting_for_completion() -> Any:
    return waiting(Step.WAIT_FOR_COMPLETION)


@pytest.mark.parametrize(
    "status", [RequestStatus.AWAITING_RESPONSE, RequestStatus.ACCEPTED, RequestStatus.IN_PROGRESS]
)
def test_a_request_whose_wait_is_not_open_yet_is_about_to_move(status: RequestStatus) -> None:
    bank = bank_at("AWAITING")
    moved_to(bank, status=status, wait=None)
    for by, wanted in WISHES:
        called_for = word(wished(bank, by, wanted))
        assert called_for in {"soon", "withdraw", "cancel", "completion", "status", "done"}
    assert word(wished(bank, BOB, IN_PROGRESS)) == ("done" if status is RequestStatus.IN_PROGRESS else "soon")


def test_a_status_that_is_so_already_is_repeated() -> None:
    assert wished(bank_at("AWAITING"), ALICE, PENDING) is Standing.DONE
    assert wished(bank_at("AWAITING"), BOB, PENDING) is Standing.DONE
    assert wished(bank_at("IN_PROGRESS"), ALICE, IN_PROGRESS) is Standing.DONE
    refused = wished(bank_at("AWAITING"), ALICE, IN_PROGRESS)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.UNAUTHORIZED_PROVIDER
    again = wished(bank_at("ACCEPTED"), BOB, PENDING)
    assert isinstance(again, Refusal)
    assert again.code is Code.INVALID_REQUEST_STATUS


def test_nobody_else_wishes_anything() -> None:
    for wanted in TransactionStatus:
        refused = wished(bank_at("AWAITING"), EVE, wanted)
        assert isinstance(refused, Refusal)
        assert refused.code is Code.REQUEST_NOT_FOUND


def test_only_what_may_end_a_request_reads_everything() -> None:
    for wanted in TransactionStatus:
        rule = partial(update_status, by=BOB, wanted=wanted)
        assert needs_whole_snapshot(rule, make_request()) is (wanted is CANCELLED)
