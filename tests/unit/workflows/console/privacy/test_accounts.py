"""The accounts of a user pool: found by the `sub`, and deleted once."""

from typing import Any

import boto3
import pytest

from workflows.console.privacy.accounts import UserAccounts


class Pool:
    """A user pool as boto3 shows it, with one user."""

    class exceptions:  # noqa: N801 — as boto3 names it
        """Its errors."""

        class UserNotFoundException(Exception):  # noqa: N818 — as AWS names it
            """There is no such user."""

    def __init__(self) -> None:
        self.users = [{"Username": "u1", "Attributes": [{"Name": "sub", "Value": 'a"1'}]}]
        self.filters: list[str] = []
        self.region = ""
        self.is_deleted_meanwhile = False

    def client(self, service: str, *, region_name: str) -> "Pool":
        assert service == "cognito-idp"
        self.region = region_name
        return self

    def list_users(self, **given: Any) -> dict[str, Any]:
        assert (given["UserPoolId"], given["Limit"]) == ("eu-west-1_Abc", 1)
        self.filters.append(given["Filter"])
        return {"Users": self.users}

    def admin_delete_user(self, **given: Any) -> None:
        assert given == {"UserPoolId": "eu-west-1_Abc", "Username": "u1"}
        if self.is_deleted_meanwhile:
            raise self.exceptions.UserNotFoundException
        self.users = []


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    made = Pool()
    monkeypatch.setattr(boto3, "Session", lambda: made)
    return made


async def test_an_account_is_found_and_deleted_by_its_sub(pool: Pool) -> None:
    accounts = UserAccounts("eu-west-1_Abc")
    assert await accounts.attributes('a"1') == {"sub": 'a"1'}
    assert (pool.region, pool.filters) == ("eu-west-1", ['sub = "a\\"1"'])
    assert [await accounts.delete('a"1') for _ in range(2)] == [True, False]
    assert await accounts.attributes('a"1') is None


async def test_an_account_that_is_deleted_meanwhile_is_none(pool: Pool) -> None:
    pool.is_deleted_meanwhile = True
    assert not await UserAccounts("eu-west-1_Abc").delete("a1")
