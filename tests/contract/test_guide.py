"""The guide for Angular shows exactly the code that the tests run."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
GUIDE = REPOSITORY / "docs" / "angular.md"
CLIENTS = "tests/contract/clients"

_BLOCK = re.compile(r"^```ts\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
_SHOWN = re.compile(
    r"\]\(\.\./(?P<file>[^)]+)\), run by \[`(?P<test>\w+\.py)`\]\([^)]+\):\n\n" + _BLOCK.pattern.lstrip("^"),
    re.MULTILINE | re.DOTALL,
)
_REGION = re.compile(r"^// region: \w+\n(.*?)\n// endregion$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")

guide = GUIDE.read_text()
shown = {found["file"]: found for found in _SHOWN.finditer(guide)}


def test_every_block_says_where_it_runs() -> None:
    assert len(shown) == len(_BLOCK.findall(guide)) > 0


@pytest.mark.parametrize("file", shown)
def test_a_block_is_what_the_test_runs(file: str) -> None:
    text = (REPOSITORY / file).read_text()
    assert shown[file][3] in (_REGION.findall(text) or [text.rstrip()])
    script = Path(file).relative_to(CLIENTS).parts[0].removesuffix(".mjs")
    assert script in (REPOSITORY / "tests" / "contract" / shown[file]["test"]).read_text()


def test_every_link_leads_somewhere() -> None:
    links = [link for link in _LINK.findall(guide) if "://" not in link]
    assert [link for link in links if not (GUIDE.parent / link).exists()] == []
