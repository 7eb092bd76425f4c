"""Which version of each function is in use: the alias that everything calls leads to it."""

from collections.abc import Iterable, Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

from models.storage.names import LIVE, Names
from workflows.handlers import FUNCTIONS

# The latest versions of a function, which stay; Lambda keeps 75 GB of code for an account.
KEPT = 5


class FunctionVersions:
    """The versions of a deployment's functions.

    Args:
        names: the deployment's names.
        functions: the functions' names in the code.
    """

    def __init__(self, names: Names, functions: Iterable[str] = FUNCTIONS) -> None:
        self._functions = {name: names.function(name) for name in functions}
        self._client = boto3.Session().client("lambda")

    def in_use(self) -> dict[str, str]:
        """Return the version in use of each function that is deployed."""
        found = {}
        for name, full_name in self._functions.items():
            try:
                found[name] = self._client.get_alias(FunctionName=full_name, Name=LIVE)["FunctionVersion"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
        return found

    def use(self, versions: Mapping[str, str]) -> list[str]:
        """Let the aliases lead to other versions, and return the functions whose alias has changed.

        Args:
            versions: versions by the names of their functions; other functions stay as they are.
        """
        now = self.in_use()
        changed = [name for name, version in versions.items() if name in now and now[name] != version]
        for name in changed:
            self._client.update_alias(
                FunctionName=self._functions[name], Name=LIVE, FunctionVersion=versions[name]
            )
        return changed

    def remove_old(self, kept: Mapping[str, str]) -> int:
        """Delete old versions, and return how many there were.

        Args:
            kept: by its function's name, a version that stays although it is old.
        """
        removed = 0
        for name, live in self.in_use().items():
            for version in self._versions(name)[:-KEPT]:
                if version not in (live, kept.get(name)):
                    self._client.delete_function(FunctionName=self._functions[name], Qualifier=version)
                    removed += 1
        return removed

    def _versions(self, name: str) -> list[str]:
        """Return a function's published versions, the oldest first."""
        pages: Any = self._client.get_paginator("list_versions_by_function").paginate(
            FunctionName=self._functions[name]
        )
        numbers = [one["Version"] for page in pages for one in page["Versions"] if one["Version"] != "$LATEST"]
        return sorted(numbers, key=int)
