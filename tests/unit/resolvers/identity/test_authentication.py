"""Which headers authenticate, and whom."""

from collections.abc import Mapping

import pytest
from pydantic import ValidationError
from starlette.datastructures import Headers

from resolvers.hosting.settings import ServerSettings
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Caller
from resolvers.identity.keys import UnauthenticatedError
from tests.unit.mirror import ALICE
from tests.unit.verifiers import Forgetful

KEYS = ("da2-abcdefghijklmnopqrstuvwxyz", "da2-zyxwvutsrqponmlkjihgfedcba")


class FakeVerifier(Forgetful):
    """Accepts one token."""

    async def caller(self, authorization: str) -> Caller:
        if authorization != "alice":
            raise UnauthenticatedError("Invalid token")
        return ALICE


@pytest.mark.parametrize(
    ("sources", "caller"),
    [
        ([{"Authorization": "alice"}], ALICE),
        ([{"authorization": "alice", "x-api-key": "unknown"}], ALICE),
        ([{}, {"AUTHORIZATION": "alice"}], ALICE),
        ([{"Authorization": None}, {"authorization": "alice"}], ALICE),
        ([{"x-api-key": KEYS[0]}], None),
        ([{"X-Api-Key": KEYS[1]}], None),
        ([{"x-api-key": KEYS[0]}, {"authorization": "x"}], None),
    ],
)
async def test_a_valid_token_or_key_authenticates(
    sources: list[Mapping[str, object]], caller: Caller | None
) -> None:
    assert await Authentication(FakeVerifier(), KEYS).authenticate(*sources) == caller


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([], "Missing authorization"),
        ([{}, {}], "Missing authorization"),
        ([{"Authorization": ["alice"]}], "Missing authorization"),
        ([{"Authorization": ""}], "Invalid token"),
        ([{"Authorization": "x"}, {"Authorization": "alice"}], "Invalid token"),
        ([{"Authorization": "x", "x-api-key": KEYS[0]}], "Invalid token"),
        ([{"x-api-key": ""}], "not authorized"),
        ([{"x-api-key": KEYS[0][:-1]}], "not authorized"),
        ([{"x-api-key": KEYS[0] + "x"}], "not authorized"),
        ([{"x-api-key": "\ud800ä"}], "not authorized"),
    ],
)
async def test_anything_else_does_not_authenticate(sources: list[Mapping[str, object]], message: str) -> None:
    with pytest.raises(UnauthenticatedError, match=message):
        await Authentication(FakeVerifier(), KEYS).authenticate(*sources)


async def test_every_key_is_refused_if_none_is_configured() -> None:
    with pytest.raises(UnauthenticatedError):
        await Authentication(FakeVerifier()).authenticate({"x-api-key": KEYS[0]})


def test_keys_are_a_list_and_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ServerSettings().api_keys == ()
    monkeypatch.setenv("HOURBANK_API_KEYS", f"{KEYS[0]}, {KEYS[1]},")
    settings = ServerSettings()
    assert [key.get_secret_value() for key in settings.api_keys] == list(KEYS)
    assert KEYS[0] not in repr(settings)


def test_a_short_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURBANK_API_KEYS", f"{KEYS[0]},secret")
    with pytest.raises(ValidationError, match="20 characters"):
        ServerSettings()


async def test_of_two_headers_with_one_name_neither_counts() -> None:
    twice = Headers(raw=[(b"authorization", b"one"), (b"authorization", b"two")])
    with pytest.raises(UnauthenticatedError, match="Several headers are named authorization"):
        await Authentication(FakeVerifier()).authenticate(twice)


async def test_what_is_no_text_hides_no_token() -> None:
    sources = {"authorization": 5, "Authorization": "alice"}
    assert await Authentication(FakeVerifier()).authenticate(sources) == ALICE
