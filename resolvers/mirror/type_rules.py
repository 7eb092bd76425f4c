"""What types have rules of their own for writing their rows; the mirror's mutations apply them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from models.errors import Refusal
from models.storage.store import Item
from resolvers.identity.callers import Caller
from resolvers.mirror.filtering.filters import Predicate
from schema.amplify.wire import Wire

Given = Mapping[str, Any]
Changes = dict[str, Wire | None]  # None removes the attribute
Creator = Callable[[Caller, Given], Awaitable[Item | Refusal | None]]
Updater = Callable[[Caller, Item, Given], Awaitable[Item | Refusal]]
CreateGuard = Callable[[Given], Awaitable[Refusal | None]]
DeleteGuard = Callable[[Item], Refusal | None]
RowCheck = Callable[[Caller, Item], Awaitable[None]]
Remover = Callable[[str, Predicate], Awaitable[Item | Refusal]]


class Amender(Protocol):
    """Changes or removes rows by their type's own rules, and updates in the same write what depends on them."""

    def __call__(
        self, key: str, changes: Changes | None, is_met: Predicate, *, actor: str
    ) -> Awaitable[Item | Refusal]:
        """Change a row that meets the client's condition and return it, or remove it if `changes` is None.

        Raises:
            ConditionFailedError: the row does not meet the condition, or does not exist.
        """


@dataclass(frozen=True, slots=True)
class Updating:
    """How rows are updated that follow from other rows.

    Args:
        wishes: the fields that an update may give other values than the stored ones; all others it may repeat.
        update: does what is wished for, given the caller, the stored row, and the wishes that are not null; it
            returns the row as it is then, or a refusal.
    """

    wishes: frozenset[str]
    update: Updater


@dataclass(frozen=True, slots=True)
class TypeRules:
    """What types have rules of their own for writing their rows; all by the type's name.

    Args:
        creators: create a row by the type's own rules, given the caller and the checked input with its id and
            owner filled in; they return the stored row, a refusal, or None if another row has that id.
        create_guards: return the refusal if a row may not be created now, given the input.
        checks: check a row as it will be, before it is created or changed; they raise what is wrong with it.
        delete_guards: return the refusal if a row may not be deleted now.
        updaters: update rows that follow from other rows.
        amenders: change and remove rows by the type's own rules, such as rows that others are derived from; they
            return the row, or a refusal.
        removers: remove a row by the type's own rules, if it meets the client's condition; they return the row as
            it was, or a refusal, and raise ConditionFailedError if there is no row that meets the condition.
    """

    creators: Mapping[str, Creator] = field(default_factory=dict)
    create_guards: Mapping[str, CreateGuard] = field(default_factory=dict)
    updaters: Mapping[str, Updating] = field(default_factory=dict)
    checks: Mapping[str, RowCheck] = field(default_factory=dict)
    delete_guards: Mapping[str, DeleteGuard] = field(default_factory=dict)
    amenders: Mapping[str, Amender] = field(default_factory=dict)
    removers: Mapping[str, Remover] = field(default_factory=dict)
