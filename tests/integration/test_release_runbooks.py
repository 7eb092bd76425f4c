"""The runbooks of releases: a deployment, a rollback and a lost region's rehearsal, in an account of their own."""

import json
import shutil
import sys
from collections.abc import Iterator

import pytest

from models.settings import Settings
from tests.integration.conftest import REPOSITORY, Server
from tests.integration.runbooks import PREPARATION, Runbook, Shell, blocks_of, environment, opened
from workflows.deployment.local.local_cloud import LocalCloud

pytestmark = pytest.mark.long

DEV = {
    "ENVIRONMENT": "dev",
    "HOURBANK_STACK": "hourbank-dev",
    "BUCKET": "hourbank-code",
    "FUNCTION": "createEscrow",
}
IMAGE = f"000000000000.dkr.ecr.eu-west-1.amazonaws.com/hourbank@sha256:{'1' * 64}"
# What a deployment consists of, to be changed between two of them.
_RELEASED = (".ci", "models", "resolvers", "schema", "workflows", "server.py", "requirements-functions.txt")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Yield a shell in a checkout of its own, beside an account of its own in which nothing is deployed."""
    checkout, directory = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("account")
    for name in _RELEASED:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, checkout / name)
        else:
            shutil.copy(REPOSITORY / name, checkout)
    (checkout / ".venv").symlink_to(sys.prefix)
    cloud = LocalCloud(directory, Settings())
    cloud.start()
    opened = Shell(checkout, {**environment(directory, 0), **cloud.environment})
    opened.functions = blocks_of(PREPARATION)[-1].text
    made = opened.run(f"aws s3 mb s3://{DEV['BUCKET']}\naws s3 mb s3://other --region eu-central-1")
    assert made.returncode == 0, made.stdout
    yield opened
    cloud.stop()


@pytest.fixture
def release(request: pytest.FixtureRequest, released: Shell) -> Iterator[Runbook]:
    """Yield the runbook of a test, in a checkout and an account of its own."""
    yield from opened(request.function.__name__, released)


def test_deploy(release: Runbook, server: Server) -> None:
    assert "resources of hourbank-dev and its servers would change" in release.run("Look first", **DEV)
    commented = release.shell.run('.ci/diff "$ENVIRONMENT" "$BUCKET" build/diff.md', **DEV)
    assert commented.returncode == 0, commented.stdout
    comment = (release.shell.folder / "build" / "diff.md").read_text()
    assert comment.startswith("### What this would change in dev\n```text\n")
    assert "resources of hourbank-dev and its servers would change\n```\n" in comment
    assert "hourbank-dev is up to date" in release.run("Deploy functions and tables", **DEV)
    release.run("Deploy the servers", **DEV, IMAGE=IMAGE)
    assert "nothing to do" in release.run("Mended when", **DEV, URL=f"{server.url}/graphql")


def test_roll_back(release: Runbook) -> None:
    handlers = release.shell.folder / "workflows" / "handlers" / "escrows.py"
    deploy = blocks_of("deploy")[1].text
    first = release.shell.run(deploy, **DEV)
    handlers.write_text(f"{handlers.read_text()}\n# A release that is to go back.\n")
    second = release.shell.run(deploy, **DEV)
    assert (first.returncode, second.returncode) == (0, 0), second.stdout
    new, _when = release.run("Look first", **DEV).split()
    release.run("Steps", **DEV)
    old = release.run("Mended when", **DEV).strip()
    assert int(json.loads(old)) < int(json.loads(new))
    assert "as deployed again" in release.run("Way back", **DEV)


def test_lost_region(release: Runbook) -> None:
    asked = {
        **DEV,
        "OTHER_REGION": "eu-central-1",
        "OTHER_BUCKET": "other",
        "VAULT": "hourbank",
        "PLAN_ID": "0b1f5c8e-3d2a-4c6b-9a7e-1f2d3c4b5a69",
        "BACKUP_ROLE": "arn:aws:iam::000000000000:role/backup",
        "POINT": "arn:aws:backup:eu-central-1:000000000000:recovery-point:1",
        "TABLE": "hourbank-dev-User",
        "IMAGE": IMAGE,
    }
    for heading in (
        "Look first",
        "Keep copies in another region",
        "Bring the tables back",
        "Deploy there",
        "Mended when",
    ):
        release.run(heading, **asked)
    assert "resources of hourbank-dev and its servers would change" in release.run("Rehearse", **asked)
