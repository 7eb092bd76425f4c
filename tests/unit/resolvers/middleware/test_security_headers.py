"""Which headers an answer gets."""

import pytest

from resolvers.middleware.security_headers import YEAR
from tests.unit.resolvers.middleware.answering import app, ask, gate

OURS = ("host", "api.example.org")
FORWARDED = ("x-forwarded-proto", "https")


async def test_every_answer_has_them() -> None:
    _, headers, _ = await ask(gate(app()), OURS)
    assert headers.pop("x-amzn-requestid")
    assert headers == {
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cross-origin-opener-policy": "same-origin",
    }


async def test_what_an_answer_says_itself_stays() -> None:
    own = ((b"cache-control", b"public, immutable"), (b"content-security-policy", b"script-src 'self'"))
    _, headers, _ = await ask(gate(app(*own)), OURS)
    assert headers["cache-control"] == "public, immutable"
    assert headers["content-security-policy"] == "script-src 'self'"
    assert headers["x-content-type-options"] == "nosniff"


async def test_an_answer_tells_itself_for_how_long_tls_is_to_be_used() -> None:
    own = (b"strict-transport-security", b"max-age=60")
    _, headers, _ = await ask(gate(app(own), strict=600), OURS, scheme="https")
    assert headers["strict-transport-security"] == "max-age=60"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("seconds", "scheme", "headers", "expected"),
    [
        (None, "https", [OURS], f"max-age={YEAR}"),
        (None, "http", [OURS], None),
        (None, "http", [OURS, FORWARDED], None),
        (None, "https", [("host", "localhost:8000")], None),
        (None, "https", [("host", "127.0.0.1:8000")], None),
        (0, "https", [OURS], None),
        (600, "https", [OURS], "max-age=600"),
        (600, "https", [("host", "localhost:8000")], "max-age=600"),
        (600, "http", [OURS, FORWARDED], "max-age=600"),
        (600, "http", [OURS], None),
    ],
)
async def test_browsers_are_told_to_use_tls_where_it_is_used(
    seconds: int | None, scheme: str, headers: list[tuple[str, str]], expected: str | None
) -> None:
    _, answered, _ = await ask(gate(app(), strict=seconds), *headers, scheme=scheme)
    assert answered.get("strict-transport-security") == expected
