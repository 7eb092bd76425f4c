"""The containers: the image on Fargate, what each may do, what it is told, and how a new image takes over."""

from collections.abc import Iterator
from typing import Any

from workflows.deployment.template import change_feed
from workflows.deployment.template.intrinsics import Resource, attribute, if_, ref, resource, statement
from workflows.deployment.template.service.monitoring import FAILING
from workflows.deployment.template.service.network import CIDR, SUBNETS
from workflows.deployment.template.service.parts import (
    NAMES,
    PORT,
    Served,
    accepting,
    arn,
    log_group,
    role,
    service_trust,
)

CONTAINER = "server"
# One core, because a server is one process with one event loop; units are thousandths of a core, and MiB.
_CPU, _MEMORY = 1024, 2048
# A server stops by itself within 6 s: it answers what it was asked, closes its sockets, and ends.
_STOP_SECONDS = 30
# A server is ready some 3 s after its start; until then no missed check counts.
_GRACE_SECONDS = 60
_TWO_YEARS = 2 * 365 * 24 * 3600
_ROWS = ("GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")


def container_resources(served: Served) -> dict[str, Resource]:
    """Return the cluster, the service with its task definition, the two roles and the log."""
    return {
        "Cluster": accepting(
            resource("ECS::Cluster", {"ClusterName": ref("AWS::StackName")}),
            {"CKV_AWS_65": "Container Insights is paid for each server; CPU, memory and sockets are free"},
        ),
        "ServerLogs": log_group("/hourbank/${AWS::StackName}"),
        "StartRole": role(_trust(), list(_start_statements())),
        "ServerRole": role(_trust(), list(server_statements(served))),
        "Task": _task(served),
        "Service": _service(),
    }


def server_statements(served: Served) -> Iterator[Resource]:
    """Yield what a server is allowed: rows, executions, its queue of changes, and to see whether all is there."""
    tables = [f"table/{NAMES.table(table)}" for table in served.tables]
    yield statement(
        [f"dynamodb:{action}" for action in (*_ROWS, "DescribeTable")], [arn("dynamodb", name) for name in tables]
    )
    yield statement(["dynamodb:Query", "dynamodb:Scan"], [arn("dynamodb", f"{name}/index/*") for name in tables])
    if served.machines:
        yield from _execution_statements(served.machines)
    # How long the workflow waits for people, as the functions have it.
    yield statement(["ssm:GetParameter"], [arn("ssm", "parameter/${DataStack}/workflow-settings")])
    yield from change_feed.server_statements(NAMES)


def _execution_statements(machines: tuple[str, ...]) -> Iterator[Resource]:
    yield statement(
        ["states:StartExecution", "states:DescribeStateMachine"],
        [arn("states", f"stateMachine:{NAMES.state_machine(name)}") for name in machines],
    )
    yield statement(
        ["states:DescribeExecution"],
        [arn("states", f"execution:{NAMES.state_machine(name)}:*") for name in machines],
    )
    # It knows no resource: the task token is the permission.
    yield statement(["states:SendTaskSuccess"], ["*"])


def _start_statements() -> Iterator[Resource]:
    """Yield what ECS itself is allowed before a server runs: its image, its secret and its log."""
    yield statement(["ecr:GetAuthorizationToken"], ["*"])  # it knows no resource
    name = {"Fn::Select": [1, {"Fn::Split": ["/", ref("Image")]}]}
    repository = {"Repository": {"Fn::Select": [0, {"Fn::Split": ["@", name]}]}}
    text = "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/${Repository}"
    yield statement(
        ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        [{"Fn::Sub": [text, repository]}],
    )
    secrets = ["secret:${PageSecret}-??????", "secret:${ApiKeys}-??????"]
    pages, keys = (arn("secretsmanager", secret) for secret in secrets)
    yield statement(["secretsmanager:GetSecretValue"], [pages, if_("HasApiKeys", keys, ref("AWS::NoValue"))])
    yield statement(["logs:CreateLogStream", "logs:PutLogEvents"], [attribute("ServerLogs", "Arn")])


def _trust() -> Resource:
    return service_trust("ecs-tasks", arn("ecs", "*"))


def _task(served: Served) -> Resource:
    return resource(
        "ECS::TaskDefinition",
        {
            "Family": ref("AWS::StackName"),
            "RequiresCompatibilities": ["FARGATE"],
            "NetworkMode": "awsvpc",
            "Cpu": str(_CPU),
            "Memory": str(_MEMORY),
            "RuntimePlatform": {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"},
            "ExecutionRoleArn": attribute("StartRole", "Arn"),
            "TaskRoleArn": attribute("ServerRole", "Arn"),
            "ContainerDefinitions": [_container(served)],
        },
        # So that a rollback finds the former one.
        DeletionPolicy="Retain",
        UpdateReplacePolicy="Retain",
    )


def _container(served: Served) -> Resource:
    return {
        "Name": CONTAINER,
        "Image": ref("Image"),
        "Essential": True,
        "ReadonlyRootFilesystem": True,
        "User": "10001:10001",
        "LinuxParameters": {"InitProcessEnabled": True, "Capabilities": {"Drop": ["ALL"]}},
        "StopTimeout": _STOP_SECONDS,
        "PortMappings": [{"ContainerPort": PORT, "Protocol": "tcp"}],
        "Environment": [{"Name": name, "Value": value} for name, value in _variables(served).items()],
        "Secrets": [
            {"Name": "HOURBANK_PAGE_SECRET", "ValueFrom": arn("secretsmanager", "secret:${PageSecret}")},
            if_(
                "HasApiKeys",
                {"Name": "HOURBANK_API_KEYS", "ValueFrom": arn("secretsmanager", "secret:${ApiKeys}")},
                ref("AWS::NoValue"),
            ),
        ],
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {
                "awslogs-group": ref("ServerLogs"),
                "awslogs-region": ref("AWS::Region"),
                "awslogs-stream-prefix": CONTAINER,
                # A server never waits for its log; what does not fit any more is lost.
                "mode": "non-blocking",
                "max-buffer-size": "8m",
            },
        },
    }


def _variables(served: Served) -> dict[str, Any]:
    """Return what a server is told; ECS itself sets the region, and where its credentials are."""
    return {
        "HOURBANK_STACK": ref("DataStack"),
        "HOURBANK_ACCOUNT": ref("AWS::AccountId"),
        "HOURBANK_HOST": "0.0.0.0",  # noqa: S104 — only the balancer reaches it
        "PORT": str(PORT),
        "HOURBANK_USER_POOL": if_("MakesUserPool", ref("OwnUserPool"), ref("UserPool")),
        "HOURBANK_USER_POOL_CLIENTS": if_("MakesUserPool", ref("OwnUserPoolClient"), ref("UserPoolClients")),
        "HOURBANK_ALLOWED_HOSTS": ref("HostName"),
        "HOURBANK_ALLOWED_ORIGINS": ref("AllowedOrigins"),
        "HOURBANK_STRICT_TRANSPORT": str(_TWO_YEARS),
        # The balancer's addresses are the VPC's, and nobody else reaches a server.
        "HOURBANK_TRUSTED_PROXIES": CIDR,
        "HOURBANK_RATE_SHARED_PARTS": "10",
        **served.variables,
    }


def _service() -> Resource:
    return resource(
        "ECS::Service",
        {
            "Cluster": ref("Cluster"),
            "TaskDefinition": ref("Task"),
            "LaunchType": "FARGATE",
            "PlatformVersion": "LATEST",
            # No DesiredCount: it is the autoscaling's, and a deployment would set it back.
            "HealthCheckGracePeriodSeconds": _GRACE_SECONDS,
            "DeploymentConfiguration": {
                # A new server takes over before an old one goes.
                "MinimumHealthyPercent": 100,
                "MaximumPercent": 200,
                "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
                "Alarms": {"Enable": True, "Rollback": True, "AlarmNames": [ref(FAILING)]},
            },
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {
                    "AssignPublicIp": "ENABLED",
                    "Subnets": [ref(name) for name in SUBNETS],
                    "SecurityGroups": [attribute("ServerGroup", "GroupId")],
                }
            },
            "LoadBalancers": [
                {"ContainerName": CONTAINER, "ContainerPort": PORT, "TargetGroupArn": ref("Servers")}
            ],
            "EnableECSManagedTags": True,
            "PropagateTags": "SERVICE",
        },
        DependsOn=["Listener", "DefaultRoute"],
    )
