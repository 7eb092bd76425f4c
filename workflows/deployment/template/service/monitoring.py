"""The alarms of the servers; they go to the admins' topic, which the stack of tables and workflows has."""

from typing import Any

from workflows.deployment.template.intrinsics import Resource, attribute, ref, resource
from workflows.deployment.template.service.parts import NAMES, arn

# A deployment during which it rings is rolled back.
FAILING = "FailingServersAlarm"
_MINUTE = 60


def monitoring_resources() -> dict[str, Resource]:
    """Return an alarm for each way in which clients are not served, or not well."""
    return {
        FAILING: _alarm("Servers answer with 5xx", "HTTPCode_Target_5XX_Count", "Sum", 10, minutes=2),
        "FailingBalancerAlarm": _alarm(
            "The balancer answers itself, with 5xx: no server takes the request",
            "HTTPCode_ELB_5XX_Count",
            "Sum",
            10,
            minutes=2,
            of_servers=False,
        ),
        "FewServersAlarm": _alarm(
            "Fewer servers are healthy than there should be at least",
            "HealthyHostCount",
            "Minimum",
            ref("LeastServers"),
            minutes=5,
            comparison="LessThanThreshold",
            # None at all is no value at all.
            missing="breaching",
        ),
        "SlowServersAlarm": _alarm(
            "One in a hundred answers takes over two seconds", "TargetResponseTime", "p99", 2
        ),
    }


def _alarm(
    description: str,
    metric: str,
    statistic: str,
    threshold: Any,
    *,
    minutes: int = 5,
    comparison: str = "GreaterThanThreshold",
    missing: str = "notBreaching",
    of_servers: bool = True,
) -> Resource:
    dimensions = [{"Name": "LoadBalancer", "Value": attribute("Balancer", "LoadBalancerFullName")}]
    if of_servers:
        dimensions.append({"Name": "TargetGroup", "Value": attribute("Servers", "TargetGroupFullName")})
    kind = "ExtendedStatistic" if statistic.startswith("p") else "Statistic"
    return resource(
        "CloudWatch::Alarm",
        {
            "AlarmDescription": description,
            "Namespace": "AWS/ApplicationELB",
            "MetricName": metric,
            "Dimensions": dimensions,
            kind: statistic,
            "Period": _MINUTE,
            "EvaluationPeriods": minutes,
            "Threshold": threshold,
            "ComparisonOperator": comparison,
            "TreatMissingData": missing,
            "AlarmActions": [arn("sns", NAMES.admin_topic)],
            "OKActions": [arn("sns", NAMES.admin_topic)],
        },
    )
