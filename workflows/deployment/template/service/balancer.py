"""The load balancer: HTTPS, sockets, and which servers are healthy."""

from typing import Any

from workflows.deployment.template.intrinsics import Resource, attribute, ref, resource
from workflows.deployment.template.service.network import SUBNETS
from workflows.deployment.template.service.parts import PORT, accepting

# Longer than the pause between two pings of the server (20 s), so that sockets stay open; shorter than the time
# for which a server keeps an idle connection (75 s): if a server closed first, the next request would be a 502.
IDLE_SECONDS = 60
# A server that is to stop gets no more requests, and may answer those it has, each within 10 s. Then it is told to
# stop, and closes its sockets itself; their clients connect again, to another server.
DRAINING_SECONDS = 15
# A server is out after two missed checks, and in after two that were answered.
_CHECK_SECONDS, _CHECK_TIMEOUT, _CHECKS = 10, 5, 2


# What a server shows its own machine only.
_CLOSED = ("/metrics", "/metrics/*")


def balancer_resources() -> dict[str, Resource]:
    """Return the load balancer, its listener and its target group."""
    return {
        "Balancer": _balancer(),
        "Listener": _listener(),
        "ClosedPaths": _closed_paths(),
        "Servers": _target_group(),
    }


def _balancer() -> Resource:
    attributes: dict[str, Any] = {
        "idle_timeout.timeout_seconds": str(IDLE_SECONDS),
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "routing.http.desync_mitigation_mode": "strictest",
        # The server believes the last address only, which is the one that the balancer has seen.
        "routing.http.xff_header_processing.mode": "append",
        "deletion_protection.enabled": ref("DeletionProtection"),
    }
    balancer = resource(
        "ElasticLoadBalancingV2::LoadBalancer",
        {
            "Type": "application",
            "Scheme": "internet-facing",
            "Subnets": [ref(name) for name in SUBNETS],
            "SecurityGroups": [attribute("BalancerGroup", "GroupId")],
            "LoadBalancerAttributes": [{"Key": key, "Value": value} for key, value in attributes.items()],
        },
        DependsOn="DefaultRoute",
    )
    return accepting(
        balancer,
        {"CKV_AWS_91": "access logs hold whole addresses, and AppSync's clients write their tokens into those"},
    )


def _listener() -> Resource:
    return resource(
        "ElasticLoadBalancingV2::Listener",
        {
            "LoadBalancerArn": ref("Balancer"),
            "Port": 443,
            "Protocol": "HTTPS",
            "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
            "Certificates": [{"CertificateArn": ref("CertificateArn")}],
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": ref("Servers")}],
        },
    )


def _closed_paths() -> Resource:
    """Return the rule that leads nobody to what a server shows its own machine only; it would refuse, too."""
    refusal = {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "Not Found"}
    return resource(
        "ElasticLoadBalancingV2::ListenerRule",
        {
            "ListenerArn": ref("Listener"),
            "Priority": 1,
            "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": [*_CLOSED]}}],
            "Actions": [{"Type": "fixed-response", "FixedResponseConfig": refusal}],
        },
    )


def _target_group() -> Resource:
    attributes = {
        "deregistration_delay.timeout_seconds": str(DRAINING_SECONDS),
        # A new server compiles its first documents, so it gets its share little by little.
        "slow_start.duration_seconds": "30",
        "load_balancing.algorithm.type": "round_robin",
    }
    return resource(
        "ElasticLoadBalancingV2::TargetGroup",
        {
            "TargetType": "ip",
            "VpcId": ref("Vpc"),
            "Port": PORT,
            "Protocol": "HTTP",
            "ProtocolVersion": "HTTP1",  # sockets are upgraded from it
            # The shallow check: were it the deep one, a fault of one table would take every server away.
            "HealthCheckPath": "/healthz",
            "HealthCheckIntervalSeconds": _CHECK_SECONDS,
            "HealthCheckTimeoutSeconds": _CHECK_TIMEOUT,
            "HealthyThresholdCount": _CHECKS,
            "UnhealthyThresholdCount": _CHECKS,
            "Matcher": {"HttpCode": "200"},
            "TargetGroupAttributes": [{"Key": key, "Value": value} for key, value in attributes.items()],
        },
    )
