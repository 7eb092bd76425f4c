"""Refusals are values with a code."""

import dataclasses

import pytest

from models.errors import BrokenLedgerError, Code, ContentionError, HourBankError, Refusal


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


@pytest.mark.parametrize("error", [ContentionError, BrokenLedgerError])
def test_our_errors_have_one_root(error: type[Exception]) -> None:
    assert issubclass(error, HourBankError)
