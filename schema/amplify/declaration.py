"""A mirrored type's declaration: its fields, its relations, and who may do what with its rows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from pynamodb.indexes import Index

from models.integrity.ruled_tables import RuledTables
from models.storage.store import Item, Key
from models.tables import Table
from schema.amplify import names
from schema.amplify.bounds import Bound, usual_bound
from schema.amplify.keys import SEPARATOR, Finder, Keys
from schema.amplify.rules import (
    EVERY_WAY,
    OPEN,
    AuthRule,
    Groups,
    Operation,
    Owner,
    Private,
    Public,
    Way,
    covers,
    reading,
)
from schema.amplify.stored_fields import Field
from schema.amplify.wire import text_of

# What a key stores as it comes, of these types.
_KEPT_TEXTS = frozenset({"ID", "String"})


@dataclass(frozen=True, slots=True)
class Relation:
    """A field that leads to one other row by its key, or to a page of rows.

    Args:
        target: the type of those rows.
        fields: the fields of this row whose values are the target's key; of a relation to many rows, the hash key
            that finds them, and perhaps what their sort fields begin with.
        index: the name of the target's index that finds the rows; None if its table does.
        is_many: whether it leads to many rows.
        required: whether it is never null.
        limit: the rows of a page, if clients do not say; None for as many as of any page.
    """

    target: str
    fields: tuple[str, ...]
    index: str | None = None
    is_many: bool = False
    required: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Protection:
    """A field that clients may repeat but not set: the initial value on create, the stored one on update.

    Args:
        use: the operation to use instead, for the refusal.
        initial: the only value stored on create, beside an absent one; `...` stores any.
        groups: members of these groups may set it.
        accepts: what a create may say, where clients must send more than the initial value; it is not stored.
        is_ignored: the server sets it, whatever an input says.
    """

    use: str
    initial: Any = None
    groups: frozenset[str] = frozenset()
    accepts: Bound | None = None
    is_ignored: bool = False


# A field that no input decides, and for which no input is refused.
SET_BY_SERVER = Protection(use="nothing: the server sets it", is_ignored=True)


@dataclass(frozen=True, slots=True)
class Operations:
    """The names of a type's derived operations; None, or empty, where it has none.

    Args:
        get: of the query of one row.
        list: of the query of all rows.
        create: of the mutation that creates a row.
        update: of the mutation that changes one.
        delete: of the mutation that removes one.
        on_create: of the subscriptions to rows that are created.
        on_update: of the subscriptions to rows that change.
        on_delete: of the subscriptions to rows that are removed.
    """

    get: str | None
    list: str | None
    create: str | None
    update: str | None
    delete: str | None
    on_create: tuple[str, ...]
    on_update: tuple[str, ...]
    on_delete: tuple[str, ...]

    @classmethod
    def usual(cls, model: str) -> Self:
        """Return the names that Amplify gives a type's operations."""
        return cls(
            get=f"get{model}",
            list=f"list{names.plural(model)}",
            create=f"create{model}",
            update=f"update{model}",
            delete=f"delete{model}",
            on_create=(f"onCreate{model}",),
            on_update=(f"onUpdate{model}",),
            on_delete=(f"onDelete{model}",),
        )

    def mutation(self, operation: Operation) -> str | None:
        """Return the name of a mutation."""
        names_by_operation = {
            Operation.CREATE: self.create,
            Operation.UPDATE: self.update,
            Operation.DELETE: self.delete,
        }
        return names_by_operation[operation]

    def subscriptions(self, operation: Operation) -> tuple[str, ...]:
        """Return the names of the subscriptions to what a mutation does."""
        names_by_operation = {
            Operation.CREATE: self.on_create,
            Operation.UPDATE: self.on_update,
            Operation.DELETE: self.on_delete,
        }
        return names_by_operation[operation]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A mirrored type, as declared.

    Args:
        name: its name.
        table: the table of its rows.
        rules: its `@auth` rules.
        fields: its stored fields, by their names.
        primary: how the table finds its rows.
        operations: the names of its derived operations.
        finders: how its indexes on fields find rows, by the names of the indexes.
        lists_by_key: whether `listXs` takes the key, because the type declares it.
        relations: the fields that lead to other rows.
        computed: fields whose value a resolver computes, each with the query that filters by that value.
        unwritable: fields that no input has.
        protected: fields that clients may repeat but not set.
        bounds: limits on fields' values.
        ordered: pairs of fields; where a row has both, the first is at most the second.
        parties: fields that name the members whom a row is about; they neither change nor remove it, whatever rule
            admits them.
        fixed: the fields that no update changes.
        created_at: the field with the moment of a row's creation; None if there is none.
        updated_at: the field with the moment of its last change; None if there is none.
        takes_timestamps: whether these moments are the client's, where an input has them.
        listening: the rules of its subscriptions, if they are others than those of its rows.
        field_rules: if some fields or relations have rules of their own, those of each that the schema declares;
            `rules` are then those by which a caller may do something with at least one of them.
        unheard: the fields and relations that no event shows, although subscriptions are public.
        follows_amplify: whether nobody but a stranger is answered otherwise than Amplify does: an update needs the
            right to delete for taking a value away, and what no rule lets a caller read is an error, not empty.
        declared: the class that stands for the type in Python; None if nothing but its name does.
        ruled: the app's types with the rules beside its schema; None if none is about this type.
    """

    name: str
    table: type[Table]
    rules: tuple[AuthRule, ...]
    fields: Mapping[str, Field]
    primary: Finder
    operations: Operations
    finders: Mapping[str, Finder] = field(default_factory=dict)
    lists_by_key: bool = False
    relations: Mapping[str, Relation] = field(default_factory=dict)
    computed: Mapping[str, str] = field(default_factory=dict)
    unwritable: frozenset[str] = frozenset()
    protected: Mapping[str, Protection] = field(default_factory=dict)
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    ordered: tuple[tuple[str, str], ...] = ()
    parties: tuple[str, ...] = ()
    fixed: frozenset[str] = frozenset()
    created_at: str | None = "createdAt"
    updated_at: str | None = "updatedAt"
    takes_timestamps: bool = False
    listening: tuple[AuthRule, ...] | None = None
    field_rules: Mapping[str, tuple[AuthRule, ...]] = field(default_factory=dict)
    unheard: frozenset[str] = frozenset()
    follows_amplify: bool = False
    declared: type | None = None
    ruled: RuledTables | None = None
    # Whether which rules count depends on how rows are read, or on whether a member reads them.
    has_special_rules: bool = field(init=False)
    # The fields and relations that not everybody who may read a row may read, by rules of their own.
    guarded: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Look at the rules once, because every read asks."""
        special = self.listening is not None or any(_is_special(rule) for rule in self.rules)
        object.__setattr__(self, "has_special_rules", special)
        readers = reading(self.rules)
        guarded = (
            name
            for name, rules in self.field_rules.items()
            if not all(covers(reading(rules), reader) for reader in readers)
        )
        object.__setattr__(self, "guarded", self.unheard.union(guarded))

    @property
    def owners(self) -> tuple[str, ...]:
        """Return the fields that name a member whom a rule is about."""
        return tuple(dict.fromkeys(rule.field for rule in self.rules if isinstance(rule, Owner)))

    @property
    def tells_subscribers(self) -> bool:
        """Return whether what a mutation answers goes to subscribers, in Amplify: they see no guarded field."""
        heard = (*self.operations.on_create, *self.operations.on_update, *self.operations.on_delete)
        return bool(heard) and self.listening is None

    def owner_fields(self, operation: Operation) -> tuple[str, ...]:
        """Return the fields that name a member to whom a rule allows an operation."""
        return tuple(rule.field for rule in self.rules if isinstance(rule, Owner) and operation in rule.operations)

    def names_by_sub(self, name: str) -> bool:
        """Return whether an owner field names a member by their `sub`, whichever of their names a client gives."""
        owners = (rule for rule in self.rules if isinstance(rule, Owner) and rule.field == name)
        return not self.fields[name].is_list and all(rule.is_by_sub for rule in owners)

    @property
    def heard_owners(self) -> tuple[str, ...]:
        """Return the fields of single owners by which subscriptions are narrowed: their arguments."""
        rules = self.rules_of(Way.LISTEN)
        named = (rule for rule in rules if isinstance(rule, Owner) and Operation.READ in rule.operations)
        heard = (rule.field for rule in named if Way.LISTEN in rule.ways)
        return tuple(name for name in dict.fromkeys(heard) if not self.fields[name].is_list)

    def rules_of(self, way: Way | None) -> tuple[AuthRule, ...]:
        """Return the rules that count where rows are read in some way, or where nothing is read."""
        return self.rules if way is not Way.LISTEN or self.listening is None else self.listening

    def is_private(self, operation: Operation) -> bool:
        """Return whether a rule allows an operation to every member, or to everybody."""
        return any(isinstance(rule, OPEN) and operation in rule.operations for rule in self.rules)

    def hidden_by(self, operation: Operation) -> str | None:
        """Return the field that, when true, hides a row from those to whom neither owner nor groups allow it."""
        found = (rule.unless for rule in self.rules if isinstance(rule, OPEN) and operation in rule.operations)
        return next(found, None)

    def groups(self, operation: Operation) -> frozenset[str]:
        """Return the groups to which a rule allows an operation."""
        admitted = (r.groups for r in self.rules if isinstance(r, Groups) and operation in r.operations)
        return frozenset().union(*admitted)

    @property
    def ignored(self) -> frozenset[str]:
        """Return the fields that the server sets, whatever an input says."""
        return frozenset(name for name, protection in self.protected.items() if protection.is_ignored)

    @property
    def hidden_fields(self) -> Mapping[str, Any]:
        """Return the fields that are hidden from members whom only `private` admits, and what they see instead."""
        return next((rule.instead for rule in self.rules if isinstance(rule, Private)), {})

    @property
    def unpublished_fields(self) -> frozenset[str]:
        """Return the fields that are refused to those whom only `public` admits."""
        published = next((rule.fields for rule in self.rules if isinstance(rule, Public)), None)
        return frozenset() if published is None else frozenset(self.fields.keys() - published)

    @property
    def timestamps(self) -> frozenset[str]:
        """Return the fields with the moments of a row's creation and of its last change."""
        return frozenset(name for name in (self.created_at, self.updated_at) if name is not None)

    @property
    def stamped(self) -> frozenset[str]:
        """Return the fields whose moments are the server's, whatever an input says."""
        return frozenset() if self.takes_timestamps else self.timestamps

    @property
    def keys(self) -> Keys:
        """Return the fields of a row's key."""
        return self.primary.keys

    def key_from(self, values: Mapping[str, Any]) -> Key:
        """Return the key that an input or arguments name.

        Raises:
            ValueError: a value is invalid.
        """
        keys = self.keys
        if not keys.sort:
            return self.text_from(keys.hash, values[keys.hash])
        found, *sorted_by = [self.text_from(name, values[name]) for name in keys.fields]
        return found, SEPARATOR.join(sorted_by)

    def text_from(self, name: str, value: Any) -> str:
        """Return a GraphQL value of a field as the text of a key.

        Raises:
            ValueError: the value is invalid.
        """
        stored = self.fields[name]
        return value if stored.type in _KEPT_TEXTS and type(value) is str else text_of(stored.encode(value))

    def finders_of(self, name: str) -> list[Finder]:
        """Return how the rows with one value of a field are found, where there may be many."""
        found = [finder for finder in self.finders.values() if finder.keys.hash == name]
        return [self.primary, *found] if self.keys.sort and self.keys.hash == name else found

    def finder_of(self, name: str) -> Finder | None:
        """Return the first of `finders_of`, None if there is none."""
        return next(iter(self.finders_of(name)), None)

    @property
    def composites(self) -> list[Keys]:
        """Return the keys of which several sort fields are stored together."""
        return [one.keys for one in (self.primary, *self.finders.values()) if one.keys.is_composite]

    def composites_in(self, item: Item) -> Item:
        """Return the attributes in which a row's sort fields are stored together, where it has them all."""
        return {
            keys.sort_attribute: {"S": SEPARATOR.join(text_of(item[name]) for name in keys.sort)}
            for keys in self.composites
            if all(name in item for name in keys.sort)
        }

    def pairs_of(self, changed: Collection[str]) -> list[tuple[str, str]]:
        """Return the ordered pairs that contain one of the changed fields."""
        return [pair for pair in self.ordered if not set(pair).isdisjoint(changed)]


def _is_special(rule: AuthRule) -> bool:
    """Return whether a rule counts for members only sometimes."""
    return rule.ways != EVERY_WAY if not isinstance(rule, Public) else rule.is_for_guests_only


def belongs_to(target: str, key: str) -> Relation:
    """`@belongsTo(fields: [key])`: the row whose key this row's `key` holds."""
    return Relation(target, (key,))


def has_one(target: str, key: str) -> Relation:
    """`@hasOne(fields: [key])`: the row whose key this row's `key` holds."""
    return Relation(target, (key,))


def has_many(target: str, index: str, key: str = "id") -> Relation:
    """`@hasMany(indexName: index, fields: [key])`: the rows that the target's index finds for `key`."""
    return Relation(target, (key,), index, is_many=True)


def finders_of(name: str, table: type[Table], fields: Mapping[str, Field]) -> dict[str, Finder]:
    """Return how the table's indexes on declared fields find rows of a type; the other indexes are internal."""
    found = (Finder.of_index(value) for value in vars(table).values() if isinstance(value, Index))
    return {
        str(one.index.Meta.index_name): replace(one, query=names.by_query(name, one.keys.hash))
        for one in found
        if one.index is not None and one.keys.hash in fields
    }


def bounds_of(
    fields: Mapping[str, Field], finders: Mapping[str, Finder], declared: Mapping[str, Bound]
) -> dict[str, Bound]:
    """Return each field's bound: the one that the type declares, else the usual one for such a field.

    Args:
        fields: the fields.
        finders: how the indexes find rows.
        declared: the bounds that the type declares.
    """
    indexed = {finder.keys.hash for finder in finders.values()}
    usual = {
        one.name: usual_bound(one.type, is_list=one.is_list, is_indexed=one.name in indexed)
        for one in fields.values()
        if not one.is_enum
    }
    return {name: bound for name, bound in usual.items() if bound is not None} | dict(declared)
