"""A member's row, and what joins and leaves by it."""

from models.storage.codec import item_of
from models.storage.store import Item
from models.tables import User
from models.transactions.members import Members
from tests.unit.builders import ALICE, NOW
from tests.unit.stored import Stored

WHOLE: Item = item_of(
    User, id=ALICE, username="alice", totalTransactions=0, rating=0.0, createdAt=NOW, updatedAt=NOW
)


def office(tables: Stored) -> Members:
    return Members(tables.store, tables.transactions, tables.tick)


def anybody(_: Item) -> bool:
    return True


def texts_of(row: Item, *names: str) -> dict[str, str]:
    """Return some of a row's texts, by their attributes."""
    return {name: row[name]["S"] for name in names}
