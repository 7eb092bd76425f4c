"""Removes the queues of servers that were killed: every server does so when it starts, and now and then."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from botocore.exceptions import ClientError

from models.changes import HEARTBEAT
from models.clock import Clock
from models.storage.calls import Calls
from models.storage.names import Names
from resolvers.feed.server_queues.server_queue import is_gone
from resolvers.feed.server_queues.subscriptions import subscriptions

# Without a heartbeat for so long, which comes every minute, a server is dead.
DEAD_AFTER = 600
# Queues that are removed in one sweep, and pages of queues that are listed.
_MOST_REMOVED = 20
_PAGES = 20
# SQS lists as many queues on one page.
_PAGE = 1_000

_log = structlog.get_logger(__name__)


class Orphans:
    """The queues that no server reads any more.

    Several servers may sweep at the same time: whatever is gone already is as it should be.

    Args:
        calls: the way to SQS and SNS.
        names: the deployment's names.
        clock: the time.
    """

    def __init__(self, calls: Calls, names: Names, clock: Clock) -> None:
        self._calls = calls
        self._names = names
        self._clock = clock
        # The name of a queue says when it was made.
        self._name = re.compile(rf"{re.escape(names.server_queues)}(\d+)-[0-9a-f]+\.fifo")

    async def sweep(self) -> int:
        """Remove orphans and their subscriptions, at most so many; return how many were removed.

        Raises:
            NoTopicError: the topic does not exist.
            botocore.exceptions.ClientError: AWS refuses it.
            botocore.exceptions.BotoCoreError: AWS does not answer.
        """
        # First the subscriptions, so that the queue of each existed before queues are listed.
        subscribed = await subscriptions(self._calls, self._names)
        queues, are_all = await self._queues()
        removed = 0
        for name in dict.fromkeys([*self._old(queues), *self._old(subscribed)]):
            if removed == _MOST_REMOVED:
                break
            if name in queues and await self._lives(queues[name]):
                continue
            if name not in queues and not are_all:
                continue  # its queue may be one of those that were not listed
            if name in subscribed:
                await self._calls.call("sns", "unsubscribe", SubscriptionArn=subscribed[name])
            if name in queues:
                await self._delete(queues[name])
            removed += 1
        if removed:
            _log.info("queues of servers that were killed are removed", queues=removed)
        return removed

    def _old(self, names: Mapping[str, str]) -> Iterator[str]:
        """Yield the names of those queues that were made so long ago that there must be a heartbeat."""
        now = self._clock().timestamp()
        for name in names:
            found = self._name.fullmatch(name)
            if found is not None and now - int(found[1]) > DEAD_AFTER:
                yield name

    async def _queues(self) -> tuple[dict[str, str], bool]:
        """Return the addresses of servers' queues, by their names, and whether these are all that exist."""
        found: dict[str, str] = {}
        more: dict[str, Any] = {}
        for _ in range(_PAGES):
            answer = await self._calls.call(
                "sqs", "list_queues", QueueNamePrefix=self._names.server_queues, MaxResults=_PAGE, **more
            )
            found |= {url.rpartition("/")[2]: url for url in answer.get("QueueUrls", ())}
            if (token := answer.get("NextToken")) is None:
                return found, True
            more = {"NextToken": token}
        return found, False

    async def _lives(self, url: str) -> bool:
        try:
            tags = await self._calls.call("sqs", "list_queue_tags", QueueUrl=url)
        except ClientError as error:
            if is_gone(error):
                return False
            raise
        beat = tags.get("Tags", {}).get(HEARTBEAT, "")
        return bool(beat.isdecimal() and self._clock().timestamp() - int(beat) <= DEAD_AFTER)

    async def _delete(self, url: str) -> None:
        try:
            await self._calls.call("sqs", "delete_queue", QueueUrl=url)
        except ClientError as error:
            if not is_gone(error):
                raise
