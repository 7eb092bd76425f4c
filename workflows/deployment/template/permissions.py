"""The policies of the template's roles, made of the rights that `workflows.handlers.rights` lists."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from models.storage.names import Names
from workflows.deployment.template.intrinsics import NAMES, Resource, attribute, ref, statement, sub
from workflows.handlers.rights import ANY, Right, Rights

# Whoever publishes to a topic that is encrypted by a key of ours needs the key.
_ENCRYPT = ("kms:Decrypt", "kms:GenerateDataKey")


def statements(rights: Rights, names: Names = NAMES) -> list[Resource]:
    """Return the statements of a policy that allows these rights, in one statement what is allowed alike.

    Args:
        rights: what is allowed.
        names: of the stack that it is allowed in, if that is not the policy's own.
    """
    actions: defaultdict[str, set[str]] = defaultdict(set)
    for right in rights:
        actions[right.resource].add(right.action)
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, allowed in sorted(actions.items()):
        alike[tuple(sorted(allowed))].append(name)
    found = [statement(allowed, [_resource(one, names) for one in on]) for allowed, on in sorted(alike.items())]
    if Right("sns:Publish", "admin-topic") in rights:
        found.append(statement(_ENCRYPT, [attribute("TopicKey", "Arn")]))
    return found


def log_statements(group: str) -> Iterator[Resource]:
    """Yield what every function needs: to write its log and its traces, which belong to no resource."""
    yield statement(["logs:CreateLogStream", "logs:PutLogEvents"], [sub(f"${{{group}.Arn}}:*")])
    yield statement(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], [ANY])


# What is found in the policy's own stack by its logical id.
_OWN: Mapping[str, Resource] = {
    "event-bus": attribute("EventBus", "Arn"),
    "dead-letters": attribute("DeadLetters", "Arn"),
    "admin-topic": ref("AdminTopic"),
}


def _resource(name: str, names: Names) -> Resource | str:
    """Return the ARN of what a right names."""
    if name == ANY:
        return ANY
    return _OWN[name] if name in _OWN and names is NAMES else sub(arn_of(name, names))


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
    alone = {
        "change-topic": names.change_topic_arn,
        "dead-letters": names.arn("sqs", names.dead_letter_queue),
        "server-queues": names.arn("sqs", f"{names.server_queues}*"),
    }
    if name in alone:
        return alone[name]
    raise ValueError(f"{name} is no resource of a right")


def called_functions(aliases: Iterable[str]) -> Resource:
    """Return the statement that allows to call functions, each by its alias."""
    return statement(["lambda:InvokeFunction"], [ref(alias) for alias in aliases])
