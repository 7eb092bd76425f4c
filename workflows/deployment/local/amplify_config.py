"""What an app made for Amplify must be configured with to use a local server and its user pool."""

import json
from typing import Any

from workflows.deployment.local.user_pool import LocalUserPool


def amplify_v6(pool: LocalUserPool, url: str) -> dict[str, Any]:
    """Return the content of `amplifyconfiguration.json`, for `Amplify.configure` of version 6.

    The usual form of that file, with names such as `aws_user_pools_id`, has no place for a user pool's address. So
    this is the form into which Amplify itself translates the usual one. TypeScript takes it from a JSON file only
    if it has a `version`, and Amplify leaves it as it is only if that does not begin with 1.

    Args:
        pool: the local user pool.
        url: the address of the server's GraphQL.
    """
    cognito = {
        "userPoolId": pool.id,
        "userPoolClientId": pool.client,
        "userPoolEndpoint": f"{pool.endpoint}/",
        "loginWith": {"username": True, "email": True, "phone": True},
        "signUpVerificationMethod": "code",
    }
    graphql = {"endpoint": _escaped(url), "region": pool.region, "defaultAuthMode": "userPool"}
    return {"version": "0", "Auth": {"Cognito": cognito}, "API": {"GraphQL": graphql}}


def amplify_v5(pool: LocalUserPool, url: str) -> str:
    """Return the text of `aws-exports.js`, for `Amplify.configure` of version 5.

    Args:
        pool: the local user pool.
        url: the address of the server's GraphQL.
    """
    exports = {
        "aws_project_region": pool.region,
        "aws_cognito_region": pool.region,
        "aws_user_pools_id": pool.id,
        "aws_user_pools_web_client_id": pool.client,
        "Auth": {"endpoint": f"{pool.endpoint}/"},
        "aws_appsync_graphqlEndpoint": _escaped(url),
        "aws_appsync_region": pool.region,
        "aws_appsync_authenticationType": "AMAZON_COGNITO_USER_POOLS",
    }
    return f"const awsmobile = {json.dumps(exports, indent=2)};\n\nexport default awsmobile;"


def _escaped(url: str) -> str:
    """Return an address whose `http` is in capitals; otherwise Amplify would look for its socket at `wss://`."""
    return url.replace("http://", "HTTP://", 1)
