"""The policies of the template's roles, made of the rights that `workflows.handlers.rights` lists."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from models.storage.names import Names
from workflows.deployment.template.intrinsics import NAMES, Resource, attribute, ref, statement, sub
from workflows.handlers.rights import ANY, Right, Rights

# Whoever publishes to a topic that is encrypted by a key of ours needs the key.
_ENCRYPT = ("kms:Decrypt", "kms:GenerateDataKey")


def statements(rights: Rights) -> list[Resource]:
    """Return the statements of a policy that allows these rights, in one statement what is allowed alike."""
    actions: defaultdict[str, set[str]] = defaultdict(set)
    for right in rights:
        actions[right.resource].add(right.action)
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, allowed in sorted(actions.items()):
        alike[tuple(sorted(allowed))].append(name)
    found = [statement(allowed, [_resource(name) for name in names]) for allowed, names in sorted(alike.items())]
    if Right("sns:Publish", "admin-topic") in rights:
        found.append(statement(_ENCRYPT, [attribute("TopicKey", "Arn")]))
    return found


def log_statements(group: str) -> Iterator[Resource]:
    """Yield what every function needs: to write its log and its traces, which belong to no resource."""
    yield statement(["logs:CreateLogStream", "logs:PutLogEvents"], [sub(f"${{{group}.Arn}}:*")])
    yield statement(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], [ANY])


def _resource(name: str) -> Resource | str:
    """Return the ARN of what a right names."""
    match name.split("/"):
        case ["event-bus"]:
            return attribute("EventBus", "Arn")
        case ["dead-letters"]:
            return attribute("DeadLetters", "Arn")
        case ["admin-topic"]:
            return ref("AdminTopic")
        case ["*"]:
            return ANY
    return sub(arn_of(name, NAMES))


def arn_of(name: str, names: Names) -> str:
    """Return the ARN of what a right names within a deployment.

    Raises:
        ValueError: there is nothing of that name.
    """
    match name.split("/"):
        case ["table", table]:
            return names.arn("dynamodb", f"table/{names.stack}-{table}")
        case ["index", table, index]:
            return names.arn("dynamodb", f"table/{names.stack}-{table}/index/{index}")
        case ["machine", machine]:
            return names.state_machine_arn(machine)
        case ["executions", machine]:
            return names.execution_arn(machine, "*")
        case ["change-topic"]:
            return names.change_topic_arn
    raise ValueError(f"{name} is no resource of a right")


def called_functions(aliases: Iterable[str]) -> Resource:
    """Return the statement that allows to call functions, each by its alias."""
    return statement(["lambda:InvokeFunction"], [ref(alias) for alias in aliases])
