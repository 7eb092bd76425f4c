"""How a key stands when a request comes with it, and what makes two requests equal."""

from dataclasses import replace
from datetime import UTC, datetime
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
ASKED = KeyedRequest.by("alice", "key", "hash")


def record(**changed: Any) -> Record:
    return replace(Record.claimed(ASKED, "claim", NOW, CLAIMED_FOR), **changed)


@pytest.mark.parametrize(
    ("found", "is_"),
    [
        (None, KeyStatus.FREE),
        (record(), KeyStatus.BUSY),
        (record(claimed_until=NOW), KeyStatus.FREE),
        (record(claimed_until=None), KeyStatus.FREE),
        (record(claimed_until=None, answer="{}"), KeyStatus.ANSWERED),
        (record(request_hash="other"), KeyStatus.MISUSED),
        (record(request_hash="other", claimed_until=NOW), KeyStatus.MISUSED),
        (record(request_hash="other", expires_at=NOW), KeyStatus.FREE),
        (record(answer="{}", expires_at=NOW), KeyStatus.FREE),
        (record(expires_at=NOW), KeyStatus.FREE),
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


def test_a_completed_request_has_its_answer_and_no_claim() -> None:
    completed = record().answered("{}")
    assert completed == record(claimed_until=None, answer="{}")


def test_ids_follow_from_the_key_and_the_request() -> None:
    causes = {
        KeyedRequest.by("alice", key, request_hash).cause for key in ("k", "l") for request_hash in ("a", "b")
    }
    assert len(causes) == 4
    assert KeyedRequest.by("alice", "key", "hash").cause == ASKED.cause


def test_a_key_of_another_request_is_refused_with_a_code() -> None:
    assert key_mismatch_refusal().code is Code.IDEMPOTENCY_MISMATCH
