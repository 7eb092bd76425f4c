"""An engine with our tables, in a process of its own; the command line chooses which."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import boto3
import pytest

from models.settings import Settings
from models.storage.names import Names
from models.tables import TABLES, Table
from tests.engines.dynamodb_local import dynamodb_local
from tests.engines.tables import create_table_parameters
from workflows.deployment.local.local_cloud import LocalCloud


@contextmanager
def running(engine: str, directory: Path, stack: str) -> Iterator[Names]:
    """Run an engine with our tables only, and lead this process's AWS clients to it.

    Args:
        engine: `ministack` or `dynamodb-local`.
        directory: where it may keep its rows.
        stack: the prefix of the tables' names.
    """
    names = Settings(stack=stack).names
    begun = _ministack(directory, stack) if engine == "ministack" else _amazon(names)
    with begun as environment, pytest.MonkeyPatch.context() as patch:
        for variable, value in environment.items():
            patch.setenv(variable, value)
        with created_tables(names):
            yield names


@contextmanager
def created_tables(names: Names, tables: Sequence[type[Table]] = TABLES) -> Iterator[Names]:
    """Create tables by these names in the running engine, and drop them afterwards."""
    with closing(boto3.Session().client("dynamodb")) as client:
        for parameters in create_table_parameters(names, tables):
            client.create_table(**parameters)
        yield names
        for parameters in create_table_parameters(names, tables):
            client.delete_table(TableName=parameters["TableName"])


@contextmanager
def _ministack(directory: Path, stack: str) -> Iterator[Mapping[str, str]]:
    cloud = LocalCloud(directory, Settings(stack=stack))
    cloud.start()
    try:
        yield cloud.environment
    finally:
        cloud.stop()


@contextmanager
def _amazon(names: Names) -> Iterator[Mapping[str, str]]:
    with dynamodb_local() as endpoint:
        yield {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": names.region,
            "AWS_DEFAULT_REGION": names.region,
            "AWS_ACCESS_KEY_ID": names.account,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }
