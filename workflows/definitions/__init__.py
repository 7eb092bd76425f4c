"""The state machines, in Amazon States Language."""

import json
from pathlib import Path
from typing import Any

DEFINITIONS = Path(__file__).parent
_SUFFIX = ".asl.json"


def read_definitions(directory: Path = DEFINITIONS) -> dict[str, Any]:
    """Return the definitions by the names of their machines."""
    files = sorted(directory.glob(f"*{_SUFFIX}"))
    return {file.name.removesuffix(_SUFFIX): json.loads(file.read_text()) for file in files}
