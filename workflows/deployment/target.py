"""Points AWS's clients to a deployment that exists already, and returns its settings."""

import os
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from pydantic import SecretStr

from models.errors import ExpectedError
from models.settings import Settings
from models.storage.outages import reason_of
from workflows.deployment.local.local_cloud import LocalCloud

# The person who starts the server waits for this call, so a missing endpoint must fail soon.
_FAIL_SOON = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})


class UnreachableError(ExpectedError):
    """AWS cannot be used; the message says what to check."""


def use_aws() -> Settings:
    """Return the settings of the deployment in the account that the credentials belong to.

    Raises:
        UnreachableError: AWS cannot be reached, or refuses the credentials.
    """
    # boto3 reads this variable, and not AWS_REGION.
    os.environ["AWS_DEFAULT_REGION"] = Settings().region
    try:
        account = boto3.Session().client("sts", config=_FAIL_SOON).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError, ResponseParserError, LookupError) as error:
        # The last two are of an answer that botocore cannot read.
        raise UnreachableError(
            f"AWS cannot be used; check AWS_REGION, AWS_ENDPOINT_URL and credentials: {reason_of(error)}"
        ) from None
    return Settings() if "HOURBANK_ACCOUNT" in os.environ else Settings(account=account)


def page_secret(settings: Settings) -> SecretStr:
    """Return the secret with which all servers of a deployment encrypt page tokens.

    Raises:
        UnreachableError: it cannot be read.
    """
    name = settings.names.page_secret
    try:
        answer = boto3.Session().client("secretsmanager", config=_FAIL_SOON).get_secret_value(SecretId=name)
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise UnreachableError(
            f"The secret {name} cannot be read; run `python server.py deploy` first, let this role read it, "
            f"or set HOURBANK_PAGE_SECRET: {error}"
        ) from None
    return SecretStr(answer["SecretString"])


def use_local_cloud(directory: Path) -> Settings:
    """Point AWS's clients to the local cloud of a running server, and return its settings.

    Raises:
        LocalCloudError: no server runs there.
    """
    settings = Settings()
    cloud = LocalCloud(directory, settings)
    cloud.attach()
    os.environ.update(cloud.environment)
    return settings
