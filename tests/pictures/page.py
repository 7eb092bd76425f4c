"""docs/architecture.md with its pictures: its text is written by hand, the pictures stand between two marks."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.pictures import deployment, way, whole
from workflows.definitions import read_definitions
from workflows.deployment.contents import hourbank
from workflows.deployment.template.service.build import build_service_template
from workflows.drawing.statuses import STATES
from workflows.drawing.svg import draw

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
MACHINES = PAGE.parent / "pictures" / "machines"
_MARKED = re.compile(r"(<!-- picture: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def page(text: str) -> str:
    """Return the page with its pictures as they are now."""
    made = _pictures()
    return _MARKED.sub(lambda found: f"{found[1]}{made[found[2]]}{found[4]}", text)


def machines() -> dict[str, str]:
    """Return each state machine's picture, by the name of its file."""
    return {
        f"{name}.svg": draw(definition, name=name, statuses=STATES if name == way.MACHINE else {})
        for name, definition in read_definitions().items()
    }


def _pictures() -> dict[str, str]:
    """Return the pictures by their names, as Markdown."""
    # As JSON has it, so that nothing of Python's stays.
    data, service = (json.loads(json.dumps(one)) for one in (hourbank().template(), build_service_template()))
    definitions = read_definitions()
    drawn = {
        "whole": whole.picture(data["Resources"], service["Resources"]),
        "way": way.picture(definitions),
        "deployment": deployment.picture(data, service),
    }
    return {
        **{name: f"```mermaid\n{text}\n```\n" for name, text in drawn.items()},
        "machines": "\n".join(_machine(name, definition) for name, definition in definitions.items()),
    }


def _machine(name: str, definition: Mapping[str, Any]) -> str:
    return f"### {name}\n\n{definition['Comment']}\n\n![{name}]({MACHINES.relative_to(PAGE.parent)}/{name}.svg)\n"
