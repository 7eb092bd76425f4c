"""Changes of many indexes, one at a time: DynamoDB creates or deletes one index of a table in one update.

What is deployed becomes the new template in steps. New indexes come first, while the old code still runs; then
everything else, with the last of the new indexes; then those indexes go that nobody uses any more. An index whose
definition has changed is deleted and created again, between which nobody can read it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Template = Mapping[str, Any]
Index = Mapping[str, Any]
Indexes = Sequence[Index]
_TABLE = "AWS::DynamoDB::Table"
_INDEXES = "GlobalSecondaryIndexes"
_ATTRIBUTES = "AttributeDefinitions"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStep:
    """A template on the way to another.

    Args:
        template: what the step deploys.
        is_early: whether everything but the indexes is still as it was deployed, and so must the parameters be.
    """

    template: Template
    is_early: bool


@dataclass(frozen=True, slots=True)
class _Changes:
    """A table's indexes: now, after each change that comes before the rest, and after each that comes last."""

    now: Indexes
    early: Sequence[Indexes]
    late: Sequence[Indexes]

    @classmethod
    def between(cls, old: Indexes, new: Indexes) -> "_Changes":
        wanted = {index["IndexName"]: index for index in new}
        state, early, late = list(old), [], []
        for index in old:
            if index != wanted.get(index["IndexName"], index):
                state = [one for one in state if one != index]
                early.append(state)
        for index in new:
            if index not in state:
                state = [*state, index]
                early.append(state)
        for index in old:
            if index["IndexName"] not in wanted:
                state = [one for one in state if one != index]
                late.append(state)
        return cls(old, early, late)

    def first_late(self, main: int) -> int:
        """Return the step of the first late change; `main` is the one with everything else."""
        return main if len(self.early) < main else main + 1

    def at(self, step: int, main: int) -> Indexes:
        """Return the indexes after a step."""
        done = min(step - self.first_late(main) + 1, len(self.late))
        if done > 0:
            return self.late[done - 1]
        done = min(step, len(self.early))
        return self.early[done - 1] if done else self.now


def index_steps(deployed: Template, target: Template) -> list[IndexStep]:
    """Return the steps from what is deployed to a new template; the last one deploys the template itself."""
    old = deployed.get("Resources", {})
    tables = {
        name: _Changes.between(_indexes(old[name]), _indexes(resource))
        for name, resource in target["Resources"].items()
        if resource["Type"] == _TABLE and old.get(name, {}).get("Type") == _TABLE
    }
    main = max([1, *(len(changes.early) for changes in tables.values())])
    last = max([main, *(changes.first_late(main) + len(changes.late) - 1 for changes in tables.values())])
    types = {name: {**_types(old[name]), **_types(target["Resources"][name])} for name in tables}
    return [
        IndexStep(
            template=_with_indexes(
                deployed if step < main else target,
                {name: changes.at(step, main) for name, changes in tables.items()},
                types,
            ),
            is_early=step < main,
        )
        for step in range(1, last)
    ] + [IndexStep(template=target, is_early=False)]


def _indexes(resource: Mapping[str, Any]) -> Indexes:
    return list(resource["Properties"].get(_INDEXES, ()))


def _types(resource: Mapping[str, Any]) -> dict[str, str]:
    return {one["AttributeName"]: one["AttributeType"] for one in resource["Properties"][_ATTRIBUTES]}


def _with_indexes(
    template: Template, indexes: Mapping[str, Indexes], types: Mapping[str, Mapping[str, str]]
) -> Template:
    """Return a template whose tables have these indexes.

    Args:
        template: the template.
        indexes: the indexes of each table, by its logical id.
        types: the type of each attribute that may be a key, by the table's logical id.
    """
    changed = {name: table_with(template["Resources"][name], indexes[name], types[name]) for name in indexes}
    return {**template, "Resources": {**template["Resources"], **changed}}


def table_with(resource: Mapping[str, Any], indexes: Indexes, types: Mapping[str, str]) -> dict[str, Any]:
    """Return a table's resource with other indexes; it defines just the attributes that are keys, as it must.

    Args:
        resource: the table's resource.
        indexes: its indexes.
        types: the type of each attribute that may be a key.
    """
    properties = {name: value for name, value in resource["Properties"].items() if name != _INDEXES}
    schemas = [properties["KeySchema"], *(index["KeySchema"] for index in indexes)]
    keys = sorted({key["AttributeName"] for schema in schemas for key in schema})
    properties[_ATTRIBUTES] = [{"AttributeName": key, "AttributeType": types[key]} for key in keys]
    if indexes:
        properties[_INDEXES] = sorted(indexes, key=lambda index: str(index["IndexName"]))
    return {**resource, "Properties": properties}
