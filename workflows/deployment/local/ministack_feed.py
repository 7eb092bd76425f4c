"""Corrects MiniStack 1.4 where it differs from AWS in ways that matter to the change feed.

As in `ministack_mends`, each mend replaces one function by name, and `tests/integration/test_local_cloud.py` also
runs the replaced functions. Here are FIFO topics, and how functions read streams.
"""

# ruff: noqa: SLF001 — the mended functions and stores of MiniStack are private; it has no public ones

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from ministack.services import lambda_svc, sns
from ministack.services.cloudformation import provisioners

EventSource = tuple[str, str, dict[str, Any]]  # account, region, event source mapping

# Lambda reads each shard four times a second.
_INTERVAL = 0.25
_TOPIC = "AWS::SNS::Topic"

# The event source mapping that this thread looks after; None in all other threads.
_mine: ContextVar[EventSource | None] = ContextVar("mine", default=None)
_looked_after: set[str] = set()


def iter_all_esms() -> Iterator[EventSource]:
    """Yield all event source mappings; in a thread that looks after one, only that."""
    mine = _mine.get()
    yield from _upstream_mappings() if mine is None else (mine,)


def poll_dynamodb_streams() -> bool:
    """Look after each mapping in a thread of its own, so that no stream waits for another's function."""
    for source in _upstream_mappings():
        name = source[2]["UUID"]
        if name not in _looked_after and "/stream/" in source[2].get("EventSourceArn", ""):
            _looked_after.add(name)
            threading.Thread(target=_look_after, args=(source,), name=f"mapping-{name}", daemon=True).start()
    return False  # there is nothing left to do at once


def _look_after(source: EventSource) -> None:
    """Call a mapping's function with what is new in its stream, until the mapping is removed."""
    account, region, mapping = source
    _mine.set(source)
    while lambda_svc._esms.get_scoped(account, region, mapping["UUID"]) is mapping:
        try:
            has_read = _upstream_poll()
        except Exception:  # noqa: BLE001 — MiniStack's own loop goes on, too
            lambda_svc.logger.exception("a stream could not be read")
            has_read = False
        is_full = mapping["LastProcessingResult"] == f"OK - {mapping['BatchSize']} records"
        if not (has_read and is_full):
            time.sleep(_INTERVAL)
    _looked_after.discard(mapping["UUID"])


def create_topic(logical_id: str, properties: Mapping[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    """Create a topic; of a FIFO topic the messages are in order, and each is delivered once."""
    arn, attributes = _upstream_topic["create"](logical_id, properties, stack)
    if str(properties.get("FifoTopic")).lower() == "true":
        topic = sns._topics[arn]
        topic["attributes"] |= {"FifoTopic": "true", "ContentBasedDeduplication": "false"}
        topic |= {"dedup_cache": {}, "fifo_seq": 0}
    return arn, attributes


def fan_out(topic: str, *message: Any, **given: Any) -> None:
    """Deliver a message to a topic's subscribers; then forget it, as topics do."""
    _upstream_fan_out(topic, *message, **given)
    sns._topics[topic]["messages"].clear()


def prune_sns_dedup(topic: Mapping[str, Any]) -> None:
    """Forget the ids that may be used again; those that were used first stand first, so that few are looked at."""
    known, now = topic["dedup_cache"], time.time()
    while known and next(iter(known.values()))["expire"] <= now:
        del known[next(iter(known))]


_upstream_mappings: Callable[[], Iterator[EventSource]] = lambda_svc._iter_all_esms
_upstream_poll: Callable[[], bool] = lambda_svc._poll_dynamodb_streams
_upstream_fan_out: Callable[..., None] = sns._fanout
_upstream_topic: Mapping[str, Callable[..., Any]] = provisioners._RESOURCE_HANDLERS[_TOPIC]


def apply() -> None:
    """Install the mends in this process."""
    lambda_svc._iter_all_esms = iter_all_esms
    lambda_svc._poll_dynamodb_streams = poll_dynamodb_streams
    sns._fanout = fan_out
    sns._prune_sns_dedup = prune_sns_dedup
    provisioners._RESOURCE_HANDLERS[_TOPIC] = {**_upstream_topic, "create": create_topic}
    # Stream records do not survive a restart, so that each stream begins anew. MiniStack would go on where it was,
    # or, without a position, after what was written until it looks.
    positions = lambda_svc._dynamodb_stream_positions
    positions._data = dict.fromkeys(positions._data, 0)
