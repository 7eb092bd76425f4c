"""Local clouds without HourBank: ours, and MiniStack as released, with the tests' own functions and machines."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import httpx

from models.settings import Settings
from resolvers.hosting.settings import LOCAL_ORIGINS
from tests.integration.conftest import free_port
from tests.integration.polling import comes_true
from workflows.deployment.local import ministack_app
from workflows.deployment.local.credentials import Credentials
from workflows.deployment.local.function_host import FunctionHost
from workflows.deployment.local.local_cloud import LocalCloud
from workflows.handlers import Function

SETTINGS = Settings(stack="mended")
SOON = 8.0
# Ours does what is expected, however slow the machine is; MiniStack as released may never do it.
BUSY = 5
LATE = 1.0

seen: list[Any] = []


def accept(event: Any, _context: Any) -> Any:
    seen.append(event)
    return event


def fail(_event: Any, _context: Any) -> Any:
    raise ValueError("on purpose")


def fail_late(event: Any, _context: Any) -> Any:
    seen.append(event)
    time.sleep(LATE)
    seen.append({"failed": event})
    raise ValueError("on purpose, late")


def take_too_long(_event: Any, _context: Any) -> None:
    time.sleep(3)


FUNCTIONS = {
    **{name: Function(handler=f"{__name__}.{name}") for name in ("accept", "fail", "fail_late")},
    "take_too_long": Function(handler=f"{__name__}.take_too_long", timeout=1),
}


class Cloud:
    """A cloud to run a scenario on: ours, or MiniStack as released."""

    def __init__(self, directory: Path, host: FunctionHost, *, mended: bool) -> None:
        self.directory = directory
        self.host = host
        self.mended = mended
        self.start()
        for name, function in FUNCTIONS.items():
            self.client("lambda").create_function(
                FunctionName=SETTINGS.names.function(name),
                Runtime="python3.12",
                Handler="none",
                Role="arn:aws:iam::000000000000:role/none",
                Code={"ZipFile": b"none"},
                Timeout=function.timeout,
                Environment={"Variables": {"MINISTACK_LAMBDA_PROXY_URL": host.address.url}},
            )

    def start(self) -> None:
        if self.mended:
            self._cloud = LocalCloud(self.directory, SETTINGS, LOCAL_ORIGINS)
            self._cloud.start()
            self.endpoint = self._cloud.endpoint
            self._credentials = Credentials.find_or_make(self.directory)
            return
        self._credentials = Credentials(SETTINGS.account, "unchecked")
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        environment = {**os.environ, **ministack_app._environment(self.directory, port)}
        command = [
            sys.executable,
            "-m",
            "hypercorn",
            "-w",
            "0",
            "ministack.app:app",
            "--bind",
            f"127.0.0.1:{port}",
        ]
        self._process = subprocess.Popen(  # noqa: S603 — MiniStack as its own documentation starts it
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert comes_true(self._answers, within=30)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.endpoint}/health", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        if self.mended:
            self._cloud.stop()
            return
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]  # any service
            service,
            endpoint_url=self.endpoint,
            region_name=SETTINGS.region,
            aws_access_key_id=self._credentials.access_key,
            aws_secret_access_key=self._credentials.secret,
        )

    def machine(self, states: dict[str, Any]) -> str:
        definition = {"StartAt": next(iter(states)), "States": {**states, **ENDS}}
        made = self.client("stepfunctions").create_state_machine(
            name=f"m-{uuid4().hex}",
            definition=json.dumps(definition),
            roleArn="arn:aws:iam::000000000000:role/none",
        )
        return str(made["stateMachineArn"])

    def begin(self, machine: str, **given: Any) -> str:
        started = self.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(given))
        return str(started["executionArn"])

    def patience(self, within: float) -> float:
        """Return how long to wait, in seconds, for what should happen within the given time."""
        return BUSY * within if self.mended else within

    def ended(self, execution: str, within: float = SOON) -> dict[str, Any]:
        """Wait for an execution's end, but not for long, and return its description."""
        client, within = self.client("stepfunctions"), self.patience(within)
        comes_true(lambda: client.describe_execution(executionArn=execution)["status"] != "RUNNING", within=within)
        return dict(client.describe_execution(executionArn=execution))

    def end_of(self, states: dict[str, Any], *, within: float = SOON, **given: Any) -> str:
        """Run a machine and return the name of its final state, or its status if it failed."""
        found = self.ended(self.begin(self.machine(states), **given), within)
        return str(json.loads(found["output"]) if found["status"] == "SUCCEEDED" else found["status"])

    def tries(self, states: dict[str, Any]) -> int:
        """Run a machine and return how often its task was tried."""
        execution = self.begin(self.machine(states))
        self.ended(execution)
        events = self.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
        return sum(event["type"] == "TaskScheduled" for event in events)


ENDS = {name: {"Type": "Pass", "Result": name, "End": True} for name in ("Done", "Failed", "TimedOut", "Caught")}
