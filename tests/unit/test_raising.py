"""What speaks against a dispute, and what it tells."""

import pytest

from models import raising
from models.errors import BrokenLedgerError
from tests.unit.builders import REQUEST_ID
from tests.unit.places import bank_at


def test_nothing_is_held_for_no_dispute() -> None:
    bank = bank_at("IN_PROGRESS")
    with pytest.raises(BrokenLedgerError, match="by no dispute"):
        raising.held_for(bank.scene(bank.requests[REQUEST_ID]))
