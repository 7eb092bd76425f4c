"""The picture of a request's way: through the states that the definitions name first, to the payment."""

from collections.abc import Iterator, Mapping
from typing import Any

from models.requests.statuses import Step
from workflows.handlers.rights import RIGHTS

Definition = Mapping[str, Any]
Definitions = Mapping[str, Definition]

MACHINE = "ServiceRequestWorkflow"
# Who ends a wait, and by which mutation.
ANSWERS = {
    Step.WAIT_FOR_PROVIDER_RESPONSE: ("bob", "updateProviderResponse"),
    Step.WAIT_FOR_SERVICE_START: ("bob", "markServiceStarted"),
    Step.CONFIRM_SERVICE_START: ("alice", "confirmServiceStart"),
    Step.WAIT_FOR_COMPLETION: ("bob", "markServiceComplete"),
    Step.CONFIRM_SERVICE_COMPLETION: ("alice", "confirmServiceCompletion"),
}
_WAITS = ".waitForTaskToken"
_WRITING = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
_NESTED = "states:startExecution"
_BEGINNING = f"""sequenceDiagram
    actor alice as alice, who asks
    actor bob as bob, who provides
    participant server as a server
    participant rows as tables
    participant machine as state machines
    participant functions as functions
    alice->>server: createServiceRequest
    server->>rows: request and event, one transaction
    server->>machine: start {MACHINE}"""
_BEGINS = "    machine->>functions: {function}, with a task token"
_FIRST_WAIT = """    functions->>rows: the token, and until when
    Note over machine: {state} waits"""
_WAIT = "    Note over machine: {state} waits"
_FIRST_ANSWER = """    {who}->>server: {mutation}
    server->>rows: the answer, one transaction
    server->>machine: the token is completed"""
_ANSWER = """    {who}->>server: {mutation}
    server->>machine: the token is completed"""
_TASK = "    machine->>functions: {function}"
_WRITES = "    functions->>rows: what its rule decides, one transaction"
_END = "    Note over machine: {state}"
_TOLD = """    rows-->>server: every change, by streams
    server-->>alice: each new status
    server-->>bob: each new status"""


def picture(definitions: Definitions) -> str:
    """Return the picture, as Mermaid draws it: the first wait in full, and all others in short."""
    steps = list(_steps(definitions, MACHINE))
    return "\n".join([_BEGINNING, *steps, _TOLD])


def waits(definitions: Definitions) -> set[str]:
    """Return the states of the way at which a person is waited for."""
    definition = definitions[MACHINE]
    return {name for name in path(definition) if definition["States"][name].get("Resource", "").endswith(_WAITS)}


def path(definition: Definition) -> Iterator[str]:
    """Yield the states that lead to the end: of a choice, the first one."""
    name: str | None = definition["StartAt"]
    while name is not None:
        yield name
        state = definition["States"][name]
        name = state.get("Next") or next((choice["Next"] for choice in state.get("Choices", ())), None)


def _steps(definitions: Definitions, machine: str) -> Iterator[str]:
    definition, is_first = definitions[machine], True
    for name in path(definition):
        state = definition["States"][name]
        resource, given = state.get("Resource", ""), state.get("Parameters", {})
        if resource.endswith(_WAITS):
            yield _BEGINS.format(function=_name(given["FunctionName"]))
            yield (_FIRST_WAIT if is_first else _WAIT).format(state=name)
            who, mutation = ANSWERS[Step(name)]
            yield (_FIRST_ANSWER if is_first else _ANSWER).format(who=who, mutation=mutation)
            is_first = False
        elif _NESTED in resource:
            nested = _name(given["StateMachineArn"])
            yield f"    machine->>machine: {name} starts {nested}"
            yield from _steps(definitions, nested)
        elif "lambda:invoke" in resource:
            yield from _task(_name(given["FunctionName"]))
        elif state["Type"] == "Succeed" and machine == MACHINE:
            yield _END.format(state=name)


def _task(function: str) -> Iterator[str]:
    yield _TASK.format(function=function)
    if any(right.action in _WRITING for right in RIGHTS[function]):
        yield _WRITES


def _name(reference: str) -> str:
    return reference.strip("${}")
