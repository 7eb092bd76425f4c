"""The functions' package is small, compiled, and the same bytes whenever it is made."""

import hashlib
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.unit.test_architecture import REPOSITORY
from workflows.deployment import package
from workflows.deployment.package import LOCK, SERVICES, PackageError, compile_modules, prune_services, zipped
from workflows.handlers import FUNCTIONS

# As Lambda does, import every handler where nothing else is installed than what the lock names.
_IMPORT = """
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(name, name=name)

absent = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Absent())
for module in sys.argv[2].split(","):
    importlib.import_module(module)
"""


def test_handlers_need_the_locked_libraries_only() -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)==", (REPOSITORY / LOCK).read_text(), re.MULTILINE))
    distributions = packages_distributions().items()
    absent = {
        package
        for package, of in distributions
        if locked.isdisjoint(name.lower().replace("_", "-") for name in of)
    }
    assert {"aiohttp", "aiobotocore", "boto3", "strawberry"} <= absent
    handlers = sorted({function.handler.rpartition(".")[0] for function in FUNCTIONS.values()})
    done = subprocess.run(  # noqa: S603 — this very interpreter
        [sys.executable, "-c", _IMPORT, ",".join(absent), ",".join(handlers)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def compiled(root: Path) -> dict[str, bytes]:
    """Return modules that are compiled below a folder, by their names."""
    root.mkdir()
    (root / "one.py").write_text('WORDS = {"a", "b", "c", "d"}\nIS = "a" in {"x", "y", "z"}\n')
    compile_modules(root)
    return {path.name: path.read_bytes() for path in root.rglob("*.pyc")}


def test_modules_are_compiled_alike_wherever_and_whenever(tmp_path: Path) -> None:
    once, again = compiled(tmp_path / "a"), compiled(tmp_path / "elsewhere")
    assert once == again
    ((name, content),) = once.items()
    assert name == f"one.{sys.implementation.cache_tag}.pyc"
    # The flags of PEP 552: by the source's hash, and never compared with it.
    assert content[4:8] == b"\x01\0\0\0"
    assert b"/var/task/one.py" in content
    assert str(tmp_path).encode() not in content


def test_what_cannot_be_compiled_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def")
    with pytest.raises(PackageError, match="The functions cannot be compiled"):
        compile_modules(tmp_path)


@pytest.mark.parametrize("answer", ["exit 127", 'echo "(3, 1)"', f'echo "{package._VERSION.replace(".", ", ")}"'])
def test_what_only_has_the_name_of_the_functions_python_does_not_compile(tmp_path: Path, answer: str) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o700)
    assert not package._is_python(str(program))


def test_the_functions_python_is_known_by_what_it_says(tmp_path: Path) -> None:
    major, minor = package._VERSION.split(".")
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\necho "({major}, {minor})"\n')
    program.chmod(0o700)
    assert package._is_python(str(program))


def test_a_package_is_the_same_bytes_whenever_it_is_made() -> None:
    files = {"b.py": b"b = 1\n", "a.py": b"a = 1\n"}
    digest = hashlib.sha256(zipped(files)).hexdigest()
    assert hashlib.sha256(zipped(dict(reversed(files.items())))).hexdigest() == digest


def test_of_botocore_s_services_those_stay_that_are_called(tmp_path: Path) -> None:
    for service in ("dynamodb", "ec2", "sqs"):
        (tmp_path / service).mkdir()
    (tmp_path / "endpoints.json").touch()
    prune_services(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"dynamodb", "sqs", "endpoints.json"}
    assert "ec2" not in SERVICES
