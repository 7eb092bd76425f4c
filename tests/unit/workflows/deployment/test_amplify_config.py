"""An app made for Amplify is configured with what the outputs of a deployment's stack say."""

import json

import pytest

from models.settings import Settings
from tests.unit.workflows.deployment.fake_account import FakeAccount
from tests.unit.workflows.deployment.test_servers import ENVIRONMENT, OLD
from workflows.deployment import amplify_config, servers
from workflows.deployment.amplify_config import NoAppError, amplify_v5, amplify_v6, servers_on_aws
from workflows.deployment.servers import Servers

SETTINGS = Settings(stack=ENVIRONMENT.stack).model_copy(update={"region": "eu-west-1"})
URL = "https://api.example.org/graphql"
OUTPUTS = {"GraphqlUrl": URL, "UserPoolId": "eu-central-1_Abc", "UserPoolClients": "web,native"}


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> FakeAccount:
    """Return an account without servers."""
    found = FakeAccount()
    found.install(monkeypatch)

    def stack(name: str, *_given: object, **_more: object) -> FakeAccount:
        found.name = name
        return found

    for module in (servers, amplify_config):
        monkeypatch.setattr(module, "Stack", stack)
    return found


@pytest.fixture
def account(empty: FakeAccount) -> FakeAccount:
    """Return an account with servers, whose outputs have got their values."""
    found = empty
    Servers(ENVIRONMENT, SETTINGS, image=OLD, report=lambda _line: None).deploy()
    outputs = found.body["Outputs"]
    found.body["Outputs"] = {name: {"Value": OUTPUTS.get(name, "")} for name in outputs}
    return found


@pytest.mark.usefixtures("account")
def test_the_outputs_say_what_an_app_of_version_6_needs() -> None:
    assert amplify_v6(servers_on_aws(SETTINGS, "native")) == {
        "version": "0",
        "Auth": {
            "Cognito": {
                "userPoolId": "eu-central-1_Abc",
                "userPoolClientId": "native",
                "loginWith": {"username": True, "email": True, "phone": True},
                "signUpVerificationMethod": "code",
            }
        },
        "API": {"GraphQL": {"endpoint": URL, "region": "eu-west-1", "defaultAuthMode": "userPool"}},
    }


@pytest.mark.usefixtures("account")
def test_the_outputs_say_what_an_app_of_version_5_needs() -> None:
    text = amplify_v5(servers_on_aws(SETTINGS, "web"))
    exports = json.loads(text.partition("=")[2].partition(";")[0])
    assert exports == {
        "aws_project_region": "eu-west-1",
        "aws_cognito_region": "eu-central-1",
        "aws_user_pools_id": "eu-central-1_Abc",
        "aws_user_pools_web_client_id": "web",
        "aws_appsync_graphqlEndpoint": URL,
        "aws_appsync_region": "eu-west-1",
        "aws_appsync_authenticationType": "AMAZON_COGNITO_USER_POOLS",
    }


def test_the_only_client_need_not_be_named(account: FakeAccount) -> None:
    account.body["Outputs"]["UserPoolClients"]["Value"] = "web"
    assert servers_on_aws(SETTINGS).client == "web"


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("client", [None, "another"])
def test_one_of_several_clients_must_be_named(client: str | None) -> None:
    with pytest.raises(NoAppError, match="--client must be one of web, native"):
        servers_on_aws(SETTINGS, client)


@pytest.mark.usefixtures("empty")
def test_without_servers_the_way_out_is_named() -> None:
    with pytest.raises(NoAppError, match="There is no stack hourbank-try-service: deploy servers first"):
        servers_on_aws(SETTINGS)


@pytest.mark.usefixtures("account")
def test_an_app_whose_callers_have_a_key_is_told_the_first_one() -> None:
    keyed = servers_on_aws(SETTINGS, "web").by_key(("da2-first", "da2-second"))
    graphql = {"endpoint": URL, "region": "eu-west-1", "defaultAuthMode": "apiKey", "apiKey": "da2-first"}
    assert amplify_v6(keyed)["API"] == {"GraphQL": graphql}
    exports = json.loads(amplify_v5(keyed).partition("=")[2].partition(";")[0])
    assert (exports["aws_appsync_authenticationType"], exports["aws_appsync_apiKey"]) == ("API_KEY", "da2-first")


@pytest.mark.usefixtures("account")
def test_without_a_key_the_variable_is_named() -> None:
    with pytest.raises(NoAppError, match="set HOURBANK_API_KEYS"):
        servers_on_aws(SETTINGS, "web").by_key(())
