"""The Cognito user pool of a deployment that has none yet, where the app signs its users up and in."""

import hashlib
from typing import Any

from workflows.deployment.template.intrinsics import Resource, if_, ref, resource
from workflows.deployment.template.service.parts import Served

# The groups that HourBank's access rules name.
GROUPS = ("admin", "moderator")
_CONDITION = "MakesUserPool"


def user_pool_resources(served: Served) -> dict[str, Resource]:
    """Return the pool, the app's client and the groups; none of them if the app's own pool is given."""
    groups = {
        _group_id(group): resource(
            "Cognito::UserPoolGroup",
            {"UserPoolId": ref("OwnUserPool"), "GroupName": group},
            Condition=_CONDITION,
        )
        for group in served.groups
        # A pool's groups have no blanks in their names, so that nobody can be in such a one.
        if not any(map(str.isspace, group))
    }
    return {"OwnUserPool": _pool(), "OwnUserPoolClient": _client(), **groups}


def _group_id(group: str) -> str:
    """Return a group's id in the template, which has letters and digits only; groups differ by their case, too."""
    if group.isascii() and group.isalnum() and group.islower():
        return f"{group.capitalize()}Group"
    return f"Group{hashlib.sha256(group.encode()).hexdigest()[:12]}"


def _pool() -> Resource:
    properties: dict[str, Any] = {
        "UserPoolName": ref("AWS::StackName"),
        # AWS allows names that are addresses, or names beside them: an app made for Amplify has the former.
        "UsernameAttributes": ["email"],
        "UsernameConfiguration": {"CaseSensitive": False},
        "AutoVerifiedAttributes": ["email"],
        "AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]},
        # An address counts only after its code has come back.
        "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]},
        "Policies": {
            "PasswordPolicy": {
                "MinimumLength": 10,
                "RequireLowercase": False,
                "RequireUppercase": False,
                "RequireNumbers": False,
                "RequireSymbols": False,
            }
        },
        "MfaConfiguration": "OPTIONAL",
        "EnabledMfas": ["SOFTWARE_TOKEN_MFA"],
        "DeletionProtection": if_("IsProtected", "ACTIVE", "INACTIVE"),
    }
    # A member's id is their `sub`: without the pool nobody could be signed in as who they were.
    return resource(
        "Cognito::UserPool",
        properties,
        Condition=_CONDITION,
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
    )


def _client() -> Resource:
    return resource(
        "Cognito::UserPoolClient",
        {
            "UserPoolId": ref("OwnUserPool"),
            "ClientName": "app",
            "GenerateSecret": False,  # a page cannot keep one
            # The password never leaves the app.
            "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            "PreventUserExistenceErrors": "ENABLED",
            "EnableTokenRevocation": True,
            "AccessTokenValidity": 60,
            "IdTokenValidity": 60,
            "RefreshTokenValidity": 30,
            "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"},
        },
        Condition=_CONDITION,
    )
