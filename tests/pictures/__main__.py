"""Makes the pictures of docs/architecture.md: `make pictures`."""

from tests.pictures.page import MACHINES, PAGE, machines, page

PAGE.write_text(page(PAGE.read_text()))
MACHINES.mkdir(parents=True, exist_ok=True)
for name, drawn in machines().items():
    (MACHINES / name).write_text(drawn)
