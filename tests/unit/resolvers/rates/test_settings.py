"""The limits are settings of the server."""

import pytest
from pydantic import ValidationError

from resolvers.feed.limits import SubscriptionLimits
from resolvers.hosting.settings import ServerSettings
from resolvers.rates.limits import Kind, RateLimits


def test_a_setting_changes_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ServerSettings().rates == RateLimits()
    assert ServerSettings().subscriptions == SubscriptionLimits()
    monkeypatch.setenv("HOURBANK_RATE_MUTATIONS", "600")
    monkeypatch.setenv("HOURBANK_RATE_SERVERS", "3")
    monkeypatch.setenv("HOURBANK_RATE_STORED_BYTES", "1000")
    monkeypatch.setenv("HOURBANK_RATE_START_INTERVAL", "0")
    monkeypatch.setenv("HOURBANK_SUBSCRIPTIONS_OPEN_OPERATORS", "99")
    rates = ServerSettings().rates
    assert rates == RateLimits(mutations=600, servers=3, stored_bytes=1_000, start_interval=0)
    assert (rates.share(Kind.MUTATIONS), rates.share(Kind.STORED_BYTES)) == (200, 333)
    assert ServerSettings().subscriptions == SubscriptionLimits(open_operators=99)
    monkeypatch.setenv("HOURBANK_RATE_SHARED_PARTS", "10")
    assert ServerSettings().rates.share(Kind.MUTATIONS) == 600


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATE_MUTATIONS", "0"),
        ("RATE_SERVERS", "-1"),
        ("RATE_SHARED_PARTS", "-1"),
        ("RATE_SHARED_PARTS", "0.5"),
        ("RATE_REQUESTS", "many"),
        ("SUBSCRIPTIONS_QUEUE", "0"),
    ],
)
def test_a_setting_that_is_no_limit_is_told(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"HOURBANK_{name}", value)
    with pytest.raises(ValidationError, match=r"must be more than 0|shared_parts must be 0 or more|valid integer"):
        ServerSettings()
