"""Autoscaling: as many servers as CPU and open sockets call for."""

from typing import Any

from workflows.deployment.template.intrinsics import Resource, attribute, ref, resource, sub

# Percent of its core that a server uses on average; what comes in the minutes until there are more has the rest.
_CPU_TARGET = 60
_OUT_SECONDS, _IN_SECONDS = 60, 600


def scaling_resources() -> dict[str, Resource]:
    """Return the range of servers and the two policies; the one that asks for more servers decides."""
    return {
        "Scaling": resource(
            "ApplicationAutoScaling::ScalableTarget",
            {
                "ServiceNamespace": "ecs",
                "ScalableDimension": "ecs:service:DesiredCount",
                "ResourceId": sub("service/${Cluster}/${Service.Name}"),
                "MinCapacity": ref("LeastServers"),
                "MaxCapacity": ref("MostServers"),
            },
        ),
        "ScalingByCpu": _policy(
            "cpu",
            _CPU_TARGET,
            {"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}},
        ),
        "ScalingBySockets": _policy(
            "sockets",
            ref("SocketsPerServer"),
            {"CustomizedMetricSpecification": {"Metrics": _sockets_per_server()}},
        ),
    }


def _policy(name: str, target: Any, metric: Resource) -> Resource:
    return resource(
        "ApplicationAutoScaling::ScalingPolicy",
        {
            "PolicyName": name,
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": ref("Scaling"),
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": target,
                "ScaleOutCooldown": _OUT_SECONDS,
                # Who is moved away from a server connects again, so that servers go slowly.
                "ScaleInCooldown": _IN_SECONDS,
                **metric,
            },
        },
    )


def _sockets_per_server() -> list[Resource]:
    """Return the metrics for a server's open connections, of which the balancer knows the sum for all servers.

    It counts a client's connection, and its own to the server for it: two for each socket.
    """
    balancer = [{"Name": "LoadBalancer", "Value": attribute("Balancer", "LoadBalancerFullName")}]
    servers = {"Name": "TargetGroup", "Value": attribute("Servers", "TargetGroupFullName")}
    return [
        _metric("connections", "ActiveConnectionCount", balancer, "Sum"),
        _metric("servers", "HealthyHostCount", [*balancer, servers], "Minimum"),
        {
            "Id": "sockets",
            "Label": "Open connections of a server",
            "Expression": "connections / 2 / servers",
            "ReturnData": True,
        },
    ]


def _metric(name: str, metric: str, dimensions: list[Resource], statistic: str) -> Resource:
    asked = {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": asked, "Stat": statistic}, "ReturnData": False}
