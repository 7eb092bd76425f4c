"""What depends on where a server runs."""

import pytest
from pydantic import ValidationError

from resolvers.hosting.settings import LOCAL, LOCAL_ORIGINS, ServerSettings

SHOWN = ("introspection", "suggestions", "graphiql", "console")


@pytest.mark.parametrize("is_local", [True, False])
def test_a_local_server_shows_everything_and_one_on_aws_nothing(*, is_local: bool) -> None:
    own = ServerSettings().with_defaults(is_local=is_local)
    assert [getattr(own, name) for name in SHOWN] == [is_local] * 4
    assert own.allowed_origins == (LOCAL_ORIGINS if is_local else ())
    assert own.log_format == ("console" if is_local else "json")


@pytest.mark.parametrize("is_local", [True, False])
@pytest.mark.parametrize("value", [True, False])
def test_what_is_set_stays(monkeypatch: pytest.MonkeyPatch, *, is_local: bool, value: bool) -> None:
    for name in SHOWN:
        monkeypatch.setenv(f"HOURBANK_{name.upper()}", str(value))
    monkeypatch.setenv("HOURBANK_ALLOWED_HOSTS", "api.example.org")
    monkeypatch.setenv("HOURBANK_ALLOWED_ORIGINS", "")
    monkeypatch.setenv("HOURBANK_LOG_FORMAT", "json")
    own = ServerSettings().with_defaults(is_local=is_local)
    assert [getattr(own, name) for name in SHOWN] == [value] * 4
    assert (own.allowed_hosts, own.allowed_origins, own.log_format) == (("api.example.org",), (), "json")


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "LOCAL", "PAGE_SECRET"):
        monkeypatch.setenv(f"HOURBANK_{name}", "")
    own = ServerSettings()
    assert (own.host, own.local, own.page_secret) == ("127.0.0.1", LOCAL, None)


def test_an_empty_name_of_trusted_documents_lets_nothing_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURBANK_TRUSTED_DOCUMENTS", "")
    with pytest.raises(ValidationError, match="Name a file or folder, or leave the variable out"):
        ServerSettings()


def test_a_key_is_added_to_those_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "k" * 20
    monkeypatch.setenv("HOURBANK_API_KEYS", key)
    own = ServerSettings()
    assert [one.get_secret_value() for one in own.with_key("da2-here").api_keys] == [key, "da2-here"]
    assert own.with_key(None).api_keys == own.api_keys


def test_the_hosts_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURBANK_HOST", "bank.lan")
    local = ServerSettings().with_defaults(is_local=True).allowed_hosts or ()
    assert {"localhost", "127.0.0.1", "addresses", "bank.lan"} <= set(local)
    assert ServerSettings().with_defaults(is_local=False).allowed_hosts == ("*",)
