"""The local cloud's process: MiniStack on a loopback port, mended, saving its rows while it runs.

    python -m workflows.deployment.local.ministack_app DIRECTORY [ORIGIN …]

MiniStack itself saves only when it is stopped cleanly. Here rows are saved within seconds of a change, so that a
cloud that is killed comes back with them. The process holds `DIRECTORY/cloud.lock` for as long as it lives, and
writes to `DIRECTORY/cloud.json` where it listens; the system frees the lock however the process ends.
"""

# ruff: noqa: PLC0415 — MiniStack reads its environment when it is imported, so the variables are set before
# ruff: noqa: SLF001 — MiniStack's stores and its format on disk have no public names

import asyncio
import copy
import fcntl
import gc
import json
import logging
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import orjson

from workflows.deployment.local.credentials import Credentials
from workflows.deployment.local.door import HEALTH_PATH, Application, Door, Message, Receive, Send
from workflows.deployment.local.private_files import OTHERS

LOOPBACK = "127.0.0.1"

_SAVE_EVERY = 5.0
# Saving blocks every call to the cloud (a millisecond for 1,000 rows), so it gets a fiftieth of the time at most.
_SAVE_SHARE = 50
# Python's garbage collection. A full collection looks at all rows and at all steps of executions: with 2,000
# requests it takes a second, in which every call waits. Python's own thresholds, 700, 10 and 10, started one every
# six seconds, and it freed next to nothing. Collections of young objects, which take a millisecond, come as often
# as before.
_THRESHOLDS = 700, 10, 10_000
# MiniStack serves functions, schedules and streams from this pool; its threads mostly wait.
_WORKER_THREADS = 256
_READ_OPERATIONS = ("Get", "BatchGet", "TransactGet", "Query", "Scan", "Describe", "List")
_STACKS = "cloudformation"
# These calls are forms, or have no target, too. Nothing that they change must outlive a kill: servers make their
# subscriptions anew, and metrics are of the moment.
_PASSING = re.compile(r"/(sns|monitoring)/aws4_request")
_USER_POOLS = "AWSCognitoIdentityProviderService"
_log = logging.getLogger("hourbank.cloud")


@dataclass(frozen=True, slots=True)
class CloudProcess:
    """A running local cloud: its process, its port, and the identity by which a health check recognizes it.

    The identity begins with the access key that its door asks for.
    """

    pid: int
    port: int
    identity: str


def free_socket(preferred: int | None) -> socket.socket:
    """Return a socket bound to the preferred loopback port, or to a free one if that is taken."""
    for port in (preferred or 0, 0):
        # IPPROTO_TCP is named because asyncio sets TCP_NODELAY only then.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            listener.close()
        else:
            return listener
    raise OSError("there is no free port on 127.0.0.1")


class Snapshots:
    """Saves MiniStack's rows and users while it runs, between two calls, so that no transaction is saved in part.

    Args:
        dynamodb: MiniStack's module of that name.
    """

    def __init__(self, dynamodb: ModuleType) -> None:
        self._dynamodb = dynamodb
        self._rows_changed = False
        self._stack_changed = False
        self._users_changed = False

    def note(self, target: str, signature: str) -> None:
        """Note that a call may have changed something that must be saved.

        Args:
            target: the call's `X-Amz-Target` header, "" if it has none.
            signature: its `Authorization` header, which names the service that it is for.
        """
        service, _, operation = target.partition(".")
        if service.startswith("DynamoDB_"):
            self._rows_changed |= not operation.startswith(_READ_OPERATIONS)
        elif service == _USER_POOLS:
            self._users_changed |= not operation.startswith(_READ_OPERATIONS)
        elif not target and not _PASSING.search(signature):  # CloudFormation's calls are forms without a target
            self._stack_changed = True

    async def keep_saving(self, stop: asyncio.Event) -> None:
        """Save what changed, every few seconds, until `stop` is set; MiniStack then saves everything once more."""
        pause = _SAVE_EVERY
        while not await _is_set_within(stop, seconds=pause):
            started = time.perf_counter()
            try:
                await self.save()
            except OSError:  # for instance because the disk is full, which may pass
                _log.exception("changes could not be saved; saving is retried")
                self._rows_changed = self._stack_changed = self._users_changed = True
            pause = max(_SAVE_EVERY, _SAVE_SHARE * (time.perf_counter() - started))

    async def save(self) -> None:
        """Save what has changed since the last time, as a consistent snapshot."""
        if self._users_changed or self._stack_changed:
            # Before the rows: a member's row without their account would keep them from signing up again.
            self._users_changed = False
            await asyncio.to_thread(_save_user_pools)
        if self._stack_changed:
            self._stack_changed = self._rows_changed = False
            self._save_stack()
        elif self._rows_changed:
            self._rows_changed = False
            await asyncio.to_thread(_write, self._file, self.rows_as_json())

    def _save_stack(self) -> None:
        """Save everything; until then, stacks are marked as unfinished, so that they are redeployed."""
        from ministack import app
        from ministack.core import persistence

        states = app._build_persistence_save_dict()
        stacks = states.pop(_STACKS, dict)()
        states.pop("dynamodb", None)
        states.pop("cognito", None)
        persistence.save_state(_STACKS, _unfinished(stacks))
        persistence.save_all(states)
        _write(self._file, self.rows_as_json())
        persistence.save_state(_STACKS, stacks)

    @property
    def _file(self) -> Path:
        from ministack.core import persistence

        return Path(persistence.STATE_DIR) / "dynamodb.json"

    def rows_as_json(self) -> bytes:
        """Return the rows in MiniStack's file format, without the deep copy that its `get_state` makes."""
        from ministack.core import persistence

        stores = {name: getattr(self._dynamodb, f"_{name}") for name in ROW_STORES}
        content = {"__ministack_format__": persistence._state_format_version("dynamodb"), "payload": stores}
        try:
            return orjson.dumps(content, default=persistence._json_default)
        except orjson.JSONEncodeError:  # a text has a lone surrogate, which only Python's own, slower json writes
            return json.dumps(content, default=persistence._json_default).encode()


ROW_STORES = (
    "tables",
    "tags",
    "ttl_settings",
    "pitr_settings",
    "kinesis_destinations",
    "contributor_insights",
    "backups",
    "resource_policies",
    "exports",
    "imports",
)


def _save_user_pools() -> None:
    """Save the user pools; calls to them wait meanwhile."""
    from ministack.core import persistence
    from ministack.services import cognito

    from workflows.deployment.local.user_pools import mend

    with mend.changing:
        content = {
            "__ministack_format__": persistence._state_format_version("cognito"),
            "payload": cognito.get_state(),
        }
        text = json.dumps(content, default=persistence._json_default)
    _write(Path(persistence.STATE_DIR) / "cognito.json", text.encode())


def _unfinished(state: dict[str, Any]) -> dict[str, Any]:
    """Return CloudFormation's state with each stack marked as being updated: the next deployment replaces it."""
    marked = copy.deepcopy(state)
    for stack in marked["stacks"].all_values() if marked else ():
        stack["StackStatus"] = "UPDATE_IN_PROGRESS"
    return marked


async def _is_set_within(event: asyncio.Event, *, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    draft.replace(path)


def with_saving(application: Application, snapshots: Snapshots, identity: str) -> Application:
    """Return MiniStack's application with a health check, and with changes noted for saving."""

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
        elif scope["path"] == HEALTH_PATH:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": identity.encode()})
        else:
            await application(scope, receive, send)
            headers = dict(scope["headers"])
            target, signature = (headers.get(name, b"") for name in (b"x-amz-target", b"authorization"))
            snapshots.note(target.decode("latin-1"), signature.decode("latin-1"))

    return serve


def _environment(directory: Path, port: int) -> dict[str, str]:
    return {
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": os.environ.get("HOURBANK_ACCOUNT", "000000000000"),
        "MINISTACK_REGION": os.environ.get("AWS_REGION", "us-east-1"),
        "MINISTACK_WORKER_THREADS": str(_WORKER_THREADS),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(directory / "state"),
        "S3_DATA_DIR": str(directory / "state" / "s3"),
        "LOG_LEVEL": "WARNING",
        # Protocols for which it would listen on other ports.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }


def _last_port(directory: Path) -> int | None:
    try:
        return int(json.loads((directory / "cloud.json").read_text())["port"])
    except (OSError, ValueError, KeyError):
        return None


async def serve(directory: Path, listener: socket.socket, origins: Collection[str]) -> None:
    """Serve until SIGTERM; MiniStack then saves everything.

    Args:
        directory: where the state and the credentials are kept.
        listener: the socket to serve on.
        origins: whose pages may use the user pools.
    """
    from hypercorn.asyncio import serve as serve_asgi
    from hypercorn.config import Config
    from ministack import app
    from ministack.services import dynamodb

    from workflows.deployment.local import ministack_mends

    ministack_mends.apply()
    gc.set_threshold(*_THRESHOLDS)
    credentials = Credentials.find_or_make(directory)
    here = CloudProcess(
        pid=os.getpid(), port=listener.getsockname()[1], identity=f"{credentials.access_key} {uuid4()}"
    )
    snapshots = Snapshots(dynamodb)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = 1
    config.keep_alive_timeout = 75
    config.backlog = 1024
    saving = asyncio.create_task(snapshots.keep_saving(stop))

    async def stopped() -> None:
        await saving  # a save of ours must not overwrite MiniStack's last one

    _write(directory / "cloud.json", orjson.dumps(asdict(here)))
    served = Door(with_saving(app.app, snapshots, here.identity), credentials, origins)
    await serve_asgi(served, config, shutdown_trigger=stopped)  # type: ignore[arg-type]  # plain ASGI


def main() -> None:
    """Run the local cloud of the directory that is the first argument, for pages of the origins that follow."""
    os.umask(OTHERS)
    directory, origins = Path(sys.argv[1]).resolve(), sys.argv[2:]
    with (directory / "cloud.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listener = free_socket(_last_port(directory))
        os.environ.update(_environment(directory, listener.getsockname()[1]))
        asyncio.run(serve(directory, listener, origins))
    # A normal exit would wait for the threads of executions that sleep in a wait.
    os._exit(0)


if __name__ == "__main__":
    main()
