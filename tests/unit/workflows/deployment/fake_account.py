"""An AWS account as a deployment sees it: a stack, tables that outlive it, functions, and what was in use before.

It holds what CloudFormation and DynamoDB insist on: no table is created that is there, no more than one index of a
table changes in an update, a protected table is not deleted, an import brings tables alone and no outputs.
"""

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from models.storage.names import Names
from models.tables import Table
from workflows.deployment import deploy
from workflows.deployment.deployment import Deployment
from workflows.deployment.former_release import FormerRelease
from workflows.deployment.stack import DeploymentError
from workflows.deployment.template.tables import table_id
from workflows.deployment.template.versions import version_of


class KilledError(BaseException):
    """The deploying process was killed."""


class FakeAccount:
    """The account; each call counts, and `kill_at` kills the process before one of them."""

    def __init__(self) -> None:
        self.calls = 0
        self.kill_at: int | None = None
        self.fails_next = False
        self.status: str | None = None
        self.body: dict[str, Any] = {}
        self.parameters: dict[str, str] = {}
        self.tables: dict[str, Any] = {}
        self.live: dict[str, str] = {}
        self.former: FormerRelease | None = None
        self.kinds: list[str] = []

    def step(self) -> None:
        self.calls += 1
        if self.calls == self.kill_at:
            raise KilledError

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let deployments see this account."""
        monkeypatch.setattr(deploy, "build_package", lambda _report: b"code")
        monkeypatch.setattr(deploy, "keep_stored", lambda settings, _report: settings)
        monkeypatch.setattr(deploy, "Stack", lambda *_given, **_more: self)
        monkeypatch.setattr(deploy, "FunctionVersions", lambda _names: self)
        monkeypatch.setattr(deploy, "kept_tables", self.kept)
        monkeypatch.setattr(deploy, "import_template", self.only_tables)
        monkeypatch.setattr(deploy.Deployer, "_upload", lambda *_given: self.step())
        monkeypatch.setattr(FormerRelease, "read", lambda _names: self.former)
        monkeypatch.setattr(FormerRelease, "write", lambda former, _names: self.write(former))

    # A stack's methods.
    name = "fake"

    def find(self) -> Any:
        if self.status is None:
            return None
        outputs = [
            {"OutputKey": key, "OutputValue": one["Value"]} for key, one in self.body.get("Outputs", {}).items()
        ]
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()]
        return {"StackStatus": self.status, "Outputs": outputs, "Parameters": given}

    def wait(self) -> None:
        self.step()

    def template(self) -> Any:
        return copy.deepcopy(self.body)

    def resources(self) -> Iterator[Any]:
        for name, one in self.body["Resources"].items():
            if one["Type"] == "AWS::Lambda::Version":
                yield {"LogicalResourceId": name, "PhysicalResourceId": f"arn:{name}"}

    def propose(self, deployment: Deployment, kind: str, **more: Any) -> Any:
        self.step()
        body = json.loads(deployment.body)
        assert (kind == "UPDATE") == (self.status is not None)
        if kind == "IMPORT":
            assert "Outputs" not in body
            assert {one["LogicalResourceId"] for one in more["ResourcesToImport"]} == body["Resources"].keys()
        if self.body == body and self.parameters == dict(deployment.parameters):
            return None
        return kind, body, dict(deployment.parameters)

    def execute(self, change_set: Any) -> None:
        kind, body, parameters = change_set
        self.kinds.append(kind)
        self.step()
        new = {name: one for name, one in body["Resources"].items() if one["Type"] == "AWS::DynamoDB::Table"}
        if kind != "IMPORT":
            known = self.body.get("Resources", {})
            assert not [name for name in new if name in self.tables and name not in known], "exists already"
        for name, one in new.items():
            if name in self.tables and kind == "UPDATE":
                assert len(indexes(one) ^ indexes(self.tables[name])) <= 1
        if self.fails_next:
            self.fails_next = False
            if kind == "CREATE":
                # What it has created is deleted again, which protected tables would refuse.
                assert parameters["DeletionProtection"] == "false"
                self.status = "ROLLBACK_COMPLETE"
            raise DeploymentError("on purpose")
        self.status, self.body, self.parameters = f"{kind}_COMPLETE", body, parameters
        self.tables |= new
        self.live.update(version_of(body))
        self.step()  # killed after CloudFormation has done it

    def delete(self) -> None:
        self.step()
        self.status, self.body, self.parameters = None, {}, {}

    # The functions' versions.
    def in_use(self) -> dict[str, str]:
        self.step()
        return dict(self.live)

    def use(self, versions: Mapping[str, str]) -> list[str]:
        self.step()
        wanted = {name: version.removeprefix("arn:") for name, version in versions.items()}
        changed = [name for name, version in wanted.items() if name in self.live and self.live[name] != version]
        self.live |= wanted
        return changed

    def remove_old(self, _kept: Mapping[str, str]) -> int:
        self.step()
        return 0

    def write(self, former: FormerRelease) -> None:
        self.step()
        self.former = former

    def kept(self, _names: Names, tables: Iterable[type[Table]]) -> list[type[Table]]:
        return [table for table in tables if table_id(table) in self.tables]

    def only_tables(self, template: Any, _names: Names, tables: list[type[Table]]) -> Any:
        resources = {table_id(table): self.tables[table_id(table)] for table in tables}
        return {**{part: template[part] for part in ("Parameters", "Conditions")}, "Resources": resources}


def indexes(table: Any) -> set[str]:
    return {one["IndexName"] for one in table["Properties"].get("GlobalSecondaryIndexes", ())}
