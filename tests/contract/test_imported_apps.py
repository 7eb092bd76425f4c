"""The schema that an imported app is served with has every member that Amplify makes, but for what is listed here.

HourBank's own schema, imported, gives the models that its Python classes give.
"""

from functools import cache

import pytest

from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Model
from schema.amplify.rules import Operation, Public
from schema.amplify.sdl.declaring import catalogue_of
from schema.amplify.sdl.importing import import_app
from schema.types import CATALOGUE
from tests.contract.test_declarations import APPS, HERE
from tests.unit.schema.amplify.printed import missing

# An event's filter by a key that the other type has: Amplify adds it to the wrong type, whose rows never have it.
MISPLACED_KEYS = {
    "composite_relations": {"Shop": ["shopOrdersChain", "shopOrdersCity", "shopOrdersNumber"]},
    "implicit_relations": {"Blog": ["blogPostsId"], "Post": ["postCommentsId"]},
    "old_flags": {"Album": ["albumSongsId"]},
}
# A page with an argument of Amplify's that compares a field which does not sort the index.
MISLED: dict[str, dict[str, list[str]]] = {"composite_relations": {"Shop": ["orders"]}}


@cache
def catalogue(name: str) -> Catalogue:
    folder = APPS[name][0]
    rules = folder / "rules.graphql"
    return catalogue_of(import_app(folder, rules if rules.exists() else None))


def optional(name: str) -> dict[str, list[str]]:
    """Return the required fields that a client may leave out of ours.

    The caller is the owner, where there is one, and rules beside the schema may write a field from others.
    """
    found = {}
    for model in catalogue(name).models.values():
        owners = model.owner_fields(Operation.CREATE)
        written = {*model.ignored, *(owners if len(owners) == 1 else ())} - model.unwritable
        if fields := [name for name, field in model.fields.items() if name in written and field.required]:
            found[f"Create{model.name}Input"] = fields
    return found


@pytest.mark.parametrize("name", APPS)
def test_every_member_is_as_amplify_makes_it(name: str) -> None:
    misplaced = {
        f"ModelSubscription{type_name}FilterInput": keys
        for type_name, keys in MISPLACED_KEYS.get(name, {}).items()
    }
    expected = optional(name) | misplaced | MISLED.get(name, {})
    found = missing(catalogue(name), (APPS[name][1] / "golden.graphql").read_text())
    assert {type_name: list(members) for type_name, members in found.items()} == expected


@cache
def imported() -> Catalogue:
    """Return the catalogue of HourBank's own schema.graphql."""
    return catalogue_of(import_app(HERE / "apps" / "hourbank"))


MODELS = list(CATALOGUE.models.values())


def by_name(model: Model) -> str:
    return model.name


def test_hourbank_s_schema_declares_the_types_of_its_classes() -> None:
    assert imported().models.keys() == CATALOGUE.models.keys()


@pytest.mark.parametrize("model", MODELS, ids=by_name)
def test_hourbank_s_schema_gives_the_same_model(model: Model) -> None:
    theirs = imported().models[model.name]
    # The classes have fields beside Amplify's, for what the workflows write.
    own = {name: model.fields[name].graphql_type for name in theirs.fields if name in model.fields}
    assert own == {name: one.graphql_type for name, one in theirs.fields.items()}
    assert dict(theirs.relations) == dict(model.relations)
    assert theirs.operations == model.operations
    assert (theirs.keys, theirs.lists_by_key) == (model.keys, model.lists_by_key)
    queries = {one.query for one in model.finders.values()}
    # The index by which a dispute's other side finds it has a query in HourBank only.
    assert queries - {one.query for one in theirs.finders.values()} <= {"disputesByAgainstUserId"}
    assert {one.keys.hash for one in theirs.finders.values()} == {one.keys.hash for one in model.finders.values()}


@pytest.mark.parametrize("model", MODELS, ids=by_name)
def test_hourbank_s_schema_admits_nobody_whom_its_classes_refuse(model: Model) -> None:
    theirs = imported().models[model.name]
    for operation in Operation:
        assert set(theirs.owner_fields(operation)) <= set(model.owner_fields(operation))
        assert theirs.is_private(operation) <= model.is_private(operation)
        assert theirs.groups(operation) == model.groups(operation)
    assert not any(isinstance(rule, Public) for rule in theirs.rules)
