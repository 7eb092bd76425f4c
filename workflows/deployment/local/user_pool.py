"""The local cloud's user pool, with which an app's own forms for signing up and in work on one machine.

It is not part of the CloudFormation template: on AWS an app's pool exists already, and the server is told of it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.storage.calls import new_client

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from models.settings import Settings

_CLIENT = "app"
_GROUPS = ("admin", "moderator")
_ENOUGH = 60  # pools on a page, which is the most that Cognito allows
_POOL: dict[str, Any] = {
    "UsernameAttributes": ["email", "phone_number"],
    # AWS allows one of the two only; a form that signs up with an address and signs in by user name needs both.
    "AliasAttributes": ["preferred_username"],
    "AutoVerifiedAttributes": ["email"],
    "UsernameConfiguration": {"CaseSensitive": False},
    # What Amplify's command line sets up unless it is told otherwise.
    "Policies": {
        "PasswordPolicy": {
            "MinimumLength": 8,
            "RequireUppercase": False,
            "RequireLowercase": False,
            "RequireNumbers": False,
            "RequireSymbols": False,
        }
    },
}
_APP: dict[str, Any] = {
    "GenerateSecret": False,
    "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    "PreventUserExistenceErrors": "ENABLED",
    "EnableTokenRevocation": True,
    "AccessTokenValidity": 60,
    "IdTokenValidity": 60,
    "RefreshTokenValidity": 30,
    "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"},
}


@dataclass(frozen=True, slots=True)
class PoolUser:
    """A user to begin with, whose `sub` is known in advance.

    Args:
        sub: the Cognito subject, which is also the member's id.
        email: an address, with which they sign in.
        username: a name, with which they sign in, too.
        groups: their Cognito groups.
    """

    sub: str
    email: str
    username: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LocalUserPool:
    """A user pool of the local cloud.

    Args:
        region: of the local cloud.
        id: the pool's.
        client: the id of the app client.
        endpoint: where clients reach it.
    """

    region: str
    id: str
    client: str
    endpoint: str

    @classmethod
    def find_or_make(cls, settings: "Settings", groups: "Collection[str]" = _GROUPS) -> "LocalUserPool":
        """Return the deployment's pool in the cloud that the AWS variables lead to; make what is missing of it.

        Args:
            settings: the deployment's settings.
            groups: the pool's groups.
        """
        cognito: Any = new_client("cognito-idp", region_name=settings.region)
        pools = cognito.get_paginator("list_user_pools").paginate(MaxResults=_ENOUGH)
        pool = _named("Name", settings.stack, "Id", (one for page in pools for one in page["UserPools"]))
        if pool is None:
            pool = str(cognito.create_user_pool(PoolName=settings.stack, **_POOL)["UserPool"]["Id"])
        found = cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=_ENOUGH)["UserPoolClients"]
        client = _named("ClientName", _CLIENT, "ClientId", found)
        if client is None:
            made = cognito.create_user_pool_client(UserPoolId=pool, ClientName=_CLIENT, **_APP)
            client = str(made["UserPoolClient"]["ClientId"])
        existing = {group["GroupName"] for group in cognito.list_groups(UserPoolId=pool)["Groups"]}
        for group in groups:
            if group not in existing:
                cognito.create_group(UserPoolId=pool, GroupName=group)
        return cls(settings.region, pool, client, cognito.meta.endpoint_url)

    def add(self, users: "Iterable[PoolUser]", password: str) -> None:
        """Add confirmed users, all with one password; those who exist already are left unchanged."""
        cognito: Any = new_client("cognito-idp", region_name=self.region)
        for user in users:
            named = {"UserPoolId": self.id, "Username": user.email}
            described = {
                "sub": user.sub,  # which only MiniStack lets a caller choose
                "email": user.email,
                "email_verified": "true",
                "preferred_username": user.username,
            }
            try:
                cognito.admin_create_user(
                    **named,
                    UserAttributes=[{"Name": name, "Value": value} for name, value in described.items()],
                    MessageAction="SUPPRESS",
                )
            except cognito.exceptions.UsernameExistsException:
                if cognito.admin_get_user(**named)["UserStatus"] == "CONFIRMED":
                    continue
            for group in user.groups:
                cognito.admin_add_user_to_group(**named, GroupName=group)
            # Last, so that a user who was added in part is recognized.
            cognito.admin_set_user_password(**named, Password=password, Permanent=True)


def exists(pool: str, settings: "Settings") -> bool:
    """Return whether the cloud that the AWS variables lead to has a user pool of that id."""
    cognito: Any = new_client("cognito-idp", region_name=settings.region)
    try:
        cognito.describe_user_pool(UserPoolId=pool)
    except cognito.exceptions.ResourceNotFoundException:
        return False
    return True


def _named(key: str, name: str, wanted: str, found: "Iterable[dict[str, Any]]") -> str | None:
    """Return one field of what has that name, None if nothing has it."""
    return next((str(one[wanted]) for one in found if one[key] == name), None)
