"""Whoever knows the password can prove it, and nobody else."""

from dataclasses import replace

import pytest

from tests.unit.workflows.deployment.local.user_pools.srp_client import TIMESTAMP, SrpClient
from workflows.deployment.local.user_pools.srp import Challenge, N, Verifier, padded

POOL, USER, PASSWORD = "eu-west-1_abc", "0b6f2a1e", "the first one"
IDENTITY = f"abc{USER}"


def answered(verifier: Verifier, password: str = PASSWORD, user: str = USER) -> tuple[Challenge, str]:
    """Return a challenge, and the signature of somebody who types that password."""
    client = SrpClient(POOL, password)
    challenge = Challenge.begin(IDENTITY, verifier, client.public)
    parameters = {
        "USER_ID_FOR_SRP": user,
        "SALT": f"{verifier.salt:x}",
        "SRP_B": f"{challenge.public:x}",
        "SECRET_BLOCK": "AAAA",
    }
    return replace(challenge, block=b"\0\0\0"), client.answer(parameters)["PASSWORD_CLAIM_SIGNATURE"]


# Numbers whose first byte is high or low are padded differently.
@pytest.mark.parametrize("salt", [None, 1, 0x7F, 0x80, 0xFF00, 0x0FFF, 2**127, 2**128 - 1])
@pytest.mark.parametrize("password", [PASSWORD, "ünïcödé ✓", "a" * 256])
def test_the_right_password_is_proved(salt: int | None, password: str) -> None:
    challenge, signature = answered(Verifier.of(IDENTITY, password, salt), password)
    assert challenge.accepts(signature, TIMESTAMP)


def test_whatever_numbers_are_drawn() -> None:
    verifier = Verifier.of(IDENTITY, PASSWORD)
    for _ in range(20):
        challenge, signature = answered(verifier)
        assert challenge.accepts(signature, TIMESTAMP)


def test_nothing_else_is() -> None:
    verifier = Verifier.of(IDENTITY, PASSWORD)
    challenge, signature = answered(verifier)
    for password in (PASSWORD.upper(), f"{PASSWORD} ", ""):
        other, wrong = answered(verifier, password)
        assert not other.accepts(wrong, TIMESTAMP)
    _, of_another_user = answered(verifier, user="another")
    assert not challenge.accepts(of_another_user, TIMESTAMP)
    assert not challenge.accepts(signature, "Sun Nov 29 20:32:44 UTC 2026")
    assert not replace(challenge, block=b"another").accepts(signature, TIMESTAMP)
    assert not answered(verifier)[0].accepts(signature, TIMESTAMP)
    assert not challenge.accepts("nonsense ✓", TIMESTAMP)


@pytest.mark.parametrize("number", ["0", f"{N:x}", f"{2 * N:x}", f"-{N:x}", "-1", "", "xyz", "f" * 10_000])
def test_a_number_that_makes_the_password_irrelevant_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match=r"SRP_A|invalid literal"):
        Challenge.begin(IDENTITY, Verifier.of(IDENTITY, PASSWORD), number)


def test_a_verifier_is_salted_and_recognizes_its_password() -> None:
    one, two = Verifier.of(IDENTITY, PASSWORD), Verifier.of(IDENTITY, PASSWORD)
    assert one != two
    assert Verifier.load(one.stored()) == one
    assert one.matches(IDENTITY, PASSWORD)
    assert not one.matches(IDENTITY, "another")
    assert not one.matches("another", PASSWORD)
    assert PASSWORD not in str(one.stored())


@pytest.mark.parametrize(
    ("number", "as_bytes"), [(1, b"\1"), (0x7F, b"\x7f"), (0x80, b"\0\x80"), (0x100, b"\1\0")]
)
def test_padding(number: int, as_bytes: bytes) -> None:
    assert padded(number) == as_bytes
