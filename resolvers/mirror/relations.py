"""Fields that lead from a row to another row, to a page of rows, or to a number computed from another row.

Reads are batched: the rows that fields ask for at the same time are one batch read, even of several tables.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from models import tables
from models.storage.store import Item, Key
from models.tables import Table
from resolvers.context import caller_of, context_of
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import admits, may_ask_for, may_read, model_for
from schema.amplify.declaration import Model, Relation
from schema.amplify.keys import SEPARATOR
from schema.amplify.resolver import AnyInfo
from schema.amplify.rules import Operation
from schema.amplify.wire import decoder, text_of
from schema.errors import UnauthorizedError


def texts_of_relation(model: Model, relation: Relation, source: Item) -> tuple[str, ...]:
    """Return the texts of the fields that a relation starts from; none, if one is missing."""
    found = [_text(model, name, source) for name in relation.fields]
    texts = [text for text in found if text is not None]
    return tuple(texts) if len(texts) == len(found) else ()


def key_of_relation(model: Model, relation: Relation, source: Item) -> Key | None:
    """Return the key of the row that a relation leads to; None if it leads to none."""
    if len(relation.fields) == 1:
        return _text(model, relation.fields[0], source)
    texts = texts_of_relation(model, relation, source)
    return (texts[0], SEPARATOR.join(texts[1:])) if texts else None


def keys_of_relation(model: Model, relation: Relation, sources: Iterable[Item]) -> list[Key | None]:
    """Return the key of the row that a relation leads to, for each of many rows."""
    if (
        len(relation.fields) == 1
        and model.fields[name := relation.fields[0]].is_text
        and not model.follows_amplify
    ):
        decode = model.fields[name].decode
        return [decode(source.get(name)) for source in sources]
    return [key_of_relation(model, relation, source) for source in sources]


def _text(model: Model, name: str, source: Item) -> str | None:
    """Return a field of a row as the text of a key.

    An owner is without what stands before the name, unless the type follows Amplify: there the stored text leads.
    """
    field = model.fields[name]
    value = field.decode(source.get(name))
    is_shown = field.is_text and not model.follows_amplify
    return value if value is None or is_shown else text_of(source[name])


def check_relation(caller: Caller, target: Model, info: AnyInfo) -> None:
    """Check that a relation may lead a caller to some row, where the type follows Amplify.

    Raises:
        UnauthorizedError: no rule lets them read any.
    """
    if leads_nowhere(caller, target):
        raise UnauthorizedError.of(info)


def leads_nowhere(caller: Caller, target: Model) -> bool:
    """Return whether a relation is refused to a caller, rather than empty, as no rule lets them read any row."""
    return target.follows_amplify and not admits(caller, target, Operation.READ)


async def related_row(target: Model, info: AnyInfo, key: Key) -> Item | None:
    """Return the row that a relation leads to; None if it does not exist or the caller may not read it.

    It raises no error then, because amplify-js would discard the whole answer.

    Raises:
        UnauthorizedError: no rule lets the caller read any row, and the type follows Amplify.
    """
    caller = caller_of(info)
    check_relation(caller, target, info)
    target = model_for(caller, target)
    if not may_ask_for(caller, target, key):
        return None
    item = await context_of(info).rows.load((target.table, key))
    return item if item is not None and may_read(caller, target, item) else None


@dataclass(frozen=True, slots=True)
class FromRow:
    """A field that is computed from another row.

    Args:
        table: the other row's table.
        key: the field of this row that holds the other row's key.
        value: makes the field's value of the other row, or of None if there is no such row.
    """

    table: type[Table]
    key: str
    value: Callable[[Item | None], Any]

    async def __call__(self, info: AnyInfo, source: Item) -> Any:
        """Return the field of a row."""
        return self.value(await context_of(info).rows.load((self.table, source[self.key]["S"])))


_hours = decoder("Float")


def _total(balance: Item | None) -> float:
    """Return a member's hours: the total of their balance, which everybody may see, unlike the balance itself."""
    if balance is None:
        return 0.0
    total: float = _hours(balance["totalBalance"])
    return total


# How each field is computed that is not shown as it is stored.
COMPUTED = {("User", "bankHours"): FromRow(tables.UserBalance, "id", _total)}
