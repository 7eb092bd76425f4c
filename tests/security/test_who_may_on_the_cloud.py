"""The table of who may do what, tested over a real cloud: its tables, streams and workflows."""

import pytest

from tests.security.backends import ON_THE_CLOUD, CloudBackend
from tests.security.cases import Line, lines

pytestmark = pytest.mark.asyncio(loop_scope="package")

FIRST_INDEXES = {line.of: line.operation for line in reversed(lines()) if "By" in line.operation}
TRIED = [
    line
    for line in lines()
    if line.operation in ON_THE_CLOUD
    or not (line.variant or line.is_subscription or "By" in line.operation)
    or (line.operation == FIRST_INDEXES.get(line.of) and not line.variant)
]


@pytest.mark.parametrize("line", TRIED, ids=str)
async def test_it_is_as_the_table_says(cloud_backend: CloudBackend, line: Line) -> None:
    # Callers whom authentication refuses are tested only for operations that need a cloud.
    columns = [name for name in line.expected if line.operation in ON_THE_CLOUD or name not in {"nobody", "key"}]
    assert await cloud_backend.tried(line, columns) == {name: line.expected[name] for name in columns}


CHANGES = ("onCreate", "onUpdate", "onDelete")
TOLD = {
    (line.of, line.variant): [other for other in lines() if (other.of, other.variant) == (line.of, line.variant)]
    for line in lines()
    if line.operation.startswith("onCreate") and line.variant in {"", "hidden"}
}


@pytest.mark.parametrize("of", TOLD, ids=":".join)
async def test_subscribers_are_told_as_the_table_says(cloud_backend: CloudBackend, of: tuple[str, str]) -> None:
    event_outcome = [line for line in TOLD[of] if line.operation.startswith(CHANGES)]
    expected = {
        str(line): {name: line.expected[name] for name in line.expected if name != "nobody"}
        for line in event_outcome
    }
    assert await cloud_backend.event_outcomes(event_outcome) == expected
