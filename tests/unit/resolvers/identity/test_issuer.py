"""The tokens of the local issuer: its own claims, and those that somebody wants beside them."""

import re
from pathlib import Path

import jwt
import pytest

from resolvers.identity.issuer import InvalidClaimError, LocalIssuer, claims_of


def test_further_claims_stand_beside_the_issuers_own(tmp_path: Path) -> None:
    token = LocalIssuer(tmp_path).mint("s", "alice", ["crew"], more={"team": "red", "sub": "eve", "exp": 1})
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["team"], claims["cognito:groups"]) == ("s", "red", ["crew"])
    assert claims["exp"] > claims["iat"]


def test_its_key_for_applications_stays_the_same(tmp_path: Path) -> None:
    key = LocalIssuer(tmp_path / "here").api_key()
    assert key == LocalIssuer(tmp_path / "here").api_key() != LocalIssuer(tmp_path / "there").api_key()
    assert re.fullmatch(r"da2-[a-z0-9]{26}", key)


def test_a_claim_that_comes_again_is_a_list() -> None:
    assert claims_of(["team=red", "role=a", "role=b=c", "empty="]) == {
        "team": "red",
        "role": ["a", "b=c"],
        "empty": "",
    }
    assert claims_of([]) == {}


@pytest.mark.parametrize("text", ["team", "=red", ""])
def test_a_claim_has_a_name_and_a_value(text: str) -> None:
    with pytest.raises(InvalidClaimError, match="NAME=VALUE"):
        claims_of([text])
