"""One read of a row, what DynamoDB answers to it, and what every client of ours has in common."""

import json
from typing import Any

import pytest

READ: dict[str, Any] = {"TableName": "unit-User", "Key": {"id": {"S": "alice"}}}
ROW = {"Item": {"id": {"S": "alice"}}}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "unit")


def sent(request: Any) -> bytes:
    """Return what DynamoDB answers to the one request that these tests send."""
    assert request.headers["X-Amz-Target"] == b"DynamoDB_20120810.GetItem"
    assert json.loads(request.body) == READ
    return json.dumps(ROW).encode()


def is_patient(client: Any, connections: int) -> bool:
    """Return whether a client waits, retries and connects as every client of ours does."""
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 6)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    return bool(config.max_pool_connections == connections)
