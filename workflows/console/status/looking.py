"""Looks at a deployment: reads queues, indexes, executions and metrics, within bounds, and has them judged.

No table is scanned. What has a bound is read up to it, and is then said to be more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import Index

from models import tables
from models.changes import HEARTBEAT, Feed
from models.clock import from_text
from models.errors import UnavailableError
from models.ledger.approvals import REQUESTED, PendingApproval
from models.requests.dispute import DECIDED, DisputeStatus
from models.requests.request import DUE_SHARDS
from models.requests.statuses import ENDED, RequestStatus
from models.storage.codec import decode
from models.storage.store import Item, Page, Store, read_pages
from models.tables import Table
from models.transactions.members import ERASURE_BEGUN
from workflows.console.privacy.erasing import unfinished_of
from workflows.console.status import judging
from workflows.console.status.endings import Endings
from workflows.console.status.judging import FeedQueue, Stuck
from workflows.console.status.readings import Count, Reading, Status
from workflows.executions.services import Services

# What is called, by botocore's names.
SERVICES = ("dynamodb", "stepfunctions", "sqs", "cloudwatch")

# Rows of an index that are counted, for each of its hash keys, and rows that are read whole.
_MOST_COUNTED = 1_000
_MOST_READ = 500
# Servers whose queues are looked at.
_MOST_QUEUES = 50
# The functions that read streams, whose age CloudWatch keeps for each minute.
_READERS = ("publishEvents", "publishChanges")
_AGE_WITHIN = timedelta(minutes=5)
_MINUTE = 60

Read = Callable[[str, datetime], Awaitable[Reading]]


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a deployment, which may be repeated.

    Args:
        services: the way to the deployment.
        on_aws: whether it is on AWS, and not on the local cloud.
    """

    services: Services
    on_aws: bool

    async def status(self) -> Status:
        """Return how the deployment fares; what cannot be read is a reading that needs a look."""
        now = self.services.clock()
        reads: Mapping[str, Read] = {
            "dead letters": self._dead_letters,
            "servers' queues": self._feed_queues,
            "change feed": self._feed_lag,
            "overdue waits": self._waits,
            "stuck requests": self._stuck,
            "failed executions": Endings(self.services).reading,
            "reconciliation": self._reconciliation,
            "open disputes": self._disputes,
            "approvals": self._approvals,
            "erasures": self._erasures,
        }
        readings = await asyncio.gather(*(_read(name, read, now) for name, read in reads.items()))
        return Status(stack=self.services.names.stack, at=now, readings=readings, on_aws=self.on_aws)

    @property
    def _store(self) -> Store:
        return self.services.store

    async def _dead_letters(self, name: str, _now: datetime) -> Reading:
        found = await self._queue_attributes(self.services.names.dead_letter_queue_url)
        return judging.dead_letters(name, *found)

    async def _queue_attributes(self, url: str) -> tuple[int, int]:
        """Return how many messages of a queue are visible, and how many somebody is reading."""
        wanted = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        answer = await self.services.calls.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=wanted)
        visible, hidden = (int(answer["Attributes"].get(one, 0)) for one in wanted)
        return visible, hidden

    async def _feed_queues(self, name: str, now: datetime) -> Reading:
        answer = await self.services.calls.call(
            "sqs", "list_queues", QueueNamePrefix=self.services.names.server_queues, MaxResults=_MOST_QUEUES
        )
        queues = await asyncio.gather(*map(self._feed_queue, answer.get("QueueUrls", ())))
        return judging.feed_queues(name, queues, now, is_needed=self.services.feed is Feed.QUEUE)

    async def _feed_queue(self, url: str) -> FeedQueue:
        waiting, _ = await self._queue_attributes(url)
        tags = await self.services.calls.call("sqs", "list_queue_tags", QueueUrl=url)
        beat = tags.get("Tags", {}).get(HEARTBEAT, "")
        lived = datetime.fromtimestamp(int(beat), UTC) if beat.isdecimal() else None
        return FeedQueue(name=url.rpartition("/")[2], waiting=waiting, beat=lived)

    async def _feed_lag(self, name: str, now: datetime) -> Reading:
        names = self.services.names
        answer = await self.services.calls.call(
            "cloudwatch",
            "get_metric_data",
            MetricDataQueries=[_age_of(names.function(reader), reader) for reader in _READERS],
            StartTime=now - _AGE_WITHIN,
            EndTime=now,
        )
        ages = {one["Id"]: max(one["Values"]) for one in answer["MetricDataResults"] if one.get("Values")}
        return judging.feed_lag(name, ages)

    async def _waits(self, name: str, now: datetime) -> Reading:
        shards = await asyncio.gather(*(self._shard(str(shard), now) for shard in range(DUE_SHARDS)))
        live = sum((one for one, _, _ in shards), Count(0))
        overdue = sum((one for _, one, _ in shards), Count(0))
        oldest = min((one for _, _, one in shards if one is not None), key=lambda one: one[1], default=None)
        return judging.waits(name, live, overdue, oldest, now)

    async def _shard(self, shard: str, now: datetime) -> tuple[Count, Count, tuple[str, datetime] | None]:
        """Return how many requests of a shard are live, how many are due, and the one that has long been due."""
        index, due = tables.ServiceRequest.byDueAt, tables.ServiceRequest.dueAt < now
        live = await self._count(tables.ServiceRequest, index, shard)
        overdue = await self._count(tables.ServiceRequest, index, shard, due)
        first = await self._store.query(tables.ServiceRequest, index, shard, range_condition=due, limit=1)
        oldest = next(((row["id"]["S"], from_text(row["dueAt"]["S"])) for row in first.items), None)
        return live, overdue, oldest

    async def _count(
        self, table: type[Table], index: Index[Any], key: str, condition: Condition | None = None
    ) -> Count:
        page = await self._store.query(
            table, index, key, range_condition=condition, limit=_MOST_COUNTED, count_only=True
        )
        return Count(page.read, page.last_key is None)

    async def _stuck(self, name: str, now: datetime) -> Reading:
        live = [status for status in RequestStatus if status not in ENDED]
        found = await asyncio.gather(*map(self._stuck_in, live))
        stuck = sorted((one for some, _ in found for one in some), key=lambda one: (one.since or now, one.id))
        return judging.stuck(name, stuck, now, is_all=all(is_all for _, is_all in found))

    async def _stuck_in(self, status: RequestStatus) -> tuple[list[Stuck], bool]:
        """Return the requests in a status whose executions fail, and whether all in that status were read."""
        table = tables.ServiceRequest
        fails = table.failingSince.exists() | table.dueAt.does_not_exist()
        read = partial(self._store.query, table, table.byStatus, status.value, filter=fails)
        pages = [page async for page in read_pages(read, limit=_MOST_READ, most_pages=4, most_rows=_MOST_READ)]
        return [_stuck(row) for page in pages for row in page.items], pages[-1].last_key is None

    async def _reconciliation(self, name: str, now: datetime) -> Reading:
        reports = self.services.reports
        table = self.services.names.table(tables.ReconciliationReport)
        described = await self.services.calls.call("dynamodb", "describe_table", TableName=table)
        deployed_at = described["Table"]["CreationDateTime"]
        return judging.reconciliation(name, await reports.last(), await reports.running(), deployed_at, now)

    async def _disputes(self, name: str, now: datetime) -> Reading:
        table, count, oldest = tables.Dispute, Count(0), []
        for status in DisputeStatus:
            if status in DECIDED:
                continue
            count += await self._count(table, table.byStatus, status.value)
            page = await self._store.query(table, table.byStatus, status.value, limit=1)
            oldest += [(row["id"]["S"], from_text(row["createdAt"]["S"])) for row in page.items]
        first = min(oldest, key=lambda one: one[1], default=None)
        return judging.disputes(name, count, first, self.services.windows.decision, now)

    async def _approvals(self, name: str, now: datetime) -> Reading:
        """Read the approvals that the events of the last days are about: the table itself has no index."""
        since = now - timedelta(days=self.services.approval.days)
        asked = await self._events(REQUESTED, tables.EventLog.createdAt > since)
        transfers = dict.fromkeys(row["entityId"]["S"] for row in asked.items)
        rows = await self._store.batch_get([(tables.TransferApproval, one) for one in transfers])
        pending = [decode(PendingApproval, tables.TransferApproval, row) for row in rows if row is not None]
        waiting = {one.id: one.created_at for one in pending if one.expires_at > now}
        return judging.approvals(name, waiting, now, is_all=asked.last_key is None)

    async def _erasures(self, name: str, now: datetime) -> Reading:
        begun = await self._events(ERASURE_BEGUN)
        left = await unfinished_of(self._store, begun.items)
        return judging.erasures(name, left, now, is_all=begun.last_key is None)

    async def _events(self, type_: str, condition: Condition | None = None) -> Page:
        """Return the latest events of a type."""
        log = tables.EventLog
        return await self._store.query(
            log, log.byEventType, type_, range_condition=condition, limit=_MOST_READ, forward=False
        )


async def _read(name: str, read: Read, now: datetime) -> Reading:
    try:
        return await read(name, now)
    except (BotoCoreError, ClientError, UnavailableError) as error:
        return judging.unreadable(name, error)


def _stuck(row: Item) -> Stuck:
    since = from_text(row["failingSince"]["S"]) if "failingSince" in row else None
    return Stuck(id=row["id"]["S"], since=since, is_given_up="dueAt" not in row)


def _age_of(function: str, name: str) -> dict[str, Any]:
    """Return the query for a function's age behind its stream, in milliseconds."""
    metric = {
        "Namespace": "AWS/Lambda",
        "MetricName": "IteratorAge",
        "Dimensions": [{"Name": "FunctionName", "Value": function}],
    }
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": _MINUTE, "Stat": "Maximum"}}
