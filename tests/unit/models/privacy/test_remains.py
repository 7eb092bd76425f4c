"""What remains of each kind of row, and that a second erasure changes nothing."""

import json
from typing import Any

import pytest

from models.identifiers import derived
from models.ledger.entries import ERASED
from models.ledger.transfers import STANDARD_DESCRIPTIONS
from models.privacy.remains import (
    cannot_be_erased,
    entry_remains,
    event_remains,
    exchange_remains,
    is_direct_transfer,
    is_gift_of,
    named,
    notice_remains,
    remains,
)
from models.privacy.traces import TRACES, Fate

ALICE, BOB = {"S": "alice"}, {"S": "bob"}
GONE = {"S": ERASED}
WORDS = {"S": "words"}


@pytest.mark.parametrize(
    ("table", "role", "other", "erased", "kept"),
    [
        ("Message", "senderId", "receiverId", {"content": GONE}, {}),
        ("Message", "receiverId", "senderId", {}, {"content": WORDS}),
        ("Rating", "raterId", "ratedUserId", {"feedback": None, "categories": None}, {"rating": {"N": "4"}}),
        ("Rating", "ratedUserId", "raterId", {"feedback": None, "categories": None}, {"rating": {"N": "4"}}),
        ("Report", "reporterId", "reportedUserId", {"description": GONE, "adminNotes": None}, {"reason": WORDS}),
        ("Report", "reportedUserId", "reporterId", {"description": GONE, "adminNotes": None}, {"reason": WORDS}),
        (
            "Dispute",
            "raisedBy",
            "againstUserId",
            {"description": GONE, "evidence": None, "resolution": None},
            {"disputeType": WORDS},
        ),
        (
            "Dispute",
            "againstUserId",
            "raisedBy",
            {"description": GONE, "evidence": None, "resolution": None},
            {"disputeType": WORDS},
        ),
        ("Dispute", "adminId", "raisedBy", {"resolution": None}, {"description": WORDS, "evidence": WORDS}),
        (
            "Booking",
            "consumerId",
            "providerId",
            {"notes": None, "cancellationReason": None},
            {"providerNotes": WORDS},
        ),
        (
            "Booking",
            "providerId",
            "consumerId",
            {"providerNotes": None, "cancellationReason": None},
            {"notes": WORDS},
        ),
        ("Transaction", "consumerId", "providerId", {"feedback": None}, {"description": WORDS}),
        ("Transaction", "providerId", "consumerId", {"feedback": None}, {"description": WORDS}),
        ("ServiceRequest", "requesterId", "providerId", {"message": GONE}, {"status": WORDS}),
        ("ServiceRequest", "providerId", "requesterId", {}, {"message": WORDS, "status": WORDS}),
    ],
)
def test_what_is_theirs_goes_and_the_rest_stays(
    table: str, role: str, other: str, erased: dict[str, Any], kept: dict[str, Any]
) -> None:
    ids = {"id": {"S": "1"}, role: ALICE, other: BOB}
    row = {**ids, **kept, **dict.fromkeys(erased, WORDS)}
    after = remains(table, row, "alice")
    assert after == {**ids, **kept, **{name: wire for name, wire in erased.items() if wire is not None}}
    assert remains(table, after, "alice") == after
    assert remains(table, {**ids, **kept}, "alice") == {**ids, **kept}
    assert remains(table, row, "carol") == row


def test_every_table_that_is_blanked_has_a_rule() -> None:
    row = {"id": {"S": "1"}}
    for trace in TRACES:
        if trace.fate is Fate.BLANKED:
            assert remains(trace.table, row, "alice") == row


def answer(by: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"M": {"by": by, "round": {"N": "1"}, "message": WORDS, **more}}


def silent(by: dict[str, Any]) -> dict[str, Any]:
    return {"M": {"by": by, "round": {"N": "1"}}}


def test_what_a_member_answered_stands_without_their_words() -> None:
    row: dict[str, Any] = {
        "requesterId": BOB,
        "providerId": ALICE,
        "message": WORDS,
        "answers": {"L": [answer(ALICE), answer(BOB), {"S": "odd"}]},
        "wait": {"M": {"name": WORDS, "answer": answer(ALICE)}},
        "passages": {"L": []},
        "negotiationRound": {"N": "1"},
    }
    assert remains("ServiceRequest", row, "alice") == {
        **row,
        "answers": {"L": [silent(ALICE), answer(BOB), {"S": "odd"}]},
        "wait": {"M": {"name": WORDS, "answer": silent(ALICE)}},
    }


@pytest.mark.parametrize(
    ("request_", "consumers", "providers"),
    [
        ({"message": WORDS}, GONE, WORDS),
        ({"message": GONE}, GONE, WORDS),
        ({}, WORDS, GONE),
        (None, GONE, GONE),
    ],
)
def test_an_exchange_says_what_the_consumer_wrote_or_the_title_of_the_provider(
    request_: dict[str, Any] | None, consumers: dict[str, Any], providers: dict[str, Any]
) -> None:
    row = {"consumerId": ALICE, "providerId": BOB, "description": WORDS, "feedback": WORDS}
    for member, description in (("alice", consumers), ("bob", providers)):
        after = exchange_remains(row, request_, member)
        assert after == {"consumerId": ALICE, "providerId": BOB, "description": description}
        assert exchange_remains(after, request_, member) == after


def test_an_entry_loses_its_text_and_its_salt_and_keeps_its_digest() -> None:
    sealed = {"description": WORDS, "descriptionDigest": {"S": "d"}, "hash": {"S": "h"}}
    for row in ({**sealed, "descriptionSalt": {"S": "s"}}, {**sealed, "description": GONE}):
        assert remains("TransactionLog", row, "alice") == entry_remains(row) == {**sealed, "description": GONE}
    ours = {"description": WORDS, "hash": {"S": "h"}}
    assert entry_remains(ours) == ours


def event(data: object) -> dict[str, Any]:
    return {"id": {"S": "1"}, "eventData": {"S": json.dumps(data, sort_keys=True)}}


def test_an_event_keeps_its_facts() -> None:
    facts = {"amount": 1.5, "statusReason": "DISPUTE_PAID"}
    told = dict.fromkeys(("description", "message", "reason"), "words")
    after = event({**facts, **dict.fromkeys(told, ERASED)})
    assert remains("EventLog", event({**facts, **told}), "alice") == event_remains(after) == after
    for unchanged in (event({**facts, "message": None}), event(["words"]), {"id": {"S": "1"}}):
        assert event_remains(unchanged) == unchanged
    as_written = {"eventData": {"S": '{"b":1,  "message":"(erased)"}'}}
    assert event_remains(as_written) == as_written
    odd = {"eventData": {"S": "no JSON"}}
    assert event_remains(odd) == odd


@pytest.mark.parametrize(
    ("message", "after"),
    [
        ("The provider has declined. “No ”time“, sorry”", f"The provider has declined. “{ERASED}”"),
        ("2.00 hours were paid for Garden help.", f"2.00 hours were paid for {ERASED}."),
        ("2.00 hours were paid for A. B.", f"2.00 hours were paid for {ERASED}."),
        ("2.00 hours for Garden help are yours.", "2.00 hours for Garden help are yours."),
        ("The work is\n“done\nor so”: 2.00 hours", f"The work is\n“{ERASED}”: 2.00 hours"),
    ],
)
def test_a_notice_tells_no_more_what_somebody_wrote(message: str, after: str) -> None:
    row = {"id": {"S": "1"}, "message": {"S": message}}
    assert notice_remains(row) == {"id": {"S": "1"}, "message": {"S": after}}
    assert notice_remains(notice_remains(row)) == notice_remains(row)


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "userId": ALICE,
        "transactionId": {"S": derived("t", "transfer")},
        "relatedEntityId": {"S": "t"},
        "transactionType": {"S": "TRANSFER"},
        "amount": {"N": "-1"},
        "description": WORDS,
        **changes,
    }


def test_who_gave_hours_wrote_what_is_said_about_them() -> None:
    assert is_gift_of(entry(), "alice")
    for changes in (
        {"userId": BOB},
        {"amount": {"N": "1"}},
        {"transactionType": {"S": "ADMIN_ADJUSTMENT"}},
        {"transactionId": {"S": derived("t", "release")}},
    ):
        assert not is_gift_of(entry(**changes), "alice")
    assert is_direct_transfer(entry())
    assert not is_direct_transfer(entry(relatedEntityId={"S": "u"}))


def test_a_text_that_the_hash_itself_covers_cannot_be_erased() -> None:
    assert cannot_be_erased(entry())
    assert not cannot_be_erased(entry(descriptionDigest={"S": "d"}))
    assert not cannot_be_erased(entry(transactionId={"S": "another"}))
    for ours in STANDARD_DESCRIPTIONS:
        assert not cannot_be_erased(entry(description={"S": ours}))


def test_a_field_may_name_nobody() -> None:
    assert (named({"by": ALICE}, "by"), named({}, "by"), named({"by": {"NULL": True}}, "by")) == (
        "alice",
        None,
        None,
    )
