"""What an app made for Amplify must be configured with to use a server and its user pool."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from models.errors import ExpectedError
from models.settings import Settings
from workflows.console.exits import explain_aws_errors
from workflows.deployment.environments import service_stack
from workflows.deployment.local.user_pool import LocalUserPool
from workflows.deployment.stack import Stack


class NoAppError(ExpectedError):
    """The deployment has no servers, or the app's client must be named; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A server and its user pool, as an app must know them.

    Args:
        url: the address of the server's GraphQL.
        region: the server's.
        pool: the id of the user pool.
        pool_region: the pool's.
        client: the id of the app client.
        pool_endpoint: where clients reach the pool; None if it is on AWS, where they find it by its id.
        api_key: what callers prove who they are by unless they choose another way; None if that is the user pool.
    """

    url: str
    region: str
    pool: str
    pool_region: str
    client: str
    pool_endpoint: str | None = None
    api_key: str | None = None

    def by_key(self, keys: Sequence[str]) -> Self:
        """Return this for an app whose default authorization mode is the API key; several keys count alike.

        Raises:
            NoAppError: there is none.
        """
        if not keys:
            raise NoAppError(
                "The app's default authorization mode is the API key: set HOURBANK_API_KEYS as its server has it."
            )
        return replace(self, api_key=keys[0])


def server_here(settings: Settings, port: int, *, tls: bool) -> Backend:
    """Return the running local server on a port, with its user pool."""
    pool = LocalUserPool.find_or_make(settings)
    return Backend(
        url=f"https://localhost:{port}/graphql" if tls else _escaped(f"http://127.0.0.1:{port}/graphql"),
        region=pool.region,
        pool=pool.id,
        pool_region=pool.region,
        client=pool.client,
        pool_endpoint=f"{pool.endpoint}/",
    )


def servers_on_aws(settings: Settings, client: str | None = None) -> Backend:
    """Return the servers of a deployment, with their user pool.

    Args:
        settings: the deployment's.
        client: the app client's id; None for the only one whose tokens count.

    Raises:
        NoAppError: there are no servers, or no such client, or there are several.
    """
    stack = Stack(service_stack(settings.stack), lambda _line: None)
    with explain_aws_errors(f"The stack {stack.name}"):
        found = stack.find()
    if found is None:
        raise NoAppError(
            f"There is no stack {stack.name}: deploy servers first (docs/aws.md). HOURBANK_STACK names the stack "
            "of tables and workflows, for instance hourbank-prod."
        )
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())}
    clients = outputs["UserPoolClients"].split(",")
    wanted = client or clients[0]
    if wanted not in clients or (client is None and len(clients) > 1):
        raise NoAppError(f"--client must be one of {', '.join(clients)}: the app clients whose tokens count.")
    pool = outputs["UserPoolId"]
    return Backend(
        url=outputs["GraphqlUrl"],
        region=settings.region,
        pool=pool,
        pool_region=pool.partition("_")[0],
        client=wanted,
    )


def pool_of_members(settings: Settings, *, aws: bool) -> str | None:
    """Return the id of the user pool with which a deployment's members sign in.

    Args:
        settings: the deployment's settings.
        aws: whether it is on AWS; otherwise it is the running local cloud.

    Returns:
        None if the deployment has no servers, whose stack says it.
    """
    if not aws:
        return LocalUserPool.find_or_make(settings).id
    stack = Stack(service_stack(settings.stack), lambda _line: None)
    with explain_aws_errors(f"The stack {stack.name}"):
        found = stack.find()
    outputs = {} if found is None else {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())}
    return outputs.get("UserPoolId")


def amplify_v6(backend: Backend) -> dict[str, Any]:
    """Return the content of `amplifyconfiguration.json`, for `Amplify.configure` of version 6.

    The usual form of that file, with names such as `aws_user_pools_id`, has no place for a local pool's address.
    So this is the form into which Amplify itself translates the usual one. TypeScript takes it from a JSON file
    only if it has a `version`, and Amplify leaves it as it is only if that does not begin with 1.
    """
    cognito = {
        "userPoolId": backend.pool,
        "userPoolClientId": backend.client,
        **({} if backend.pool_endpoint is None else {"userPoolEndpoint": backend.pool_endpoint}),
        "loginWith": {"username": True, "email": True, "phone": True},
        "signUpVerificationMethod": "code",
    }
    graphql = {
        "endpoint": backend.url,
        "region": backend.region,
        "defaultAuthMode": "userPool" if backend.api_key is None else "apiKey",
        **({} if backend.api_key is None else {"apiKey": backend.api_key}),
    }
    return {"version": "0", "Auth": {"Cognito": cognito}, "API": {"GraphQL": graphql}}


def amplify_v5(backend: Backend) -> str:
    """Return the text of `aws-exports.js`, for `Amplify.configure` of version 5."""
    exports = {
        "aws_project_region": backend.region,
        "aws_cognito_region": backend.pool_region,
        "aws_user_pools_id": backend.pool,
        "aws_user_pools_web_client_id": backend.client,
        **({} if backend.pool_endpoint is None else {"Auth": {"endpoint": backend.pool_endpoint}}),
        "aws_appsync_graphqlEndpoint": backend.url,
        "aws_appsync_region": backend.region,
        "aws_appsync_authenticationType": "AMAZON_COGNITO_USER_POOLS" if backend.api_key is None else "API_KEY",
        **({} if backend.api_key is None else {"aws_appsync_apiKey": backend.api_key}),
    }
    return f"const awsmobile = {json.dumps(exports, indent=2)};\n\nexport default awsmobile;"


def _escaped(url: str) -> str:
    """Return an address whose `http` is in capitals; otherwise Amplify would look for its socket at `wss://`."""
    return url.replace("http://", "HTTP://", 1)
