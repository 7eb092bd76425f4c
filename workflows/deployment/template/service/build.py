"""Builds the CloudFormation template of the servers and of what stands in front of them."""

from typing import Any

from models.tables import TABLES
from workflows.definitions import read_definitions
from workflows.deployment.environments import Environment, InvalidEnvironmentError
from workflows.deployment.template.intrinsics import Resource, attribute, if_, ref, sub
from workflows.deployment.template.service.auditing import auditing_resources
from workflows.deployment.template.service.balancer import balancer_resources
from workflows.deployment.template.service.containers import container_resources
from workflows.deployment.template.service.firewall import firewall_resources
from workflows.deployment.template.service.monitoring import monitoring_resources
from workflows.deployment.template.service.network import network_resources
from workflows.deployment.template.service.operators import operator_resources
from workflows.deployment.template.service.parts import Served
from workflows.deployment.template.service.scaling import scaling_resources
from workflows.deployment.template.service.user_pool import GROUPS, user_pool_resources

# The settings without a default.
_NEEDED = ("host_name", "certificate")


HOURBANK = Served("HourBank", TABLES, tuple(sorted(read_definitions())), GROUPS)


def build_service_template(served: Served = HOURBANK) -> Resource:
    """Return the template of the servers; it needs the stack of tables and workflows, whose name it is given."""
    template = _template(served)
    if not served.machines:
        # Nobody has commands to run on it.
        del template["Parameters"]["OperatorPrincipal"]
        del template["Conditions"]["NamesOperators"]
        del template["Outputs"]["OperatorRole"]
    return template


def _template(served: Served) -> Resource:
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{served.title}: servers, load balancer, user pool",
        "Parameters": _parameters(),
        "Conditions": {
            "MakesUserPool": {"Fn::Equals": [ref("UserPool"), ""]},
            "HasApiKeys": _is_given("ApiKeys"),
            "NamesOperators": _is_given("OperatorPrincipal"),
            "IsProtected": {"Fn::Equals": [ref("DeletionProtection"), "true"]},
            "IsAudited": {"Fn::Equals": [ref("Audit"), "true"]},
            "HasBudget": {"Fn::And": [_is_given("AdminEmail"), _is_given("MonthlyBudget", "0")]},
        },
        "Resources": {
            **network_resources(),
            **balancer_resources(),
            **firewall_resources(),
            **container_resources(served),
            **scaling_resources(),
            **user_pool_resources(served),
            **operator_resources(served),
            **monitoring_resources(),
            **auditing_resources(served),
        },
        "Outputs": {
            "BalancerName": _output(
                "The name that the server's own must lead to.", attribute("Balancer", "DNSName")
            ),
            "GraphqlUrl": _output("What clients are configured with.", sub("https://${HostName}/graphql")),
            "UserPoolId": _output(
                "Where members sign up and in.", if_("MakesUserPool", ref("OwnUserPool"), ref("UserPool"))
            ),
            "UserPoolClients": _output(
                "The app clients whose tokens count, separated by commas.",
                if_("MakesUserPool", ref("OwnUserPoolClient"), ref("UserPoolClients")),
            ),
            "OperatorRole": _output("What operators assume.", attribute("OperatorRole", "Arn")),
        },
    }


def service_parameters(environment: Environment, *, image: str) -> dict[str, str]:
    """Return the template's parameters for an environment.

    Args:
        environment: the environment.
        image: the image's address in a repository of ECR, with its digest.

    Raises:
        InvalidEnvironmentError: a setting is missing that has no default.
    """
    own = environment.service
    for name in _NEEDED:
        if not getattr(own, name):
            raise InvalidEnvironmentError(f"environments.toml: {environment.name}.service.{name} must be set.")
    return {
        "DataStack": environment.stack,
        "Image": image,
        "HostName": own.host_name,
        "CertificateArn": own.certificate,
        "AllowedOrigins": ",".join(own.allowed_origins),
        "PageSecret": own.page_secret or f"{environment.stack}/page-secret",
        "ApiKeys": own.api_keys,
        "UserPool": own.user_pool,
        "UserPoolClients": ",".join(own.user_pool_clients),
        "DeletionProtection": "true" if own.deletion_protection else "false",
        "LeastServers": str(own.least_servers),
        "MostServers": str(own.most_servers),
        "SocketsPerServer": str(own.sockets_per_server),
        "RequestsPerAddress": str(own.requests_per_address),
        "LogDays": str(own.log_days),
        "OperatorPrincipal": own.operators,
        "Audit": "true" if own.audit else "false",
        "MonthlyBudget": str(own.monthly_budget),
        "AdminEmail": environment.data.admin_email,
    }


def _is_given(parameter: str, nothing: str = "") -> Resource:
    return {"Fn::Not": [{"Fn::Equals": [ref(parameter), nothing]}]}


def _output(description: str, value: Any) -> Resource:
    return {"Description": description, "Value": value}


def _parameters() -> Resource:
    return {
        "DataStack": _text("The name of the stack of tables and workflows.", r"^[A-Za-z][A-Za-z0-9-]{0,30}$"),
        "Image": _text(
            "The servers' image in ECR by its digest, because a name alone could lead to another image later.",
            r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9._-]+@sha256:[0-9a-f]{64}$",
        ),
        "HostName": _text("The name under which clients call the servers.", r"^[a-z0-9-]+(\.[a-z0-9-]+)+$"),
        "CertificateArn": _text("The certificate of that name, in ACM.", r"^arn:[a-z-]+:acm:.+$"),
        "AllowedOrigins": _text("Origins whose pages may call the servers, separated by commas.", default=""),
        "PageSecret": _text(
            "The name of the secret in Secrets Manager that all servers share for page tokens.",
            r"^[\w/+=.@-]{1,512}$",
        ),
        "ApiKeys": _text(
            "The name of the secret in Secrets Manager with the keys of applications; empty for none.",
            r"^[\w/+=.@-]{0,512}$",
            default="",
        ),
        "UserPool": _text(
            "A user pool that exists already, such as an Amplify app's; empty to make one.",
            r"^$|^[a-z0-9-]+_[0-9A-Za-z]+$",
            default="",
        ),
        "UserPoolClients": _text("Its app clients whose tokens count, separated by commas.", default=""),
        "DeletionProtection": _choice("Whether balancer and user pool refuse to be deleted.", "true", "false"),
        "LeastServers": _number("Servers when little happens.", 1, 100, default=2),
        "MostServers": _number("Servers when much happens.", 1, 100, default=6),
        "SocketsPerServer": _number(
            "Open connections that a server has before there are more servers.", 10, 10_000
        ),
        "RequestsPerAddress": _number(
            "Requests of one address in five minutes; beyond them it is shut out for as long.", 100, 2_000_000
        ),
        "LogDays": _number("Days for which the servers' logs are kept.", 1, 3653, default=30),
        "OperatorPrincipal": _text(
            "The ARN of who may assume the operators' role; empty for whom this account lets.",
            r"^$|^arn:[a-z-]+:(iam|sts)::\d{12}:.+$",
            default="",
        ),
        "Audit": _choice("Whether a trail records who changes what by hand.", "false", "true"),
        "MonthlyBudget": _number(
            "US dollars a month, of which the admins hear; 0 for none.", 0, 10_000_000, default=0
        ),
        "AdminEmail": _text("Who hears of the budget.", default=""),
    }


def _text(description: str, pattern: str | None = None, *, default: str | None = None) -> Resource:
    described: Resource = {"Type": "String", "Description": description}
    if pattern is not None:
        described["AllowedPattern"] = pattern
    return described if default is None else {**described, "Default": default}


def _choice(description: str, *values: str) -> Resource:
    return {"Type": "String", "Description": description, "AllowedValues": [*values], "Default": values[0]}


def _number(description: str, least: int, most: int, *, default: int | None = None) -> Resource:
    described = {"Type": "Number", "Description": description, "MinValue": least, "MaxValue": most}
    return described if default is None else {**described, "Default": default}
