"""User names and e-mail addresses that only one member has, by a guard row each, in the member's own transaction.

Members who were stored before guards existed get theirs when they next change. Until then a new name is also
looked up in the indexes, in the spellings that people use; a name that two old members share stays with both.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from models import tables
from models.errors import Code, Refusal
from models.identifiers import JOINERS, derived, folded, is_uuid, name_problem
from models.limits import fixed_limit
from models.storage.store import Item, Store
from models.transactions.writing import Writing

_longest = partial(fixed_limit, topic="rows", code="BadRequest")
# What a new name may have, by its field: the number of characters, and of those that nobody sees, which.
_RULES: Mapping[str, tuple[int, frozenset[str]]] = {
    "username": (_longest(100, "characters of a user name"), frozenset()),
    "email": (_longest(254, "characters of an e-mail address, as many as SMTP delivers to"), frozenset()),
    "firstName": (_longest(200, "characters of a first name"), JOINERS),
    "lastName": (_longest(200, "characters of a last name"), JOINERS),
}
# How a name that another member has is refused, by its field.
_TAKEN: Mapping[str, tuple[Code, str]] = {
    "username": (
        Code.DUPLICATE_USERNAME,
        "another member has this user name already; choose another",
    ),
    "email": (
        Code.DUPLICATE_EMAIL,
        "another member has this e-mail address already; give another, or, if it is yours, ask an administrator",
    ),
}
# An owner field may hold `sub::username`.
_SEPARATOR = "::"


@dataclass(frozen=True, slots=True)
class NameChange:
    """What a change of a member's names writes beside the member's row.

    Args:
        user_id: the member.
        claimed: the guards that become the member's.
        freed: the guards that the member gives back.
        nobody: the member's id that the new user name would equal; the change requires that no member has it. None
            if the user name does not change.
    """

    user_id: str
    claimed: Sequence[str]
    freed: Sequence[str]
    nobody: str | None = None

    def write(self, writing: Writing) -> None:
        """Add the guards to the transaction, each if it is nobody else's."""
        table = tables.NameGuard
        free_or_own = table.id.does_not_exist() | (table.userId == self.user_id)
        for key in self.claimed:
            actions = [table.userId.set(self.user_id), table.createdAt.set(writing.now)]
            writing.update(table, key, actions, free_or_own)
        for key in self.freed:
            writing.remove(table, key, free_or_own)
        if self.nobody is not None:
            writing.check(tables.User, self.nobody, tables.User.id.does_not_exist())


class UniqueNames:
    """Decides whether a member may have a name.

    Args:
        store: the tables.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def change(self, before: Item | None, after: Item) -> NameChange | Refusal:
        """Return what is written when a member's row changes, or the refusal of a name.

        A name is refused that is somebody else's, or that people could not tell from another's; a name that a row
        has had since before there was that rule stays.

        Args:
            before: the member's row as it is; None if the member joins.
            after: the row as it will be.
        """
        if (refusal := _unreadable_refusal(before or {}, after)) is not None:
            return refusal
        user_id = after["id"]["S"]
        old, new = _guards(before or {}), _guards(after)
        holders = await self._holders([*old.keys() | new.keys()])
        for key, (field, text) in new.items():
            if key in old or holders[key] == user_id:
                continue
            if holders[key] is not None or await self._is_taken_without_guard(field, text, user_id):
                return _taken_refusal(field)
        subject = _subject(before or {}, after)
        if subject is not None and await self._is_an_id(subject):
            return Refusal(
                Code.DUPLICATE_USERNAME,
                "username: this is the id of a member, or could become one; choose another.",
                {"field": "username"},
            )
        return NameChange(
            user_id,
            claimed=[key for key in new if holders[key] is None],
            freed=[key for key in old if key not in new and holders[key] == user_id],
            nobody=subject,
        )

    async def free(self, item: Item) -> NameChange:
        """Return what is written when a member leaves."""
        user_id, guards = item["id"]["S"], _guards(item)
        holders = await self._holders([*guards])
        return NameChange(user_id, claimed=(), freed=[key for key in guards if holders[key] == user_id])

    async def holder(self, text: str) -> str | None:
        """Return the id of the member whose user name or address a text is, in any spelling; None if nobody's.

        A member who was stored before there were guards is found in their own spelling only.
        """
        guards = [derived(field, "name", folded(text)) for field in _TAKEN]
        for user_id in (await self._holders(guards)).values():
            if user_id is not None:
                return user_id
        for index in (tables.User.byUsername, tables.User.byEmail):
            page = await self._store.query(tables.User, index, text, limit=1)
            if page.items:
                return str(page.items[0]["id"]["S"])
        return None

    async def _holders(self, keys: Sequence[str]) -> Mapping[str, str | None]:
        guards = await self._store.batch_get([(tables.NameGuard, key) for key in keys], consistent=True)
        return {key: guard["userId"]["S"] if guard else None for key, guard in zip(keys, guards, strict=True)}

    async def _is_an_id(self, text: str) -> bool:
        return is_uuid(text) or await self._store.get(tables.User, text, consistent=True) is not None

    async def _is_taken_without_guard(self, field: str, text: str, user_id: str) -> bool:
        """Return whether another member, who has no guards yet, has a name; the index only says where to look."""
        index = {"username": tables.User.byUsername, "email": tables.User.byEmail}[field]
        for spelling in _spellings(text):
            page = await self._store.query(tables.User, index, spelling, limit=2)
            for found in page.items:
                key = found["id"]["S"]
                row = None if key == user_id else await self._store.get(tables.User, key, consistent=True)
                if row is not None and folded(row[field]["S"]) == folded(text):
                    return True
        return False


def _guards(item: Item) -> dict[str, tuple[str, str]]:
    """Return the guards of a member's names: the field and the text of each, by its key."""
    texts = {field: item[field]["S"] for field in _TAKEN if field in item}
    return {derived(field, "name", folded(text)): (field, text) for field, text in texts.items()}


def _subject(before: Item, after: Item) -> str | None:
    """Return the id that a new user name spells, as an owner field would; None if it is not new, or the own id."""
    if before.get("username") == after.get("username"):
        return None
    subject: str = after["username"]["S"].partition(_SEPARATOR)[0]
    return None if subject in {"", after["id"]["S"]} else subject


def _spellings(text: str) -> Iterator[str]:
    """Yield the spellings in which an old member may have a name."""
    yield from dict.fromkeys((text, folded(text), text.lower(), text.upper(), text.capitalize(), text.title()))


def _unreadable_refusal(before: Item, after: Item) -> Refusal | None:
    """Return the refusal of the first new name that people could not see for what it is."""
    for field, (longest, allowed) in _RULES.items():
        if field not in after or after[field] == before.get(field):
            continue
        text = after[field]["S"]
        problem = name_problem(text, longest=longest, allowed=allowed)
        if field == "email" and " " in text:
            problem = "an address has no blanks"
        if problem is not None:
            return Refusal(Code.BAD_REQUEST, f"{field}: {problem}.", {"field": field})
    return None


def _taken_refusal(field: str) -> Refusal:
    code, why = _TAKEN[field]
    return Refusal(code, f"{field}: {why}.", {"field": field})
