"""DynamoDB's units: what a call reads and writes, by the sizes of the rows and of what indexes hold of them.

Sizes are those of AWS's documentation: names and texts in UTF-8, two digits of a number a byte and one more.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from pynamodb.indexes import AllProjection

from models.storage.store import key_of
from models.tables import Table

Item = Mapping[str, Mapping[str, Any]]
_WRITE_BYTES, _READ_BYTES = 1024, 4096


def size(item: Item | None) -> int:
    """Return a row's bytes."""
    return sum(len(name.encode()) + _value_size(value) for name, value in (item or {}).items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, of),) = value.items()
    match kind:
        case "S":
            return len(str(of).encode())
        case "N":
            digits = str(of).lstrip("-").replace(".", "")
            return (len(digits) + 1) // 2 + 1 + (str(of)[0] == "-")
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_size(one) for name, one in of.items())
        case "L":
            return 3 + sum(1 + _value_size(one) for one in of)
    return 1


def written(table: type[Table], old: Item | None, new: Item | None, *, times: int) -> Iterator[tuple[str, int]]:
    """Yield the write units of one changed row: of its table, and of each index that changes.

    Args:
        table: the row's table.
        old: the row before, None if there was none.
        new: the row afterwards, None if there is none.
        times: 2 in a transaction, which writes each row twice; an index is written once in any case.
    """
    yield table.Meta.table_name, times * max(1, ceil(max(size(old), size(new)) / _WRITE_BYTES))
    for index in table._indexes.values():
        before, after = _entry(table, index, old), _entry(table, index, new)
        if before == after:
            continue
        keys = [attribute.attr_name for attribute in index.Meta.attributes.values()]
        moves = before is not None and after is not None and any(before[key] != after[key] for key in keys)
        entries = [before, after] if moves else [max(before, after, key=size)]
        units = sum(ceil(size(entry) / _WRITE_BYTES) for entry in entries)
        yield f"{table.Meta.table_name}/{index.Meta.index_name}", units


def _entry(table: type[Table], index: Any, item: Item | None) -> Item | None:
    """Return what an index holds of a row, None if it holds nothing of it."""
    keys = [attribute.attr_name for attribute in index.Meta.attributes.values()]
    if item is None or any(key not in item for key in keys):
        return None
    if isinstance(index.Meta.projection, AllProjection):
        return item
    return {name: item[name] for name in (key_of(table).attr_name, *keys)}


def read(items: Sequence[Item], *, consistent: bool, each: bool) -> float:
    """Return the read units of rows.

    Args:
        items: the rows.
        consistent: whether they were read consistently, which is twice as dear.
        each: whether each row is rounded up, as in a batch, or all of them together, as in a query.
    """
    whole = sum(max(1, ceil(size(item) / _READ_BYTES)) for item in items) if each else 0
    together = max(1, ceil(sum(map(size, items)) / _READ_BYTES))
    return (max(whole, 1) if each else together) * (1 if consistent else 0.5)
