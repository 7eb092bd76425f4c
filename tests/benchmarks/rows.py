"""The rows that the benchmarks read: requests of five members of the demo, and as many others' as are wanted."""

import itertools
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from resolvers.hosting.demo_data import sub_of

DEMO_MEMBERS = ("alice", "bob", "carol", "dan", "emma")
MEMBERS = tuple(map(sub_of, DEMO_MEMBERS))
PAGE = 100  # requests of each member
_MESSAGES = ("Could you help me on Saturday?", "The gate is open.", "Thanks!")
_STATUSES = ("AWAITING_RESPONSE", "PAID", "REJECTED", "IN_PROGRESS")
_BATCH = 25

Row = dict[str, dict[str, str]]


OWN = PAGE * len(MEMBERS)


def requests(start: int, stop: int) -> Iterator[Row]:
    """Yield requests by their numbers as they are stored; those below `OWN` are the demo's members', in turn."""
    for number in range(start, stop):
        random = Random(number)  # noqa: S311 — no secret
        is_own = number < OWN
        requester = MEMBERS[number % len(MEMBERS)] if is_own else f"member-{number // PAGE}"
        moment = f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"
        yield {
            "id": {"S": f"bench-{number:04}"},
            "serviceId": {"S": f"service-{number % 7 if is_own else number // PAGE}"},
            "requesterId": {"S": requester},
            "providerId": {"S": random.choice(MEMBERS) if is_own else f"member-{number // PAGE + 1}"},
            "status": {"S": random.choice(_STATUSES)},
            "estimatedHours": {"N": str(random.randint(1, 40) / 4)},
            "message": {"S": random.choice(_MESSAGES)},
            "negotiationRound": {"N": "0"},
            "createdAt": {"S": moment},
            "updatedAt": {"S": moment},
            **({"agreedRate": {"N": "1.5"}} if number % 3 else {}),
        }


def write(dynamodb: Any, table: str, rows: Iterable[Row]) -> None:
    """Write rows in batches."""
    remaining = iter(rows)
    while batch := list(itertools.islice(remaining, _BATCH)):
        dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": row}} for row in batch]})
