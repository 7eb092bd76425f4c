"""The functions of an app are found by the names that its schema gives them."""

from pathlib import Path

import pytest

from resolvers.functions.loading import FunctionsFileError, load_functions, python_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("weather-${env}", "weather"), ("send-mail-${env}", "send_mail"), ("greet", "greet"), ("a.b", "a_b")],
)
def test_a_function_s_name_in_python(name: str, expected: str) -> None:
    assert python_name(name) == expected


def test_a_folder_without_the_file_has_none(tmp_path: Path) -> None:
    assert load_functions(tmp_path) == {}


def test_what_is_private_or_no_function_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "functions.py").write_text("LIMIT = 3\ndef _own(event): ...\ndef weather(event): return LIMIT\n")
    found = load_functions(tmp_path)
    assert list(found) == ["weather"]
    assert found["weather"]({}) == 3


@pytest.mark.parametrize("text", ["def weather(:", "import no_such_module", "1 / 0"])
def test_a_file_that_is_wrong_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "functions.py").write_text(text)
    with pytest.raises(FunctionsFileError, match=r"functions\.py cannot be imported: \w+Error"):
        load_functions(tmp_path)
