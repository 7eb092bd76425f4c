"""What was in use before the last deployment, written down in Parameter Store when that begins."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Self

import boto3
from botocore.exceptions import ClientError

from models.storage.names import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerRelease:
    """What a rollback comes back to.

    Args:
        until: the fingerprint of the deployment that has replaced it; a deployment that is repeated, because it
            was interrupted, finds its own and leaves it alone.
        versions: the version of each function, by the function's name in the code.
        image: the servers' image; None if no servers were deployed.
    """

    until: str
    versions: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None

    @classmethod
    def read(cls, names: Names) -> Self | None:
        """Return the release before the last deployment; None if nothing was replaced yet."""
        try:
            found = boto3.Session().client("ssm").get_parameter(Name=_parameter(names))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":
                raise
            return None
        return cls(**json.loads(found["Parameter"]["Value"]))

    def write(self, names: Names) -> None:
        """Write it down, in place of the one before."""
        boto3.Session().client("ssm").put_parameter(
            Name=_parameter(names),
            Value=json.dumps(asdict(self), separators=(",", ":")),
            Type="String",
            Overwrite=True,
            Description="What HourBank's rollback comes back to",
        )


def _parameter(names: Names) -> str:
    return f"/{names.stack}/former-release"
