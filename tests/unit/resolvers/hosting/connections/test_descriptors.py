"""How many connections a process has room for."""

import resource

import pytest

from resolvers.hosting.connections.descriptors import room
from resolvers.hosting.connections.limits import ConnectionLimits


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """Return the limits of open files, which are not those of this process."""
    kept = {"files": (256, 256)}
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: kept["files"])
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, files: kept.update(files=files))
    monkeypatch.setattr("resolvers.hosting.connections.descriptors._open_now", lambda: 20)
    return kept


@pytest.mark.parametrize(
    ("files", "raised", "expected"),
    [
        ((256, 256), 256, 108),
        ((1024, 4096), 4096, 3948),
        ((1024, 1_000_000), 65_536, 10_000),
        ((1024, resource.RLIM_INFINITY), 65_536, 10_000),
        ((100_000, 1_000_000), 100_000, 10_000),
        ((64, 64), 64, 16),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), resource.RLIM_INFINITY, 10_000),
    ],
)
def test_there_is_room_below_what_the_system_allows(
    system: dict[str, tuple[int, int]], files: tuple[int, int], raised: int, expected: int
) -> None:
    system["files"] = files
    assert room(ConnectionLimits()) == expected
    assert system["files"] == (raised, files[1])
