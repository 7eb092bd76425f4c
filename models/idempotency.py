"""Idempotency-Key: the first request with a key runs, and later ones get its stored answer. Pure rules.

A key is claimed before the work begins. A claim has a deadline because its process may die: after the deadline the
next request takes the claim over and runs the mutation again, which every mutation allows.
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
from models.limits import fixed_limit

KEPT_FOR = fixed_limit(
    timedelta(hours=24),
    "time for which an answer is kept for its Idempotency-Key",
    topic="requests and sockets",
    code="none: a repetition runs again",
)
# Longer than the 20 s for which a movement is retried.
CLAIMED_FOR = fixed_limit(
    timedelta(seconds=30),
    "time for which an Idempotency-Key is held by a request whose server may have died",
    topic="requests and sockets",
    code="CONTENTION",
)
# In characters; a DynamoDB row has room for 400 KB.
LARGEST_ANSWER = 350_000


class KeyStatus(Enum):
    """The state of a key when a request arrives with it."""

    NEW = auto()  # run the request: it is the first, or the one before it died or left no answer
    IN_PROGRESS = auto()  # another request with this key is running
    COMPLETED = auto()  # the answer is stored
    MISMATCH = auto()  # the key belongs to a different request


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """A request that was sent with a key.

    Args:
        id: the id of the key's row; each caller has their own keys.
        request_hash: the hash of what the request asks for.
    """

    id: str
    request_hash: str

    @classmethod
    def by(cls, sub: str, key: str, request_hash: str) -> "KeyedRequest":
        """Return the request that a caller sent with a key."""
        return cls(id=derived("idempotency", sub, key), request_hash=request_hash)

    @property
    def cause(self) -> str:
        """Return what the ids of the rows it creates are derived from: a second run creates the same ones."""
        return derived(self.id, self.request_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A key's row.

    Args:
        claim: an id for the run of the request; each run has its own.
        claimed_until: when that run counts as dead; None once it has ended.
        answer: the response as JSON, if it was stored.
    """

    id: str
    request_hash: str
    claim: str
    expires_at: datetime
    claimed_until: datetime | None = None
    answer: str | None = None

    @classmethod
    def claimed(cls, request: KeyedRequest, claim: str, now: datetime, lasting: timedelta) -> "Record":
        """Return the row that claims a key for as long as `lasting`."""
        return cls(
            id=request.id,
            request_hash=request.request_hash,
            claim=claim,
            expires_at=now + KEPT_FOR,
            claimed_until=now + lasting,
        )

    def answered(self, answer: str | None) -> "Record":
        """Return the row of a request that has ended; without an answer the next request runs again."""
        return replace(self, claimed_until=None, answer=answer)


def key_status(record: Record | None, request: KeyedRequest, now: datetime) -> KeyStatus:
    """Return a key's state; an expired row that DynamoDB has not deleted yet does not count."""
    if record is None or record.expires_at <= now:
        return KeyStatus.NEW
    if record.request_hash != request.request_hash:
        return KeyStatus.MISMATCH
    if record.answer is not None:
        return KeyStatus.COMPLETED
    is_claimed = record.claimed_until is not None and record.claimed_until > now
    return KeyStatus.IN_PROGRESS if is_claimed else KeyStatus.NEW


def key_mismatch_refusal() -> Refusal:
    """Return the refusal for a key that belongs to a different request."""
    return Refusal(
        Code.IDEMPOTENCY_MISMATCH,
        "You used this Idempotency-Key for a different request; send a new key with each new request.",
    )


def hash_of(document: str, variables: Mapping[str, Any] | None, operation_name: str | None) -> str:
    """Return the hash of a request; the order of the members of its variables does not matter.

    Raises:
        RecursionError: the variables are nested too deeply.
    """
    request = {"query": document, "variables": variables or {}, "operationName": operation_name}
    return hashlib.sha256(json.dumps(request, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
