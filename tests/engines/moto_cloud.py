"""A second AWS for whole stacks: moto's CloudFormation, DynamoDB and Step Functions, on a port of this process.

Its Step Functions are run by LocalStack's interpreter of Amazon States Language, which shares no code with
MiniStack's. Functions are called in this process, where moto would start a container for each.

What moto lacks, and what therefore is not proved here:

- It makes no `Scheduler::Schedule`, `CloudWatch::Alarm`, `SQS::QueuePolicy`, `SNS::TopicPolicy` and
  `SecretsManager::Secret`, and says so. Of a function's version and alias it makes only the alias, by a call.
- Rules of an event bus call no functions: here they do, and other targets get nothing. Step Functions tells no bus
  that an execution has failed, and no schedule sweeps.
- It repeats what has a known `ClientRequestToken`, and takes any policy: nobody is refused for lack of rights.
- Its requests are not isolated from each other; here one waits for the other.
"""

import importlib
import json
import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config
from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends
from moto.core.config import default_user_config
from moto.dynamodb.responses import DynamoHandler
from moto.events.models import EventsBackend, Rule
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from models.settings import Settings
from models.storage.names import LIVE
from tests.integration.conftest import free_port
from workflows.deployment.local.function_host import LambdaContext
from workflows.handlers import FUNCTIONS, bootstrap

# The account whose resources moto shows to any credentials.
ACCOUNT = "123456789012"
REGION = "us-east-1"

Fail = Callable[[str, Any], None]


class Functions:
    """The functions of a stack, called in this process.

    Args:
        settings: the deployment's.
    """

    def __init__(self, settings: Settings) -> None:
        self._names = {settings.names.function(name): name for name in FUNCTIONS}
        self.calls: list[str] = []
        # Raises an error where a test wants a call to fail; given the function's name and the event.
        self.fail: Fail = lambda _name, _event: None

    def call(self, function: LambdaFunction, event: Any) -> tuple[str, bool, str]:
        """Call a function as moto would: return its answer as JSON, whether that is an error, and its log."""
        name = self._names[function.function_name]
        given = event if isinstance(event, dict) else json.loads(event or "{}")
        self.calls.append(name)
        module, _, handler = FUNCTIONS[name].handler.rpartition(".")
        context = LambdaContext(function.function_name, "request", time.monotonic() + FUNCTIONS[name].timeout)
        try:
            self.fail(name, given)
            answer = getattr(importlib.import_module(module), handler)(given, context)
        except Exception as error:  # noqa: BLE001 — Lambda answers with any
            return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}), True, ""
        return json.dumps(answer), False, ""


@contextmanager
def moto_cloud(settings: Settings) -> Iterator[Functions]:
    """Run moto, and lead this process's AWS clients and handlers to it.

    Args:
        settings: the deployment's; its account must be `ACCOUNT`.
    """
    functions, port = Functions(settings), free_port()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    deliveries = ThreadPoolExecutor(1)
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in _environment(settings, port).items():
            patch.setenv(variable, value)
        patch.setitem(default_user_config, "stepfunctions", {"execute_state_machine": True})
        patch.setattr(LambdaFunction, "_invoke_lambda", lambda self, event=None: functions.call(self, event))
        _mend(patch, deliveries)
        bootstrap.services.cache_clear()
        server.start()
        try:
            yield functions
        finally:
            deliveries.shutdown(cancel_futures=True)
            server.stop()
            bootstrap.services.cache_clear()


def _environment(settings: Settings, port: int) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "MOTO_PORT": str(port),  # by which its Step Functions call its other services
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_ACCESS_KEY_ID": "moto",
        "AWS_SECRET_ACCESS_KEY": "moto",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "HOURBANK_STACK": settings.stack,
        "HOURBANK_ACCOUNT": settings.account,
        **{
            f"HOURBANK_{name.upper()}": text
            for name, text in settings.model_dump(mode="json").items()
            if name.endswith("_window")
        },
    }


def _mend(patch: pytest.MonkeyPatch, deliveries: ThreadPoolExecutor) -> None:
    """Give moto what our stack needs and it has not."""
    # A rule that names its bus by `Ref` gets the bus itself.
    by_name = EventsBackend._normalize_event_bus_arn
    patch.setattr(
        EventsBackend, "_normalize_event_bus_arn", lambda self, bus: by_name(self, getattr(bus, "name", bus))
    )
    patch.setattr(StateMachine, "create_from_cloudformation_json", _create_machine)
    # Of nested executions it sends the parameters, and returns the response, in the other's spelling.
    patch.setattr(StateTaskService, "_normalise_parameters", _spell_parameters)
    patch.setattr(StateTaskService, "_normalise_response", _spell_response)
    # One call to DynamoDB at a time, since it changes rows without a lock, and transactions piece by piece.
    one_at_a_time, answer = threading.RLock(), DynamoHandler.call_action

    def call_action(self: DynamoHandler) -> Any:
        with one_at_a_time:
            return answer(self)

    patch.setattr(DynamoHandler, "call_action", call_action)
    # Functions that events call are called one after the other, and after what led to them.
    deliver = LambdaBackend.send_dynamodb_items

    def send(self: LambdaBackend, *args: Any) -> str:
        deliveries.submit(deliver, self, *args)
        return ""

    patch.setattr(LambdaBackend, "send_dynamodb_items", send)

    def send_to_functions(self: Rule, event: Any, transform_input: bool = True) -> None:  # noqa: FBT001, FBT002 — moto's
        del transform_input
        if self.event_pattern.matches_event(event):
            for target in (one["Arn"] for one in self.targets if ":lambda:" in one["Arn"]):
                backend = lambda_backends[ACCOUNT][self.region_name]
                deliveries.submit(backend.invoke, target, None, json.dumps(event, default=str), {}, {})

    patch.setattr(Rule, "send_to_targets", send_to_functions)


def _spell_parameters(
    task: Any, parameters: Any, _service: object = None, action: str | None = None, **_: Any
) -> None:
    if task.resource.service_name == "states":
        task._to_boto_request(parameters, _operation(action or task.resource.api_action).input_shape)


def _spell_response(
    task: Any, response: Any, _service: object = None, service_action_name: str | None = None, **_: Any
) -> None:
    if task.resource.service_name == "states":
        task._from_boto_response(
            response, _operation(service_action_name or task.resource.api_action).output_shape
        )


def _operation(name: str) -> Any:
    """Return botocore's model of an operation of Step Functions, by its name in any spelling."""
    model = botocore.session.get_session().get_service_model("stepfunctions")
    wanted = name.replace("_", "").lower()
    return model.operation_model(next(one for one in model.operation_names if one.lower() == wanted))


def _create_machine(name: str, described: dict[str, Any], account_id: str, region_name: str, **_more: Any) -> Any:
    """Create a machine for the interpreter; moto creates it where nothing runs, and substitutes nothing."""
    properties = described["Properties"]
    definition = properties["DefinitionString"]
    for placeholder, value in properties["DefinitionSubstitutions"].items():
        definition = definition.replace(f"${{{placeholder}}}", value)
    backend: Any = stepfunctions_parser_backends[account_id][region_name]
    return backend.create_state_machine(
        properties.get("StateMachineName", name), definition, properties["RoleArn"]
    )


def _upload_code(parameters: dict[str, str]) -> None:
    """Put something where the functions' code is expected; nobody runs it."""
    client: Any = boto3.Session().client("s3", config=Config(s3={"addressing_style": "path"}))
    client.create_bucket(Bucket=parameters["CodeBucket"])
    client.put_object(Bucket=parameters["CodeBucket"], Key=parameters["CodeKey"], Body=b"none")


def _without_aliases(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template in which functions stand for their aliases, which moto cannot create."""
    resources = template["Resources"]
    aliases = {
        name: one["Properties"]["FunctionName"]["Ref"]
        for name, one in resources.items()
        if one["Type"] == "AWS::Lambda::Alias"
    }

    def replaced(value: Any) -> Any:
        match value:
            case {"Ref": name} if name in aliases:
                return {"Fn::GetAtt": [aliases[name], "Arn"]}
            case dict():
                return {key: replaced(part) for key, part in value.items()}
            case list():
                return [replaced(part) for part in value]
        return value

    kept = {
        name: one
        for name, one in resources.items()
        if one["Type"] not in {"AWS::Lambda::Alias", "AWS::Lambda::Version"}
    }
    return {**template, "Resources": replaced(kept)}


def create_stack(name: str, template: dict[str, Any], parameters: dict[str, str]) -> set[str]:
    """Create a stack, and return the kinds of its resources that moto does not make."""
    client: Any = boto3.Session().client("cloudformation")
    _upload_code(parameters)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        client.create_stack(
            StackName=name,
            TemplateBody=json.dumps(_without_aliases(template)),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    functions: Any = boto3.Session().client("lambda")
    pages = functions.get_paginator("list_functions").paginate()
    for function in (one["FunctionName"] for page in pages for one in page["Functions"]):
        functions.create_alias(FunctionName=function, Name=LIVE, FunctionVersion="$LATEST")
    lines = [str(one.message) for one in told if "not supported" in str(one.message)]
    return {line.split()[3] for line in lines}
