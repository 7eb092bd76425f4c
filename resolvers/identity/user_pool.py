"""A Cognito user pool as an issuer of tokens."""

from collections.abc import Collection

from botocore.config import Config

from models.storage.calls import new_client
from resolvers.identity.callers import TrustedIssuer
from resolvers.identity.keys import IssuerLimits, RemoteKeys

_ON_AWS = Config(ignore_configured_endpoint_urls=True, use_fips_endpoint=False)  # type: ignore[call-arg]  # the stubs do not know it


def user_pool(
    pool: str,
    clients: Collection[str],
    *,
    on_aws: bool = False,
    limits: IssuerLimits = IssuerLimits(),  # noqa: B008 — immutable
) -> TrustedIssuer:
    """Return a user pool as an issuer whose tokens are accepted.

    Its tokens name the address that the pool has on AWS, in the domain of the region. Its keys are read from where
    the standard variables say that Cognito is (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER`):
    on AWS, or in the local cloud.

    Args:
        pool: the pool's id, which begins with its region.
        clients: the ids of the app clients whose tokens are accepted.
        on_aws: whether the pool is on AWS, wherever the variables lead.
        limits: what reading its keys may cost.
    """
    region = pool.partition("_")[0]
    named = new_client("cognito-idp", region_name=region, config=_ON_AWS).meta.endpoint_url
    reached = named if on_aws else new_client("cognito-idp", region_name=region).meta.endpoint_url
    return TrustedIssuer(f"{named}/{pool}", clients, RemoteKeys(f"{reached}/{pool}/.well-known/jwks.json", limits))
