"""The steps of the Dockerfile give a server that writes nothing, says that it is healthy, and stops when told to.

Its libraries come from the package index, so this is part of the long form.
"""

import signal
from pathlib import Path

import httpx
import pytest

from models.settings import Settings
from tests.engines.image import Image
from tests.integration.conftest import STOP_LIMIT, STREAMS, Cloud, free_port
from tests.integration.polling import comes_true
from workflows.deployment.local.user_pool import LocalUserPool

pytestmark = pytest.mark.long

STARTS_WITHIN = 60


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    made = Image(tmp_path_factory.mktemp("image"))
    made.build()
    return made


@pytest.fixture
def variables(aws: Cloud) -> dict[str, str]:
    """Return what leads the image's server to the session's local cloud and its user pool."""
    pool = LocalUserPool.find_or_make(Settings())
    return {
        **aws.environment,
        **STREAMS,
        "PORT": str(free_port()),
        "HOURBANK_USER_POOL": pool.id,
        "HOURBANK_USER_POOL_CLIENTS": pool.client,
    }


def files(home: Path) -> dict[Path, float]:
    return {path: path.stat().st_mtime for path in home.rglob("*")}


def test_it_is_healthy_writes_nothing_and_stops(image: Image, variables: dict[str, str]) -> None:
    before = files(image.home)
    assert not image.is_healthy(**variables)
    process = image.started(**variables)
    try:
        is_decided = comes_true(
            lambda: image.is_healthy(**variables) or process.poll() is not None, within=STARTS_WITHIN
        )
        assert is_decided, "it neither answers nor ends"
        assert process.poll() is None, process.stdout and process.stdout.read()
        url = f"http://127.0.0.1:{variables['PORT']}"
        assert httpx.get(f"{url}/readyz").json() == {"status": "ready"}
        asked = httpx.post(f"{url}/graphql", json={"query": "{ __typename }"})
        assert asked.status_code == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_LIMIT) == 0
    finally:
        process.kill()
        process.communicate()
    assert files(image.home) == before


def test_nothing_of_the_development_is_in_it(image: Image) -> None:
    names = {path.name for path in (image.home / "venv").glob("lib/python*/site-packages/*")}
    assert not names & {"pip", "setuptools", "pytest", "ministack", "moto"}
    assert {"strawberry", "starlette", "aiobotocore"} <= names
    modules = list(image.home.glob("models/**/*.py"))
    compiled = list(image.home.glob("models/**/__pycache__/*.pyc"))
    assert len(modules) == len(compiled) > 0

    assert not (image.home / "tests").exists()
