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

from ministack.services import dynamodb, lambda_svc, sns
from ministack.services.cloudformation import provisioners

EventSource = tuple[str, str, dict[str, Any]]  # account, region, event source mapping

# Lambda reads each shard four times a second.
_INTERVAL = 0.25
_TOPIC = "AWS::SNS::Topic"

# The event source mapping that this thread looks after; None in all other threads.
_mine: ContextVar[EventSource | None] = ContextVar("mine", default=None)
_busy: set[str] = set()
_watching = threading.Event()


def iter_all_esms() -> Iterator[EventSource]:
    """Yield all event source mappings; in a thread that looks after one, only that."""
    mine = _mine.get()
    yield from _upstream_mappings() if mine is None else (mine,)


def poll_dynamodb_streams() -> bool:
    """Let one thread look after all streams, which it does for as long as this process lives."""
    if not _watching.is_set():
        _watching.set()
        threading.Thread(target=_watch, name="streams", daemon=True).start()
    return False  # there is nothing left to do at once


def _watch() -> None:
    """Call the functions of streams in threads of their own, so that no stream waits for another's function."""
    while True:
        for source in list(_upstream_mappings()):
            name = source[2]["UUID"]
            if name not in _busy and _is_behind(source):
                _busy.add(name)
                threading.Thread(target=_catch_up, args=(source,), name=f"mapping-{name}", daemon=True).start()
        time.sleep(_INTERVAL)


def _is_behind(source: EventSource) -> bool:
    """Return whether a mapping's stream has records that were not read."""
    account, region, mapping = source
    arn = mapping.get("EventSourceArn", "")
    if "/stream/" not in arn:
        return False
    end: int = dynamodb.stream_end_position(arn.split("/")[1], account_id=account, region=region)
    position = lambda_svc._dynamodb_stream_positions.get_scoped(account, region, mapping["UUID"])
    return position is None or position < end


def _catch_up(source: EventSource) -> None:
    """Call a mapping's function with what is new in its stream, batch after batch while they are full.

    The first batch waits for the mapping's window; unlike Lambda's, even if it is full earlier.
    """
    mapping = source[2]
    _mine.set(source)
    try:
        time.sleep(mapping.get("MaximumBatchingWindowInSeconds", 0))
        if all(one["UUID"] != mapping["UUID"] for _, _, one in _upstream_mappings()):
            return  # deleted meanwhile, together with its position: it would read the stream from the beginning
        while _upstream_poll() and mapping["LastProcessingResult"] == f"OK - {mapping['BatchSize']} records":
            pass
    except Exception:  # noqa: BLE001 — MiniStack's own loop goes on, too
        lambda_svc.logger.exception("a stream could not be read")
    finally:
        _busy.discard(mapping["UUID"])


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
