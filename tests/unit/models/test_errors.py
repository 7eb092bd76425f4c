"""Refusals are values with a code."""

import dataclasses

import pytest

from models.errors import BrokenLedgerError, Code, ContentionError, HourBankError, Refusal, UnavailableError


def test_every_code_is_its_own_text_but_for_appsyncs_two() -> None:
    named = {code.value: code.name for code in Code if code.value != code.name}
    assert named == {"BadRequest": "BAD_REQUEST", "Unauthorized": "UNAUTHORIZED"}


def test_a_refusal_is_a_value() -> None:
    refusal = Refusal(Code.DEADLINE_PASSED, "Too late.", {"deadline": "…"})
    assert refusal == Refusal(Code.DEADLINE_PASSED, "Too late.", {"deadline": "…"})
    assert not refusal.is_transient
    assert not issubclass(Refusal, BaseException)
    with pytest.raises(dataclasses.FrozenInstanceError):
        refusal.code = Code.SUPERSEDED  # type: ignore[misc]  # that is what is tested


def test_a_refusal_may_have_no_facts() -> None:
    assert Refusal(Code.SUPERSEDED, "Too late.").facts == {}


def test_whoever_is_not_answered_is_told_whether_it_may_have_been_done() -> None:
    not_done, unknown = UnavailableError(), UnavailableError(is_outcome_unknown=True)
    assert [error.is_outcome_unknown for error in (not_done, unknown)] == [False, True]
    assert str(not_done).endswith("send this again in a few seconds.")
    assert str(unknown).endswith("it is done once at most.")


@pytest.mark.parametrize("error", [ContentionError, BrokenLedgerError])
def test_our_errors_have_one_root(error: type[Exception]) -> None:
    assert issubclass(error, HourBankError)
