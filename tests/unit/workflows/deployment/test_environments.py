"""The file of the environments is read whole, and a mistake in it is named."""

from pathlib import Path

import pytest

from workflows.deployment.environments import Environment, InvalidEnvironmentError


def read(tmp_path: Path, text: str) -> dict[str, Environment]:
    file = tmp_path / "environments.toml"
    file.write_text(text)
    return Environment.all(file)


def test_there_are_three_and_production_protects_its_tables() -> None:
    environments = Environment.all()
    assert list(environments) == ["dev", "staging", "prod"]
    assert environments["prod"].data.deletion_protection
    assert environments["prod"].stack == "hourbank-prod"
    assert environments["prod"].service_stack == "hourbank-prod-service"
    assert environments["prod"].tags["hourbank:environment"] == "prod"


def test_what_is_not_set_has_its_default(tmp_path: Path) -> None:
    (environment,) = read(tmp_path, "[try.data]\nlog_days = 3").values()
    assert environment.data.log_days == 3
    assert environment.data.reserved_concurrency == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[try.data]\nlog_day = 3", "try.data.log_day "),
        ("[try.data]\nlog_days = 2", "try.data.log_days "),
        ('[try.data]\nlog_days = "3"', "try.data.log_days "),
        ('[try.data]\nadmin_email = "somebody"', "try.data.admin_email "),
        ("[try.data]\nreserved_concurrency = -1", "try.data.reserved_concurrency "),
        ("[Try.data]", "Try.name "),
        ("try = 1", "try "),
        ("[try", "cannot be read"),
    ],
)
def test_a_mistake_is_one_line_that_names_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidEnvironmentError, match=r"environments\.toml") as caught:
        read(tmp_path, text)
    assert said in str(caught.value)


def test_an_unknown_environment_is_told_which_there_are() -> None:
    with pytest.raises(InvalidEnvironmentError, match=r"'production'.* has dev, staging, prod"):
        Environment.find("production")


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidEnvironmentError, match="cannot be read"):
        Environment.find("prod", file=tmp_path / "environments.toml")
