"""The settings that the server and the Lambda handlers share, read from `HOURBANK_*` variables.

AWS's own settings (region, credentials, endpoints) come from the standard `AWS_*` variables.
"""

from datetime import timedelta
from typing import Annotated

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.changes import Feed
from models.ledger.approvals import DEFAULT_APPROVAL, ApprovalLimits
from models.requests.windows import DEFAULT_WINDOWS, Windows
from models.storage.names import Names, partition_of

_Window = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=365))]


# Characters of a stack's name: what stands behind it in the names of resources has to fit, too.
LONGEST_STACK = 31


class Settings(BaseSettings):
    """What differs between deployments. Windows are ISO-8601 durations (`PT24H`), a year at most."""

    model_config = SettingsConfigDict(env_prefix="HOURBANK_", frozen=True, env_nested_delimiter="_")

    stack: str = Field("hourbank", pattern=r"^[A-Za-z][A-Za-z0-9-]*$", max_length=LONGEST_STACK)
    region: str = Field("us-east-1", validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"))
    account: str = Field("000000000000", pattern=r"^\d{12}$")

    response_window: _Window = DEFAULT_WINDOWS.response
    negotiation_window: _Window = DEFAULT_WINDOWS.negotiation
    confirmation_window: _Window = DEFAULT_WINDOWS.confirmation
    mark_window: _Window = DEFAULT_WINDOWS.mark
    decision_window: _Window = DEFAULT_WINDOWS.decision
    dispute_window: _Window = DEFAULT_WINDOWS.dispute

    # How servers hear of changes. Two readers at most may share a stream, and a function is one of them: several
    # servers need queues. By default a local server reads the streams, and a deployment to AWS has queues.
    feed: Feed | None = None

    # When an administrator needs a second one, by the names in `ApprovalLimits`: HOURBANK_APPROVAL_HOURS=250.
    approval: ApprovalLimits = DEFAULT_APPROVAL

    @property
    def names(self) -> Names:
        """Return the naming scheme of this deployment."""
        return Names(
            stack=self.stack, region=self.region, account=self.account, partition=partition_of(self.region)
        )

    def feed_of(self, *, is_local: bool) -> Feed:
        """Return how the servers of this deployment hear of changes."""
        return self.feed or (Feed.STREAMS if is_local else Feed.QUEUE)

    @property
    def windows(self) -> Windows:
        """Return how long the workflows wait for people."""
        return Windows(
            response=self.response_window,
            negotiation=self.negotiation_window,
            confirmation=self.confirmation_window,
            mark=self.mark_window,
            decision=self.decision_window,
            dispute=self.dispute_window,
        )
