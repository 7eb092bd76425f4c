"""A server and its user pool: found again at every start, its tokens accepted beside the local issuer's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from resolvers.hosting.demo_data import DEMO_MEMBERS, DEMO_PASSWORD, sub_of
from tests.integration.conftest import Cloud, Server, asking, minting
from tests.integration.forked_commands import printed
from tests.unit.workflows.deployment.local.user_pools.srp_client import SrpClient
from workflows.deployment.local.user_pool import _APP, _POOL

ME = "query Me($id: ID!) { getUser(id: $id) { id username } }"
RECONCILE = "mutation { reconcileBalances { __typename } }"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "own")
    running.start()
    yield running
    running.stop()


def cognito_of(server: Server) -> Any:
    return Cloud.of(server.directory).client("cognito-idp")


def configured(server: Server) -> dict[str, Any]:
    """Return what `amplify-config` prints."""
    _, output = printed("amplify-config", HOURBANK_LOCAL=str(server.directory), PORT=str(server.port))
    config: dict[str, Any] = json.loads(output)
    return config


def token_of(server: Server, username: str, password: str = DEMO_PASSWORD) -> str:
    """Sign in with the configuration that is printed, and return the access token."""
    cognito = configured(server)["Auth"]["Cognito"]
    client, api = SrpClient(cognito["userPoolId"], password), cognito_of(server)
    app = {"ClientId": cognito["userPoolClientId"]}
    parameters = {"USERNAME": username, "SRP_A": client.public}
    asked = api.initiate_auth(**app, AuthFlow="USER_SRP_AUTH", AuthParameters=parameters)
    answer = client.answer(asked["ChallengeParameters"])
    given = api.respond_to_auth_challenge(**app, ChallengeName=asked["ChallengeName"], ChallengeResponses=answer)
    return str(given["AuthenticationResult"]["AccessToken"])


async def reads(server: Server, token: str, name: str) -> str:
    async with asking(server) as ask:
        return str((await ask(token, ME, {"id": sub_of(name)}))["getUser"]["username"])


@pytest.mark.long
async def test_the_pool_and_its_users_are_found_again(own: Server) -> None:
    before = configured(own)
    assert before["API"]["GraphQL"]["endpoint"] == f"HTTP://127.0.0.1:{own.port}/graphql"
    users = cognito_of(own).list_users(UserPoolId=before["Auth"]["Cognito"]["userPoolId"])["Users"]
    token = token_of(own, "ALICE")
    for _ in range(2):
        assert await reads(own, token, "alice") == "alice"
        assert await reads(own, minting(own)("alice"), "alice") == "alice"
        own.end()
        own.start()
    assert configured(own) == before
    again = cognito_of(own).list_users(UserPoolId=before["Auth"]["Cognito"]["userPoolId"])["Users"]
    assert again == users
    assert len(users) == len(DEMO_MEMBERS)


async def test_a_group_of_the_pool_gives_its_rights(own: Server) -> None:
    async with asking(own) as ask:
        assert await ask(token_of(own, "admin@example.org"), RECONCILE)
    pool = configured(own)["Auth"]["Cognito"]["userPoolId"]
    groups = cognito_of(own).list_groups(UserPoolId=pool)["Groups"]
    assert {group["GroupName"] for group in groups} == {"admin", "moderator"}


@pytest.mark.long
async def test_another_pool_counts_when_the_settings_name_it(own: Server) -> None:
    api = cognito_of(own)
    pool = api.create_user_pool(PoolName="another", **_POOL)["UserPool"]["Id"]
    app = api.create_user_pool_client(UserPoolId=pool, ClientName="app", **_APP)["UserPoolClient"]["ClientId"]
    named = {"UserPoolId": pool, "Username": "alice@example.org"}
    api.admin_create_user(**named, UserAttributes=[{"Name": "sub", "Value": sub_of("alice")}])
    api.admin_set_user_password(**named, Password=DEMO_PASSWORD, Permanent=True)
    given = {"USERNAME": "alice@example.org", "PASSWORD": DEMO_PASSWORD}
    signed_in = api.initiate_auth(ClientId=app, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given)
    token = signed_in["AuthenticationResult"]["AccessToken"]
    body = {"query": "{ __typename }"}
    async with httpx.AsyncClient(headers={"Authorization": token}) as client:
        refused = await client.post(f"{own.url}/graphql", json=body)
    assert (refused.status_code, "issuer" in refused.text) == (401, True)

    own.end()
    own._environment.update(HOURBANK_USER_POOL=pool, HOURBANK_USER_POOL_CLIENTS=app)
    own.start()
    assert await reads(own, token, "alice") == "alice"
    assert await reads(own, token_of(own, "alice"), "alice") == "alice"
    assert await reads(own, minting(own)("alice"), "alice") == "alice"
