"""GraphiQL's files, built from npm packages by `vendor.py` and kept in `assets/`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parent / "assets"
MANIFEST = Path(__file__).parent / "MANIFEST.json"


def manifest() -> Mapping[str, Any]:
    """Return what is in `assets/`: `entries` (the files that the page loads), `sha256` and `packages`."""
    content: Mapping[str, Any] = json.loads(MANIFEST.read_bytes())
    return content
