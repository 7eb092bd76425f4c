"""What a forked command finds done already: its imports, and botocore's reading of its own files."""

from functools import cache
from typing import Any

import boto3
from botocore.loaders import JSONFileLoader

import server
from tests.permissions import recorded_server

_read = JSONFileLoader.load_file


@cache
def _read_once(path: str) -> Any:
    return _read(JSONFileLoader(), path)


setattr(JSONFileLoader, "load_file", lambda _loader, path: _read_once(path))  # noqa: B010 — mypy has methods fixed
for service in ("dynamodb", "stepfunctions", "sts"):
    boto3.Session().client(service, region_name="us-east-1")

__all__ = ["recorded_server", "server"]
