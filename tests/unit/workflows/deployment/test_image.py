"""The image holds what the server needs, at the versions that are tested here, and nothing else."""

import json
import re
from pathlib import Path

from tests.engines.image import context, instructions
from tests.integration.conftest import REPOSITORY
from tests.unit.test_architecture import PROJECT, ROOMS


def locked(name: str) -> dict[str, str]:
    """Return the versions that a lock has, by name; each must have its hashes."""
    text = (REPOSITORY / name).read_text()
    found = dict(re.findall(r"^([a-z0-9._-]+)==(\S+) \\\n    --hash=sha256:", text, re.MULTILINE))
    assert len(found) == len(re.findall(r"^[a-z0-9._-]+==", text, re.MULTILINE))
    return found


def test_its_libraries_are_those_that_are_tested() -> None:
    everything, ours = locked("requirements.txt"), locked("requirements-server.txt")
    assert ours.items() <= everything.items()
    extras = PROJECT["project"]["optional-dependencies"]
    others = {re.split(r"[\[=]", one)[0] for group in extras.values() for one in group}
    assert {"ministack", "pytest", "moto"} <= others
    assert others.isdisjoint(ours)


def test_its_files_are_the_rooms_and_no_more() -> None:
    copied = [rest.split()[0] for word, rest in instructions() if word == "COPY" and not rest.startswith("--")]
    assert sorted(copied) == sorted([*ROOMS, "server.py", "requirements-server.txt"])
    taken = {path.parts[0] for path in context(".")}
    assert taken == {*copied}
    assert not [path for path in context("models") if path.suffix == ".pyc"]
    assert Path("workflows/definitions/ServiceRequestWorkflow.asl.json") in set(context("workflows"))


def test_it_runs_without_rights_and_without_a_shell() -> None:
    found = dict(instructions())
    user, _, group = found["USER"].partition(":")
    assert int(user) > 1000
    assert int(group) > 1000
    assert [*json.loads(found["ENTRYPOINT"]), *json.loads(found["CMD"])][-3:] == ["server.py", "serve", "--aws"]
    assert found["STOPSIGNAL"] == "SIGTERM"
