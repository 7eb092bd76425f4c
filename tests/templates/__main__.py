"""Checks the templates by cfn-lint and checkov, unless they are the very ones that were checked last.

python -m tests.templates            exits with 1 if there is a finding that `accepted.py` does not explain
python -m tests.templates --always   also checks what was checked before

Both tools together take half a minute of CPU, so `checked.json`, which is committed, says what they have passed.
checkov's libraries do not fit ours: it has an environment of its own in build/, made when it is needed.
"""

# ruff: noqa: T201 — a command line

import hashlib
import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from resolvers.apps.imported import imported
from tests.templates.accepted import ACCEPTED
from workflows.deployment.contents import StackContents, hourbank, in_image
from workflows.deployment.template.service.build import HOURBANK, build_service_template
from workflows.deployment.template.service.parts import Served

_CHECKED = Path(__file__).with_name("checked.json")
_BUILD = Path(__file__).parents[2] / "build"
_CHECKOV = "checkov==3.3.30"
_REGION = "us-east-1"


def rendered() -> dict[str, Any]:
    """Return each template as CloudFormation reads it, by the name of its stack.

    The partition is filled into the machines' definitions, because cfn-lint reads them before CloudFormation does.
    """
    shop = _shop()
    built = {
        "data": hourbank().template(),
        "service": build_service_template(),
        "shop-data": shop.template(),
        "shop-service": build_service_template(shop.served or HOURBANK),
    }
    templates = {name: json.loads(json.dumps(template)) for name, template in built.items()}
    for template in templates.values():
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::StepFunctions::StateMachine":
                properties = resource["Properties"]
                properties["DefinitionString"] = properties["DefinitionString"].replace("${Partition}", "aws")
                del properties["DefinitionSubstitutions"]["Partition"]
    return templates


def _shop() -> StackContents:
    """Return what another app brings: the marketplace, which has no workflows."""
    schema = Path(__file__).parents[2] / "schema" / "apps" / "marketplace"
    app, told = imported(schema).app, in_image(schema, None)
    assert told is not None
    served = Served(app.name, app.tables, groups=("admin", "night-shift"), variables=told)
    return StackContents.of_tables("marketplace", app.tables, served)


def fingerprint(templates: dict[str, Any]) -> str:
    """Return a hash of the templates, of what is accepted in them, and of this check."""
    whole = [templates, dict(ACCEPTED), Path(__file__).read_text()]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def linted(text: str) -> Iterator[str]:
    """Yield cfn-lint's errors and warnings about a template."""
    from cfnlint.api import ManualArgs, lint  # noqa: PLC0415 — a second, of which most runs have no need

    for found in lint(text, config=ManualArgs(regions=[_REGION])):
        yield f"{found.rule.id} {'/'.join(map(str, found.path or ()))}: {found.message}"


def scanned(text: str) -> Iterator[str]:
    """Yield checkov's findings about a template that are not accepted."""
    with TemporaryDirectory() as directory:
        file = Path(directory) / "template.json"
        file.write_text(text)
        done = subprocess.run(  # noqa: S603 — our own environment
            [_checkov(), "--file", file, "--framework", "cloudformation", "--compact", "--quiet", "-o", "json"],
            capture_output=True,
            text=True,
            check=False,
        )
    report = json.loads(done.stdout)
    if report["summary"]["parsing_errors"] or not report["summary"]["resource_count"]:
        raise SystemExit(f"checkov has not read the template: {report['summary']}")
    for found in report["results"]["failed_checks"]:
        if found["check_id"] not in ACCEPTED:
            yield f"{found['check_id']} {found['resource']}: {found['check_name']}"


def _checkov() -> Path:
    place = _BUILD / _CHECKOV
    command = place / "bin" / "checkov"
    if not command.exists():
        print(f"making {place} for {_CHECKOV}: once, about a minute")
        venv.create(place, with_pip=True, clear=True)
        quietly = ("--quiet", "--disable-pip-version-check")
        subprocess.run(  # noqa: S603 — our own environment
            [place / "bin" / "python", "-m", "pip", "install", *quietly, _CHECKOV], check=True
        )
    return command


def main() -> None:
    """Check what has changed, and exit with 1 if there are findings."""
    templates = rendered()
    now = fingerprint(templates)
    if "--always" not in sys.argv and _CHECKED.exists() and json.loads(_CHECKED.read_text())["passed"] == now:
        print(f"templates: as they were checked ({', '.join(templates)})")
        return
    findings = [
        f"{name}: {line}"
        for name, template in templates.items()
        for check in (linted, scanned)
        for line in check(json.dumps(template))
    ]
    if findings:
        print("\n".join(findings))
        raise SystemExit(1)
    _CHECKED.write_text(json.dumps({"passed": now}) + "\n")
    print(f"templates: checked ({', '.join(templates)}); commit {_CHECKED.name}")


if __name__ == "__main__":
    main()
