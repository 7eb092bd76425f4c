"""The admins' topic: they are told which dispute waits for them, and which has waited too long."""

import json

from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services


async def tell_admins(services: Services, event: Event) -> None:
    """Publish an event of the bus, at least once."""
    await services.calls.call(
        "sns",
        "publish",
        TopicArn=services.names.admin_topic_arn,
        Subject=event["detail-type"],
        Message=json.dumps(event["detail"]),
    )


handler = handles(tell_admins)
