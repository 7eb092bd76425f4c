"""The console's files: plain HTML, CSS and ES modules, served as they are."""

from pathlib import Path
from string import Template

ASSETS = Path(__file__).parent / "assets"
PAGE = Template((Path(__file__).parent / "page.html").read_text())
