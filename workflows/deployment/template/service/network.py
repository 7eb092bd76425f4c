"""The servers' network: a VPC with two public subnets, where only the balancer reaches a server.

Servers have public addresses, by which they reach AWS; a NAT gateway would be paid by the hour and by the byte.
Rows and images do not go that way: the endpoints of DynamoDB and S3 cost nothing.
"""

from typing import Any

from workflows.deployment.template.intrinsics import Resource, attribute, ref, resource, sub
from workflows.deployment.template.service.parts import PORT

CIDR = "10.20.0.0/16"
# In two availability zones, which is what a load balancer asks for.
_SUBNETS = ("10.20.0.0/20", "10.20.16.0/20")
SUBNETS = [f"Subnet{number}" for number in range(len(_SUBNETS))]
_ANYWHERE = "0.0.0.0/0"
_HTTPS = 443


def network_resources() -> dict[str, Resource]:
    """Return the VPC, its subnets and routes, the free endpoints, and the two security groups."""
    subnets = {
        name: _subnet(number, cidr) for number, (name, cidr) in enumerate(zip(SUBNETS, _SUBNETS, strict=True))
    }
    associations = {
        f"{name}Routes": resource(
            "EC2::SubnetRouteTableAssociation", {"SubnetId": ref(name), "RouteTableId": ref("Routes")}
        )
        for name in SUBNETS
    }
    return {
        "Vpc": resource(
            "EC2::VPC", {"CidrBlock": CIDR, "EnableDnsSupport": True, "EnableDnsHostnames": True, "Tags": _name()}
        ),
        "Gateway": resource("EC2::InternetGateway", {"Tags": _name()}),
        "GatewayAttachment": resource(
            "EC2::VPCGatewayAttachment", {"VpcId": ref("Vpc"), "InternetGatewayId": ref("Gateway")}
        ),
        "Routes": resource("EC2::RouteTable", {"VpcId": ref("Vpc"), "Tags": _name()}),
        "DefaultRoute": resource(
            "EC2::Route",
            {
                "RouteTableId": ref("Routes"),
                "DestinationCidrBlock": _ANYWHERE,
                "GatewayId": ref("Gateway"),
            },
            DependsOn="GatewayAttachment",
        ),
        **subnets,
        **associations,
        **{f"{service.capitalize()}Endpoint": _endpoint(service) for service in ("dynamodb", "s3")},
        **_security_groups(),
    }


def _name() -> list[dict[str, Any]]:
    return [{"Key": "Name", "Value": ref("AWS::StackName")}]


def _subnet(number: int, cidr: str) -> Resource:
    return resource(
        "EC2::Subnet",
        {
            "VpcId": ref("Vpc"),
            "CidrBlock": cidr,
            "AvailabilityZone": {"Fn::Select": [number, {"Fn::GetAZs": ""}]},
            "Tags": _name(),
        },
    )


def _endpoint(service: str) -> Resource:
    return resource(
        "EC2::VPCEndpoint",
        {
            "VpcId": ref("Vpc"),
            "VpcEndpointType": "Gateway",
            "ServiceName": sub(f"com.amazonaws.${{AWS::Region}}.{service}"),
            "RouteTableIds": [ref("Routes")],
        },
    )


def _security_groups() -> dict[str, Resource]:
    balancer = attribute("BalancerGroup", "GroupId")
    servers = attribute("ServerGroup", "GroupId")
    # The two name each other, so each rule that does is a resource of its own.
    return {
        "BalancerGroup": resource(
            "EC2::SecurityGroup",
            {
                "GroupDescription": "The load balancer: HTTPS from anywhere",
                "VpcId": ref("Vpc"),
                "SecurityGroupIngress": [_rule("Clients", _HTTPS, CidrIp=_ANYWHERE)],
                # Without any rule of its own a group may send anywhere.
                "SecurityGroupEgress": [_rule("Nowhere else", _HTTPS, CidrIp="127.0.0.1/32")],
                "Tags": _name(),
            },
        ),
        "BalancerToServers": resource(
            "EC2::SecurityGroupEgress",
            {"GroupId": balancer, **_rule("Servers", PORT, DestinationSecurityGroupId=servers)},
        ),
        "ServerGroup": resource(
            "EC2::SecurityGroup",
            {
                "GroupDescription": "The servers: called by the load balancer only",
                "VpcId": ref("Vpc"),
                "SecurityGroupEgress": [_rule("AWS, and the keys of user pools", _HTTPS, CidrIp=_ANYWHERE)],
                "Tags": _name(),
            },
        ),
        "ServersFromBalancer": resource(
            "EC2::SecurityGroupIngress",
            {"GroupId": servers, **_rule("The load balancer", PORT, SourceSecurityGroupId=balancer)},
        ),
    }


def _rule(description: str, port: int, **peer: Any) -> dict[str, Any]:
    return {"Description": description, "IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}
