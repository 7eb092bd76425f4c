"""A key belongs to one request of one caller; its row says whether to run the request, to wait, or to replay."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.errors import Code
from models.idempotency import (
    CLAIMED_FOR,
    KEPT_FOR,
    KeyedRequest,
    KeyStatus,
    Record,
    hash_of,
    key_mismatch_refusal,
    key_status,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
ASKED = KeyedRequest.by("alice", "key", "hash")


def record(**changed: Any) -> Record:
    return replace(Record.claimed(ASKED, "claim", NOW, CLAIMED_FOR), **changed)


@pytest.mark.parametrize(
    ("found", "is_"),
    [
        (None, KeyStatus.NEW),
        (record(), KeyStatus.IN_PROGRESS),
        (record(claimed_until=LATER, expires_at=LATER), KeyStatus.IN_PROGRESS),
        (record(claimed_until=NOW), KeyStatus.NEW),
        (record(claimed_until=None), KeyStatus.NEW),
        (record(claimed_until=None, answer="{}"), KeyStatus.COMPLETED),
        (record(request_hash="other"), KeyStatus.MISMATCH),
        (record(request_hash="other", claimed_until=NOW), KeyStatus.MISMATCH),
        (record(request_hash="other", expires_at=NOW), KeyStatus.NEW),
        (record(answer="{}", expires_at=NOW), KeyStatus.NEW),
        (record(expires_at=NOW), KeyStatus.NEW),
    ],
)
def test_how_a_key_stands(found: Record | None, is_: KeyStatus) -> None:
    assert key_status(found, ASKED, NOW) is is_


def test_a_claim_is_shorter_than_the_answer_is_kept() -> None:
    claimed = record()
    assert claimed.claimed_until == NOW + CLAIMED_FOR < claimed.expires_at == NOW + KEPT_FOR


def test_a_request_is_its_document_variables_and_operation() -> None:
    first = hash_of("mutation A { x }", {"a": 1, "b": {"c": 2, "d": 3}}, "A")
    assert first == hash_of("mutation A { x }", {"b": {"d": 3, "c": 2}, "a": 1}, "A")
    assert hash_of("m", None, None) == hash_of("m", {}, None)
    # What was asked before an update is known after it.
    kept = "42f49e77f902082c0ed71b4ea35c1050cb7951ba92dab8ee6999bba1b6c289fa"
    assert hash_of("{ a }", {"b": 1, "c": [2]}, "A") == kept
    others = {hash_of("m", {"a": order}, name) for order in ([1, 2], [2, 1]) for name in (None, "A")}
    assert len(others | {first, hash_of("mutation B { x }", {"a": 1, "b": {"c": 2, "d": 3}}, "A")}) == 6


def test_each_caller_has_keys_of_their_own() -> None:
    assert len({KeyedRequest.by(sub, key, "hash").id for sub in ("alice", "bob") for key in ("k", "l")}) == 4


def test_another_request_with_the_key_is_refused() -> None:
    refusal = key_mismatch_refusal()
    assert refusal.code is Code.IDEMPOTENCY_MISMATCH
    assert "new key" in refusal.message


def test_a_claim_names_key_request_and_run() -> None:
    lasting = timedelta(seconds=5)
    assert Record.claimed(ASKED, "mine", NOW, lasting) == Record(
        id=ASKED.id,
        request_hash="hash",
        claim="mine",
        expires_at=NOW + KEPT_FOR,
        claimed_until=NOW + lasting,
    )


@pytest.mark.parametrize("answer", ["{}", None])
def test_a_request_that_has_ended_claims_nothing_and_keeps_its_answer(answer: str | None) -> None:
    claimed = record()
    ended = claimed.answered(answer)
    assert ended == replace(claimed, claimed_until=None, answer=answer)
    assert key_status(ended, ASKED, NOW) is (KeyStatus.NEW if answer is None else KeyStatus.COMPLETED)


def test_what_a_request_creates_follows_from_key_and_request() -> None:
    causes = [KeyedRequest.by("alice", key, asked).cause for key in ("k", "l") for asked in ("hash", "other")]
    assert len(set(causes)) == 4
    assert causes[0] == KeyedRequest.by("alice", "k", "hash").cause
