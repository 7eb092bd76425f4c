"""A user pool's tokens name its address on AWS, and its keys are where the AWS variables lead."""

import pytest

from resolvers.identity.user_pool import user_pool


@pytest.mark.parametrize(
    ("pool", "issuer"),
    [
        ("eu-west-1_Abc", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc"),
        ("cn-north-1_Abc", "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Abc"),
    ],
)
def test_where_a_pools_keys_are(monkeypatch: pytest.MonkeyPatch, pool: str, issuer: str) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert _names(pool) == (issuer, f"{issuer}/.well-known/jwks.json")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert _names(pool) == (issuer, f"http://127.0.0.1:4566/{pool}/.well-known/jwks.json")
    assert _names(pool, on_aws=True) == (issuer, f"{issuer}/.well-known/jwks.json")


def _names(pool: str, *, on_aws: bool = False) -> tuple[str, str]:
    trusted = user_pool(pool, ["app"], on_aws=on_aws)
    return trusted.name, trusted.keys._url  # type: ignore[attr-defined]
