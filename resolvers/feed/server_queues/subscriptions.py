"""Which queues the topic of changes has subscribed."""

from typing import Any

from botocore.exceptions import ClientError

from models.errors import ExpectedError
from models.storage.calls import Calls
from models.storage.names import Names

# A FIFO topic has 100 subscriptions at most, and a page has as many.
_PAGES = 5
# Codes of SNS's errors, by its older and its newer protocol.
_NO_TOPIC = frozenset({"NotFound", "NotFoundException"})


class NoTopicError(ExpectedError):
    """The deployment publishes no changes."""

    def __init__(self) -> None:
        super().__init__(
            "The deployment publishes no changes. Deploy it with HOURBANK_FEED=queue; or, if this is its only "
            "server, set HOURBANK_FEED=streams."
        )


async def subscriptions(calls: Calls, names: Names) -> dict[str, str]:
    """Return the ARNs of the topic's subscriptions, by the names of their queues.

    Raises:
        NoTopicError: the topic does not exist.
        botocore.exceptions.ClientError: AWS refuses it.
        botocore.exceptions.BotoCoreError: AWS does not answer.
    """
    found: dict[str, str] = {}
    more: dict[str, Any] = {}
    for _ in range(_PAGES):
        try:
            answer = await calls.call(
                "sns", "list_subscriptions_by_topic", TopicArn=names.change_topic_arn, **more
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _NO_TOPIC:
                raise NoTopicError from error
            raise
        found |= {one["Endpoint"].rpartition(":")[2]: one["SubscriptionArn"] for one in answer["Subscriptions"]}
        if (token := answer.get("NextToken")) is None:
            break
        more = {"NextToken": token}
    return found
