"""What a decision tells and writes beside the hours, and what it refuses that no workflow asks for."""

from dataclasses import replace
from functools import partial

import pytest

from models import resolutions
from models.errors import BrokenLedgerError, Code, Refusal
from models.lifecycle import RequestStatus
from tests.unit.builders import REQUEST_ID, make_dispute
from tests.unit.places import QUARREL, bank_at, moved_to


@pytest.mark.parametrize(("place", "event"), [("DISPUTED heard", "assign"), ("DISPUTED assigned", "grant")])
def test_a_dispute_whose_request_has_gone_elsewhere_is_not_decided(place: str, event: str) -> None:
    bank = bank_at(place)
    moved_to(bank, status=RequestStatus.IN_PROGRESS)
    refused = bank.move(QUARREL[event])
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts["status"]) == (
        Code.INVALID_DISPUTE_STATUS,
        bank.disputes[make_dispute().id].status.value,
    )


def test_an_open_dispute_is_the_only_one_that_can_be_decided() -> None:
    bank = bank_at("DISPUTED assigned")
    (raised,) = bank.requests[REQUEST_ID].disputes
    moved_to(bank, disputes=(raised, replace(raised, id="another")))
    scene = bank.scene(bank.requests[REQUEST_ID], raised.id)
    for rule in (partial(resolutions.assign, by="ann"), QUARREL["award"]):
        refused = rule(scene, bank.now)
        assert isinstance(refused, Refusal)
        assert refused.code is Code.INVALID_DISPUTE_STATUS


def test_nothing_is_frozen_without_a_dispute() -> None:
    refused = bank_at("IN_PROGRESS").move(resolutions.frozen)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID_REQUEST_STATUS


def test_a_dispute_that_does_not_know_where_it_came_from_stops_everything() -> None:
    bank = bank_at("DISPUTED decided")
    dispute = bank.disputes[make_dispute().id]
    bank.disputes[dispute.id] = replace(dispute, status_before=None)
    with pytest.raises(BrokenLedgerError, match="does not say"):
        bank.move(QUARREL["resolve"])
