"""The web application firewall in front of the balancer: a limit for each address, and known attacks."""

from typing import Any

from workflows.deployment.template.intrinsics import Resource, attribute, ref, resource, sub
from workflows.deployment.template.service.parts import log_group

_WINDOW_SECONDS = 300
# Of AWS's own rules those that do not look at bodies: what GraphQL's documents may say, the server judges itself.
_GROUPS = ("AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet")


def firewall_resources() -> dict[str, Resource]:
    """Return the access list, what it is in front of, and the log of what it has blocked."""
    return {
        "Firewall": resource(
            "WAFv2::WebACL",
            {
                "Scope": "REGIONAL",
                "DefaultAction": {"Allow": {}},
                "VisibilityConfig": _visible("Firewall"),
                "Rules": [_rate(), *(_group(number, name) for number, name in enumerate(_GROUPS, start=1))],
            },
        ),
        "FirewallAssociation": resource(
            "WAFv2::WebACLAssociation",
            {"ResourceArn": ref("Balancer"), "WebACLArn": attribute("Firewall", "Arn")},
        ),
        "FirewallLogs": log_group("aws-waf-logs-${AWS::StackName}"),  # WAF insists on how the name begins
        "FirewallLogging": resource(
            "WAFv2::LoggingConfiguration",
            {
                "ResourceArn": attribute("Firewall", "Arn"),
                "LogDestinationConfigs": [_without_star("FirewallLogs")],
                "LoggingFilter": {
                    "DefaultBehavior": "DROP",
                    "Filters": [
                        {
                            "Behavior": "KEEP",
                            "Requirement": "MEETS_ANY",
                            "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
                        }
                    ],
                },
                # Both hold tokens.
                "RedactedFields": [{"QueryString": {}}, {"SingleHeader": {"Name": "authorization"}}],
            },
        ),
    }


def _without_star(log_group: str) -> Resource:
    """Return a log group's ARN as WAF wants it, without the `:*` at its end."""
    return sub(f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:${{{log_group}}}")


def _rate() -> dict[str, Any]:
    """Return the rule against floods; what each member may ask for is counted by the servers."""
    limit = {
        "Limit": ref("RequestsPerAddress"),
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": _WINDOW_SECONDS,
    }
    return {
        "Name": "Rate",
        "Priority": 0,
        "Action": {"Block": {"CustomResponse": {"ResponseCode": 429}}},
        "Statement": {"RateBasedStatement": limit},
        "VisibilityConfig": _visible("Rate"),
    }


def _group(priority: int, name: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Priority": priority,
        "OverrideAction": {"None": {}},
        "Statement": {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": name}},
        "VisibilityConfig": _visible(name),
    }


def _visible(metric: str) -> dict[str, Any]:
    return {"MetricName": metric, "CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": False}
