"""Tokens are valid while their session lasts, and for no other pool or client."""

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from workflows.deployment.local.user_pools import attributes, tokens
from workflows.deployment.local.user_pools.refusals import RefusedError
from workflows.deployment.local.user_pools.tokens import Signer

NOW = time.time()
CLIENT = {"ClientId": "app"}


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer(generate_private_key(public_exponent=65537, key_size=2048), "kid")


@pytest.fixture
def pool() -> dict[str, Any]:
    user = {"Username": "u", "Attributes": attributes.listed({"sub": "u", "email_verified": "true"})}
    return {"Id": "eu-west-1_abc", "_users": {"u": user}}


def begun(pool: dict[str, Any], signer: Signer, now: float = NOW, **client: Any) -> dict[str, Any]:
    return tokens.begin_session(pool, {**CLIENT, **client}, pool["_users"]["u"], signer, now)


def refusal(call: Any, *given: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        call(*given)
    return refused.value.message


def test_an_access_token_names_its_user_until_it_expires(pool: dict[str, Any], signer: Signer) -> None:
    access = begun(pool, signer)["AccessToken"]
    assert tokens.user_of(pool, access, signer, NOW + 3599) is pool["_users"]["u"]
    assert "expired" in refusal(tokens.user_of, pool, access, signer, NOW + 3600)


def test_other_tokens_name_nobody(pool: dict[str, Any], signer: Signer) -> None:
    result = begun(pool, signer)
    claims = jwt.decode(result["AccessToken"], options={"verify_signature": False})
    elsewhere = signer.sign({**claims, "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_other"})
    unsigned = jwt.encode(claims, "", algorithm="none")
    stranger = Signer(generate_private_key(public_exponent=65537, key_size=2048), "kid").sign(claims)
    for token in (result["IdToken"], result["RefreshToken"], elsewhere, unsigned, stranger, "", None, 7):
        assert refusal(tokens.user_of, pool, token, signer, NOW) == "Invalid Access Token"
    del pool["_users"]["u"]
    assert "does not exist" in refusal(tokens.user_of, pool, result["AccessToken"], signer, NOW)


def test_a_session_is_refreshed_until_it_ends(pool: dict[str, Any], signer: Signer) -> None:
    token = begun(pool, signer)["RefreshToken"]
    month = 30 * 86_400
    result = tokens.refresh(pool, CLIENT, token, signer, NOW + month - 1)
    assert "RefreshToken" not in result
    claims = jwt.decode(result["AccessToken"], options={"verify_signature": False})
    assert (claims["auth_time"], claims["iat"]) == (int(NOW), int(NOW + month - 1))
    for wrong in (token + "x", token.partition(".")[0], "", "."):
        assert "revoked" in refusal(tokens.refresh, pool, CLIENT, wrong, signer, NOW)
    assert "revoked" in refusal(tokens.refresh, pool, {"ClientId": "another"}, token, signer, NOW)
    pool["_users"]["u"]["Enabled"] = False
    assert "disabled" in refusal(tokens.refresh, pool, CLIENT, token, signer, NOW)
    assert "revoked" in refusal(tokens.refresh, pool, CLIENT, token, signer, NOW + month)


def test_no_secret_is_stored(pool: dict[str, Any], signer: Signer) -> None:
    _name, _, secret = begun(pool, signer)["RefreshToken"].partition(".")
    assert secret not in str(pool)


def test_the_oldest_of_many_sessions_makes_room(pool: dict[str, Any], signer: Signer) -> None:
    results = [begun(pool, signer) for _ in range(102)]
    assert len(pool["_sessions"]) == 100
    assert "revoked" in refusal(tokens.refresh, pool, CLIENT, results[1]["RefreshToken"], signer, NOW)
    tokens.refresh(pool, CLIENT, results[2]["RefreshToken"], signer, NOW)


def test_a_client_says_how_long_tokens_live(pool: dict[str, Any], signer: Signer) -> None:
    lifetimes: dict[str, Any] = {
        "AccessTokenValidity": 5,
        "IdTokenValidity": 2,
        "RefreshTokenValidity": 1,
        "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "hours", "RefreshToken": "days"},
    }
    result = begun(pool, signer, NOW, **lifetimes)
    lives = [
        claims["exp"] - claims["iat"]
        for claims in (
            jwt.decode(result[kind], options={"verify_signature": False}) for kind in ("AccessToken", "IdToken")
        )
    ]
    assert (lives, result["ExpiresIn"]) == ([300, 7200], 300)
    assert "revoked" in refusal(tokens.refresh, pool, CLIENT, result["RefreshToken"], signer, NOW + 86_400)
