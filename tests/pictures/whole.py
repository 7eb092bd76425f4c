"""The picture of the whole: who reads, writes and starts what, as the templates' roles and rules say."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Resources = Mapping[str, Mapping[str, Any]]

# What stands in the picture: its name there, how it is drawn, and the type of resource that is counted.
_PLACES = {
    "apps": '(["apps: Angular with Amplify, browsers"])',
    "servers": '["servers: GraphQL<br>over HTTP and sockets"]',
    "tables": '[("{TABLES} tables")]',
    "machines": '["{MACHINES} state machines"]',
    "functions": '["{FUNCTIONS} functions"]',
    "schedules": '(["schedules"])',
    "bus": '{{{{"event bus"}}}}',
    "changes": '{{{{"topic of changes"}}}}',
    "queues": '[/"a queue of each server"/]',
    "letters": '[/"dead letters"/]',
    "admins": '{{{{"admins\' topic"}}}}',
    "people": '(["administrators"])',
    "operators": '(["operators: status, redrive, reconcile, audit"])',
    "alarms": '["alarms"]',
}
_COUNTED = {
    "TABLES": "AWS::DynamoDB::Table",
    "MACHINES": "AWS::StepFunctions::StateMachine",
    "FUNCTIONS": "AWS::Lambda::Function",
}
# What an action does. One that is neither here nor below stops the picture.
_WORDS = {
    "reads": "GetItem BatchGetItem Query Scan ConditionCheckItem",
    "writes": "PutItem UpdateItem DeleteItem",
    "starts": "StartExecution InvokeFunction",
    "answers waits": "SendTaskSuccess",
    "publishes": "PutEvents Publish",
    "sends": "SendMessage",
    "receives": "ReceiveMessage",
}
_WORD_OF = {action: word for word, actions in _WORDS.items() for action in actions.split()}
# What only looks whether something is there, or how it is.
_LOOKS = ("Describe", "Get", "List")
# What serves the others: a server's own queue, and what Step Functions needs to run one machine in another.
_QUEUE = {"Subscribe", "Unsubscribe", "CreateQueue", "DeleteQueue", "TagQueue", "DeleteMessage"}
_LEFT_OUT = _QUEUE | {"ChangeMessageVisibility", "StopExecution", "PutRule", "PutTargets"}
_OTHER_SERVICES = frozenset({"logs", "xray", "kms", "ecr", "ssm", "secretsmanager", "cloudwatch"})


@dataclass(frozen=True, slots=True, order=True)
class Arrow:
    """An arrow of the picture: from one place to another, with what it does there."""

    source: str
    target: str
    does: str


def picture(data: Resources, service: Resources) -> str:
    """Return the picture, as Mermaid draws it."""
    arrows = sorted({*_fixed(), *_by_roles(data), *_by_roles(service), *_by_sources(data)})
    words = defaultdict(list)
    for arrow in arrows:
        words[arrow.source, arrow.target].append(arrow.does)
    counts = {name: sum(one["Type"] == kind for one in data.values()) for name, kind in _COUNTED.items()}
    used = {place for pair in words for place in pair}
    lines = ["flowchart LR"]
    lines += [f"    {name}{shape.format(**counts)}" for name, shape in _PLACES.items() if name in used]
    lines += [f'    {source} -->|"{", ".join(does)}"| {target}' for (source, target), does in words.items()]
    return "\n".join(lines)


def _fixed() -> Iterator[Arrow]:
    """Yield what no role says: people, and who hears of a topic."""
    yield Arrow("apps", "servers", "ask, subscribe")
    yield Arrow("changes", "queues", "every change of a row")
    yield Arrow("queues", "servers", "what subscribers are told")
    yield Arrow("admins", "people", "mail")


def _by_roles(resources: Resources) -> Iterator[Arrow]:
    for name, role in resources.items():
        source = _source(name) if role["Type"] == "AWS::IAM::Role" else None
        if source is None:
            continue
        for policy in role["Properties"].get("Policies", ()):
            for statement in policy["PolicyDocument"]["Statement"]:
                for action in statement["Action"]:
                    yield from _arrows(source, action, str(statement["Resource"]))


def _source(role: str) -> str | None:
    """Return whose role it is; None if it is nobody's in the picture."""
    named = {"ServerRole": "servers", "OperatorRole": "operators", "ScheduleRole": None, "StartRole": None}
    if role in named:
        return named[role]
    if role.startswith("MachineRole"):
        return "machines"
    return "functions" if role.startswith("Role") else None


def _arrows(source: str, action: str, resource: str) -> Iterator[Arrow]:
    service, _, what = action.partition(":")
    word = _WORD_OF.get(what)
    if service in _OTHER_SERVICES or what in _LEFT_OUT or (word is None and what.startswith(_LOOKS)):
        return
    if word is None:
        raise KeyError(f"{action}: say in {__name__} what it does, or leave it out")
    target = _target(service, resource)
    if source == target:  # machines that start each other
        return
    if word == "receives":
        yield Arrow(target, source, "what has failed" if target == "letters" else "what subscribers are told")
    else:
        yield Arrow(source, target, word)


def _target(service: str, resource: str) -> str:
    by_service = {
        "dynamodb": "tables",
        "states": "machines",
        "lambda": "functions",
        "events": "bus",
    }
    if service in by_service:
        return by_service[service]
    if service == "sns":
        return "admins" if "Admin" in resource or "-admins" in resource else "changes"
    return "letters" if "DeadLetters" in resource or "dead-letters" in resource else "queues"


def _by_sources(resources: Resources) -> Iterator[Arrow]:
    """Yield what calls functions: streams, rules, schedules; and what alarms and rules tell."""
    for one in resources.values():
        properties = one.get("Properties", {})
        match one["Type"]:
            case "AWS::Lambda::EventSourceMapping":
                yield Arrow("tables", "functions", "streams of changes")
            case "AWS::Scheduler::Schedule":
                yield Arrow("schedules", "functions", "start")
            case "AWS::Events::Rule":
                for target in properties["Targets"]:
                    is_ours = properties.get("EventBusName") != "default"
                    told = "admins" if "AdminTopic" in str(target["Arn"]) else "functions"
                    source, says = ("bus", "events") if is_ours else ("machines", "executions that failed")
                    yield Arrow(source, told, says)
            case "AWS::CloudWatch::Alarm":
                yield Arrow("alarms", "admins", "tell")
