"""The accounts with which members sign in, as far as an export or an erasure needs them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import boto3


class SignInAccounts(Protocol):
    """The accounts of a user pool; calls wait in threads of their own."""

    async def attributes(self, sub: str) -> Mapping[str, str] | None:
        """Return what the pool keeps about a member, None if they have no account."""

    async def delete(self, sub: str) -> bool:
        """Delete a member's account; return whether there was one."""


@dataclass(frozen=True, slots=True)
class UserAccounts:
    """A pool's accounts.

    Args:
        pool: its id.
    """

    pool: str

    async def attributes(self, sub: str) -> Mapping[str, str] | None:
        """Return the attributes of a member's account, None if they have none."""
        user = await asyncio.to_thread(self._find, sub)
        return None if user is None else {one["Name"]: one["Value"] for one in user["Attributes"]}

    async def delete(self, sub: str) -> bool:
        """Delete a member's account; return whether there was one."""
        return await asyncio.to_thread(self._delete, sub)

    def _find(self, sub: str) -> dict[str, Any] | None:
        quoted = sub.replace("\\", "\\\\").replace('"', '\\"')
        found = self._client().list_users(UserPoolId=self.pool, Filter=f'sub = "{quoted}"', Limit=1)["Users"]
        return found[0] if found else None

    def _delete(self, sub: str) -> bool:
        if (user := self._find(sub)) is None:
            return False
        client = self._client()
        try:
            client.admin_delete_user(UserPoolId=self.pool, Username=user["Username"])
        except client.exceptions.UserNotFoundException:
            return False  # deleted meanwhile
        return True

    def _client(self) -> Any:
        # A pool's id begins with its region, which need not be the deployment's.
        return boto3.Session().client("cognito-idp", region_name=self.pool.partition("_")[0])
