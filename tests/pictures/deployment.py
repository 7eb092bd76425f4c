"""The picture of the deployment: both stacks, what is in them by service, and which of them refers to which."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Resources = Mapping[str, Mapping[str, Any]]

DATA, SERVICE = "data", "service"
# The services whose resources are drawn, and what they are there. One that is not listed stops the picture.
_SERVICES = {
    "WAFv2": "firewall",
    "ElasticLoadBalancingV2": "load balancer",
    "ECS": "servers, on Fargate",
    "ApplicationAutoScaling": "scaling",
    "EC2": "network",
    "Cognito": "user pool",
    "CloudTrail": "trail of what people do",
    "S3": "bucket of the trail",
    "CloudWatch": "alarms, dashboards",
    "Budgets": "budget",
    "DynamoDB": "tables",
    "Lambda": "functions",
    "StepFunctions": "state machines",
    "Events": "event bus, rules",
    "Scheduler": "schedules",
    "SNS": "topics",
    "SQS": "dead letters",
    "SecretsManager": "page secret",
    "SSM": "workflow settings",
}
_LEFT_OUT = {"IAM", "KMS", "Logs"}
# The names of a stack's parameters that come from elsewhere, as arrows into it.
_GIVEN = {
    "CodeKey": ("bucket", '[("bucket: the functions\' code")]', "Lambda"),
    "Image": ("ecr", '[("ECR: the servers\' image")]', "ECS"),
    "Certificate": ("acm", '["certificate"]', "ElasticLoadBalancingV2"),
}
_REFERRED = re.compile(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"|\$\{(\w+)[.}]')


def picture(data: Mapping[str, Any], service: Mapping[str, Any], *, name: str = "hourbank-prod") -> str:
    """Return the picture, as Mermaid draws it.

    Args:
        data: the template of tables and workflows.
        service: the template of the servers.
        name: the stack's name.
    """
    lines = ["flowchart TB", '    clients(["clients"]) --> service_ElasticLoadBalancingV2']
    for stack, template, title in ((SERVICE, service, f"{name}-service"), (DATA, data, name)):
        lines += [f'    subgraph {stack}["stack {title}"]', *_places(stack, template["Resources"]), "    end"]
    for stack, template in ((SERVICE, service), (DATA, data)):
        lines += [
            f"    {stack}_{source} --> {stack}_{target}" for source, target in _arrows(template["Resources"])
        ]
        lines += [
            f"    {place}{shape} --> {stack}_{to}"
            for parameter, (place, shape, to) in _GIVEN.items()
            if parameter in template["Parameters"]
        ]
    lines += [
        f"    service_ECS ==>|rows, executions, changes| {DATA}",
        '    pipeline(["pipeline"]) -.-> bucket & ecr',
    ]
    return "\n".join(lines)


def _places(stack: str, resources: Resources) -> Iterator[str]:
    found = {_service(one) for one in resources.values()}
    for service, means in _SERVICES.items():
        if service in found:
            yield f'        {stack}_{service}["{means}<br><small>{service}</small>"]'


def _arrows(resources: Resources) -> list[tuple[str, str]]:
    """Return which service's resources refer to which other one's."""
    found = set()
    for one in resources.values():
        source = _service(one)
        for names in _REFERRED.findall(json.dumps(one.get("Properties", {}))):
            other = resources.get(names[0] or names[1])
            if other is not None:
                found.add((source, _service(other)))
    drawn = ((source, target) for source, target in found if source != target)
    return sorted(pair for pair in drawn if _LEFT_OUT.isdisjoint(pair))


def _service(one: Mapping[str, Any]) -> str:
    service = str(one["Type"]).split("::")[1]
    if service not in _SERVICES and service not in _LEFT_OUT:
        raise KeyError(f"{service}: say in {__name__} what its resources are, or leave it out")
    return service
