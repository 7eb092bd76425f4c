"""Derived operations may have other names, or be absent."""

from dataclasses import replace

from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Operations
from schema.amplify.objects import types_of
from schema.amplify.operations import subscriptions
from schema.amplify.rules import Operation
from schema.amplify.stored_fields import Field
from tests.unit.atlas import PLACE
from tests.unit.schema.amplify.printed import members, printed

FEW = Operations(
    get="place",
    list=None,
    create="addPlace",
    update=None,
    delete=None,
    on_create=("onPlace", "onAddedPlace"),
    on_update=(),
    on_delete=(),
)
NONE = Operations(
    get=None, list=None, create=None, update=None, delete=None, on_create=(), on_update=(), on_delete=()
)


def test_operations_are_renamed_or_absent() -> None:
    ours = members(printed(Catalogue.of([replace(PLACE, operations=FEW)])))
    assert ours["Query"].keys() == {"place"}
    assert ours["Mutation"].keys() == {"addPlace"}
    assert ours["Subscription"].keys() == {"onPlace", "onAddedPlace"}
    assert not {"UpdatePlaceInput", "DeletePlaceInput", "ModelPlaceConnection"} & ours.keys()
    assert {"CreatePlaceInput", "ModelPlaceConditionInput"} <= ours.keys()


def test_several_changes_may_share_a_subscription() -> None:
    shared = replace(FEW, on_update=("onPlace",), on_delete=("onPlace",))
    catalogue = Catalogue.of([replace(PLACE, operations=shared)])
    heard = {field.name: field.resolve for field in subscriptions(catalogue, types_of(catalogue))}  # type: ignore[attr-defined]
    assert heard["onPlace"].operations == {Operation.CREATE, Operation.UPDATE, Operation.DELETE}
    assert heard["onAddedPlace"].operations == {Operation.CREATE}


def test_a_type_may_have_no_operations_at_all() -> None:
    hidden = replace(PLACE, name="Hidden", operations=NONE)
    ours = members(printed(Catalogue.of([replace(PLACE, operations=FEW), hidden])))
    # Clients see the type, as Amplify has it, and no way to its rows.
    assert ours["Hidden"].keys() == {*hidden.fields}
    assert not [root for root in ("Query", "Mutation", "Subscription") if "Hidden" in " ".join(ours[root])]
    assert not {"CreateHiddenInput", "ModelHiddenConnection"} & ours.keys()


def test_without_mutations_and_subscriptions_there_are_no_such_roots() -> None:
    reading = replace(NONE, get="getPlace")
    ours = members(printed(Catalogue.of([replace(PLACE, operations=reading)])))
    assert not {"Mutation", "Subscription"} & ours.keys()


def test_timestamps_are_renamed_taken_from_clients_or_absent() -> None:
    made = {"madeAt": Field.of("madeAt", "AWSDateTime!")}
    fields = {name: field for name, field in PLACE.fields.items() if name not in {"createdAt", "updatedAt"}}
    model = replace(
        PLACE,
        fields=fields | made,
        created_at="madeAt",
        updated_at=None,
        takes_timestamps=True,
        unwritable=frozenset(),
    )
    assert model.timestamps == {"madeAt"}
    ours = members(printed(Catalogue.of([model])))
    assert ours["CreatePlaceInput"]["madeAt"] == ("AWSDateTime", {})
    assert "updatedAt" not in ours["Place"].keys() | ours["UpdatePlaceInput"].keys()
