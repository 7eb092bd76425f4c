"""What the single table and the app must be like."""

import pytest

from models.storage.calls import drive
from tests.unit.single_world import APP, NAMES, Moving
from workflows.console.single_table.tables import MovedApp, Sides, SingleTableError


async def test_the_table_must_be_there(moving: Moving) -> None:
    with pytest.raises(SingleTableError, match=r"There is no table Nowhere in account 000000000000"):
        await Sides.over(moving.engine, NAMES, APP, "Nowhere")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"userId": "S"}, "has the key userId;"),
        ({"owner": "S", "expenseId": "S"}, "has the key owner and expenseId;"),
        ({"userId": "S", "number": "N"}, "has the key userId and number;"),
    ],
)
async def test_its_key_must_be_a_user_and_a_text(moving: Moving, keys: dict[str, str], said: str) -> None:
    create = moving.engine.call(
        "dynamodb",
        "create_table",
        TableName="Other",
        KeySchema=[
            {"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in keys.items()],
        BillingMode="PAY_PER_REQUEST",
    )
    drive(create)
    try:
        with pytest.raises(SingleTableError, match=said):
            await Sides.over(moving.engine, NAMES, APP, "Other")
    finally:
        drive(moving.engine.call("dynamodb", "delete_table", TableName="Other"))


def test_the_app_must_have_the_types() -> None:
    shapes = {name: shape for name, shape in APP.shapes.items() if name != "Work"}
    with pytest.raises(SingleTableError, match="The app has no type Work; give --schema"):
        MovedApp(APP.tables, shapes).entities()
