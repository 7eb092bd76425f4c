"""However many indexes change, each update creates or deletes one of a table at most, and none too early."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workflows.deployment.template.build import build_template
from workflows.deployment.template.index_steps import index_steps

NAMES = ("a", "b", "c", "d")
INDEXES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["ALL", "KEYS_ONLY"]))


def template(code: str, **tables: dict[str, str]) -> dict[str, Any]:
    resources: dict[str, Any] = {"Code": {"Type": "AWS::Lambda::Function", "Properties": {"Code": code}}}
    for name, indexes in tables.items():
        keys = sorted({"id", *indexes})
        resources[name] = {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
            },
        }
        if indexes:
            resources[name]["Properties"]["GlobalSecondaryIndexes"] = [
                {
                    "IndexName": index,
                    "KeySchema": [{"AttributeName": index, "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": indexes[index]},
                }
                for index in sorted(indexes)
            ]
    return {"Resources": resources}


def indexes_of(one: Any, table: str) -> dict[str, Any]:
    found = one["Resources"].get(table, {"Properties": {}})["Properties"].get("GlobalSecondaryIndexes", ())
    return {index["IndexName"]: index for index in found}


def changed(before: Any, after: Any, table: str) -> set[str]:
    old, new = indexes_of(before, table), indexes_of(after, table)
    assert all(old[name] == new[name] for name in old.keys() & new.keys()), "an index cannot change in place"
    return set(old.keys() ^ new.keys())


@given(INDEXES, INDEXES, INDEXES, INDEXES)
def test_each_step_changes_one_index_of_a_table_at_most(
    x: dict[str, str], y: dict[str, str], new_x: dict[str, str], new_y: dict[str, str]
) -> None:
    deployed, target = template("old", X=x, Y=y), template("new", X=new_x, Y=new_y)
    steps = index_steps(deployed, target)
    assert steps[-1].template == target
    for before, after in pairwise([deployed, *(step.template for step in steps)]):
        for table in ("X", "Y"):
            assert len(changed(before, after, table)) <= 1
            properties = after["Resources"][table]["Properties"]
            defined = {one["AttributeName"] for one in properties["AttributeDefinitions"]}
            assert defined == {"id", *indexes_of(after, table)}
    for step in steps:
        code = step.template["Resources"]["Code"]["Properties"]["Code"]
        assert code == ("old" if step.is_early else "new")
        for table, old, new in (("X", x, new_x), ("Y", y, new_y)):
            there = indexes_of(step.template, table).keys()
            # The old code keeps what it reads, and the new code finds what it reads.
            assert step.is_early <= ({name for name in old if old[name] == new.get(name, old[name])} <= there)
            assert step.is_early or new.keys() <= there


def test_what_changes_no_index_or_one_is_one_step() -> None:
    assert len(index_steps(template("a", X={}), template("b", X={}))) == 1
    assert len(index_steps(template("a", X={}), template("b", X={"a": "ALL"}, Z={"a": "ALL", "b": "ALL"}))) == 1
    assert len(index_steps(template("a", X={"a": "ALL"}), template("b", X={}))) == 1


def test_two_new_indexes_are_two_steps_and_two_that_go_as_well() -> None:
    two = {"a": "ALL", "b": "ALL"}
    assert [step.is_early for step in index_steps(template("a", X={}), template("b", X=two))] == [True, False]
    assert [step.is_early for step in index_steps(template("a", X=two), template("b", X={}))] == [False, False]


def test_our_own_template_is_one_step_from_itself() -> None:
    ours = build_template()
    assert [step.template for step in index_steps(ours, ours)] == [ours]
