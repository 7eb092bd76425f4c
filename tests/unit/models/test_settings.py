"""The settings: their defaults, the variables that they are read from, and the values that are rejected."""

import os
from datetime import timedelta

import pytest
from pydantic import ValidationError

from models.changes import Feed
from models.ledger.approvals import ApprovalLimits
from models.requests.windows import DEFAULT_WINDOWS, Windows
from models.settings import Settings
from models.storage.names import Names

WINDOWS = ("response", "negotiation", "confirmation", "mark", "decision", "dispute")
YEAR = timedelta(days=365)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith(("HOURBANK_", "AWS_")):
            monkeypatch.delenv(name)


def test_without_variables_the_defaults_hold() -> None:
    settings = Settings()
    assert settings.names == Names(stack="hourbank", region="us-east-1", account="000000000000")
    assert settings.windows == DEFAULT_WINDOWS


def test_every_setting_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURBANK_STACK", "bank-2")
    monkeypatch.setenv("HOURBANK_ACCOUNT", "123456789012")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    for number, window in enumerate(WINDOWS, 1):
        monkeypatch.setenv(f"HOURBANK_{window.upper()}_WINDOW", f"PT{number}H")
    settings = Settings()
    assert settings.names == Names(stack="bank-2", region="eu-central-1", account="123456789012")
    assert settings.windows == Windows(
        **{window: timedelta(hours=number) for number, window in enumerate(WINDOWS, 1)}
    )


def test_the_region_is_awss_own_variable_or_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert Settings().region == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert Settings().region == "eu-west-2"


@pytest.mark.parametrize("stack", ["", "2-banks", "my_bank", "b" * 32])
def test_a_stack_is_named_as_cloudformation_allows(monkeypatch: pytest.MonkeyPatch, stack: str) -> None:
    monkeypatch.setenv("HOURBANK_STACK", stack)
    with pytest.raises(ValidationError, match="stack"):
        Settings()


@pytest.mark.parametrize("account", ["", "12345678901", "1234567890123", "12345678901x"])
def test_an_account_is_twelve_digits(monkeypatch: pytest.MonkeyPatch, account: str) -> None:
    monkeypatch.setenv("HOURBANK_ACCOUNT", account)
    with pytest.raises(ValidationError, match="account"):
        Settings()


@pytest.mark.parametrize("window", WINDOWS)
def test_a_window_is_longer_than_nothing_and_a_year_at_most(monkeypatch: pytest.MonkeyPatch, window: str) -> None:
    variable = f"HOURBANK_{window.upper()}_WINDOW"
    for allowed, expected in (("PT0.001S", timedelta(milliseconds=1)), ("P365D", YEAR)):
        monkeypatch.setenv(variable, allowed)
        assert getattr(Settings().windows, window) == expected
    for rejected in ("PT0S", "-PT1H", "P365DT0.001S", "a day"):
        monkeypatch.setenv(variable, rejected)
        with pytest.raises(ValidationError, match=f"{window}_window"):
            Settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().stack = "another"  # type: ignore[misc]  # that is what is tested


def test_when_an_admin_needs_a_second_one_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().approval == ApprovalLimits(hours=100, days=7)
    monkeypatch.setenv("HOURBANK_APPROVAL_HOURS", "250")
    assert Settings().approval == ApprovalLimits(hours=250, days=7)


def test_on_one_machine_servers_read_streams_and_on_aws_queues_unless_said_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [Settings().feed_of(is_local=local) for local in (True, False)] == [Feed.STREAMS, Feed.QUEUE]
    monkeypatch.setenv("HOURBANK_FEED", "queue")
    assert Settings().feed_of(is_local=True) is Feed.QUEUE
