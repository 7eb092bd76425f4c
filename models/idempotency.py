"""Idempotency-Key: the first request with a key runs, the next ones get what it was answered. Pure rules.

A key is claimed before the work begins. A claim has a deadline, since its process may die: after it the next
request takes the claim over and runs the mutation again, which is repeatable by itself.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from models.errors import Code, Refusal
from models.identifiers import derived

KEPT_FOR = timedelta(hours=24)
# Longer than the 20 s that a movement is tried for.
CLAIMED_FOR = timedelta(seconds=30)
# A row has room for 400 KB.
LARGEST_ANSWER = 350_000


class KeyStatus(Enum):
    """How a key stands when a request comes with it."""

    FREE = auto()  # the request is to run: it is the first, or the one before has died or was not kept
    BUSY = auto()  # another request with this key runs
    ANSWERED = auto()
    MISUSED = auto()  # it belongs to another request


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """A request under a key.

    Args:
        id: the key's row; each caller has keys of their own.
        request_hash: what is asked.
    """

    id: str
    request_hash: str

    @classmethod
    def by(cls, sub: str, key: str, request_hash: str) -> "KeyedRequest":
        """Return a caller's request."""
        return cls(id=derived("idempotency", sub, key), request_hash=request_hash)

    @property
    def cause(self) -> str:
        """Return what the ids follow from that the request makes: run again, it makes the same."""
        return derived(self.id, self.request_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A key's row.

    Args:
        claim: who runs or ran the request, another one at each try.
        claimed_until: when that one counts as dead; None once it has ended.
        answer: the response as JSON, if it was kept.
    """

    id: str
    request_hash: str
    claim: str
    expires_at: datetime
    claimed_until: datetime | None = None
    answer: str | None = None

    @classmethod
    def claimed(cls, asked: KeyedRequest, claim: str, now: datetime, lasting: timedelta) -> "Record":
        """Return the row that claims a key."""
        return cls(
            id=asked.id,
            request_hash=asked.request_hash,
            claim=claim,
            expires_at=now + KEPT_FOR,
            claimed_until=now + lasting,
        )

    def answered(self, answer: str | None) -> "Record":
        """Return the row of a request that has ended; without an answer the next one runs again."""
        return replace(self, claimed_until=None, answer=answer)


def key_status(record: Record | None, asked: KeyedRequest, now: datetime) -> KeyStatus:
    """Return how a key stands; a row that has expired may be there still and counts as none."""
    if record is None or record.expires_at <= now:
        return KeyStatus.FREE
    if record.request_hash != asked.request_hash:
        return KeyStatus.MISUSED
    if record.answer is not None:
        return KeyStatus.ANSWERED
    is_claimed = record.claimed_until is not None and record.claimed_until > now
    return KeyStatus.BUSY if is_claimed else KeyStatus.FREE


def key_mismatch_refusal() -> Refusal:
    """Return the refusal of a key that belongs to another request."""
    return Refusal(
        Code.IDEMPOTENCY_MISMATCH,
        "This Idempotency-Key was used for another request of yours; send a new key with a new request.",
    )


def hash_of(document: str, variables: Mapping[str, Any] | None, operation_name: str | None) -> str:
    """Return the hash of a request; the order of its variables' members is nothing that it asks for.

    Raises:
        RecursionError: the variables are nested too deep.
    """
    request = {"query": document, "variables": variables or {}, "operationName": operation_name}
    return hashlib.sha256(json.dumps(request, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
