"""Where a deployment is that stands already: AWS's clients are led there, and its settings known."""

import os
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from models.errors import ExpectedError
from models.settings import Settings
from workflows.deployment.local.local_cloud import LocalCloud

# Whoever starts the server waits for the answer: an endpoint that is not there is told of soon.
_QUICKLY = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})


class UnreachableError(ExpectedError):
    """AWS cannot be used; the message says what to look at."""


def settings_on_aws() -> Settings:
    """Return the settings for the account that the credentials belong to.

    Raises:
        UnreachableError: AWS cannot be reached, or does not know us.
    """
    # The SDKs read only the second of the two.
    os.environ["AWS_DEFAULT_REGION"] = Settings().region
    try:
        account = boto3.client("sts", config=_QUICKLY).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise UnreachableError(
            f"AWS cannot be used; check AWS_REGION, AWS_ENDPOINT_URL and credentials: {error}"
        ) from None
    return Settings() if "HOURBANK_ACCOUNT" in os.environ else Settings(account=account)


def settings_here(directory: Path) -> Settings:
    """Lead AWS's clients to the local cloud of a server that runs."""
    settings = Settings()
    cloud = LocalCloud(directory, settings)
    cloud.attach()
    os.environ.update(cloud.environment)
    return settings
