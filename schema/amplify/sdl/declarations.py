"""What a schema declares, in plain data and with everything said that Amplify implies.

A name is the one that clients and tables use; nothing is left to be derived but the generated inputs and pages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from schema.amplify.catalogue import FunctionCall, RootType

# Between the parts of a key that has several fields: the attribute `status#startDate` holds `ACTIVE#2026-01-01`.
SEPARATOR = "#"


# Scalars that rows store as numbers.
NUMBERS = frozenset({"Int", "Float", "AWSTimestamp"})


@dataclass(frozen=True, slots=True)
class TypeReference:
    """The type of a field or argument, such as `[Int!]!`.

    Args:
        name: the named type; for a list, that of its elements.
        is_required: whether it is never null.
        is_list: whether it is a list.
        has_required_elements: whether no element of the list is null.
    """

    name: str
    is_required: bool = False
    is_list: bool = False
    has_required_elements: bool = False

    def __str__(self) -> str:
        """Return it as GraphQL writes it."""
        text = f"[{self.name}{'!' * self.has_required_elements}]" if self.is_list else self.name
        return text + "!" * self.is_required


class Origin(StrEnum):
    """Why a type has a field."""

    WRITTEN = "written"
    IMPLIED_ID = "id"
    IMPLIED_TIMESTAMP = "timestamp"
    IMPLIED_OWNER = "owner"
    # The key of a related row.
    IMPLIED_KEY = "key"
    # Of a model's type without saying which row: always null.
    UNRELATED = "unrelated"
    # What answers it is not served.
    NOT_SERVED = "not served"


# Fields that rows have.
STORED = frozenset(
    {Origin.WRITTEN, Origin.IMPLIED_ID, Origin.IMPLIED_TIMESTAMP, Origin.IMPLIED_OWNER, Origin.IMPLIED_KEY}
)
# Fields that no client writes.
SET_BY_SERVER = frozenset({Origin.IMPLIED_TIMESTAMP, Origin.IMPLIED_OWNER})


class Strategy(StrEnum):
    """Whom a rule is about: `allow` in `@auth`."""

    OWNER = "owner"
    GROUPS = "groups"
    PRIVATE = "private"
    PUBLIC = "public"
    CUSTOM = "custom"


class Provider(StrEnum):
    """How a caller proves who they are."""

    USER_POOLS = "userPools"
    API_KEY = "apiKey"
    IAM = "iam"
    OIDC = "oidc"
    FUNCTION = "function"


class Action(StrEnum):
    """What a rule allows; `read` in a schema means the last three."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    GET = "get"
    LIST = "list"
    LISTEN = "listen"


READING = frozenset({Action.GET, Action.LIST, Action.LISTEN})
ALL_ACTIONS = frozenset(Action)


@dataclass(frozen=True, slots=True)
class RuleDeclaration:
    """A rule of `@auth`.

    Args:
        strategy: whom it is about.
        provider: how they prove it.
        actions: what it allows.
        owner_field: for owners, the field that names them.
        identity_claims: for owners, the claims whose values, joined with `::`, name the caller.
        groups: the groups; empty if a field of the row names them.
        groups_field: the field that names the groups.
        group_claim: the claim that lists the caller's groups.
    """

    strategy: Strategy
    provider: Provider
    actions: frozenset[Action] = ALL_ACTIONS
    owner_field: str | None = None
    identity_claims: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    groups_field: str | None = None
    group_claim: str | None = None


@dataclass(frozen=True, slots=True)
class FieldDeclaration:
    """A field that is stored, or, of a type that is no model, part of what is stored.

    Args:
        name: its name.
        type: its type: a scalar, an enum, or a type that is no model.
        origin: why the type has it.
        default: what `@default` says, as text.
        rules: its own rules, which stand for those of the type; None if it has none.
    """

    name: str
    type: TypeReference
    origin: Origin = Origin.WRITTEN
    default: str | None = None
    rules: tuple[RuleDeclaration, ...] | None = None


@dataclass(frozen=True, slots=True)
class IndexDeclaration:
    """A secondary index.

    Args:
        name: its name.
        fields: the field of its partition key, then those of its sort key, if any.
        query: the name of the query by it; None if there is none.
        is_local: whether it is a local one, in the table's own partitions.
    """

    name: str
    fields: tuple[str, ...]
    query: str | None = None
    is_local: bool = False

    @property
    def attributes(self) -> tuple[str, ...]:
        """Return the stored attributes of its key: one, or two."""
        return key_attributes(self.fields)


def key_attributes(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return the attributes that store a key of these fields: several sort fields share one."""
    return (fields[0],) if len(fields) == 1 else (fields[0], SEPARATOR.join(fields[1:]))


@dataclass(frozen=True, slots=True)
class RelationDeclaration:
    """A field that leads to a row of another type, or to a page of its rows.

    Args:
        name: the field's name.
        target: that type.
        fields: the fields of this type whose values those rows have in their key, or in the index's, in its order.
        is_many: whether it is a page of rows.
        index: the target's index; None if rows are found by the target's own key.
        sort_fields: the fields of which clients may ask for a range, in one argument; often none.
        is_required: whether it is never null.
        limit: how many rows a page has, if clients do not say.
        rules: its own rules, which stand for those of the type; None if it has none.
    """

    name: str
    target: str
    fields: tuple[str, ...]
    is_many: bool = False
    index: str | None = None
    sort_fields: tuple[str, ...] = ()
    is_required: bool = False
    limit: int = 100
    rules: tuple[RuleDeclaration, ...] | None = None


@dataclass(frozen=True, slots=True)
class OperationNames:
    """The names of a model's generated operations; None or empty where it has none."""

    get: str | None
    list: str | None
    create: str | None
    update: str | None
    delete: str | None
    on_create: tuple[str, ...]
    on_update: tuple[str, ...]
    on_delete: tuple[str, ...]
    # Whether subscriptions deliver to whoever subscribes, whatever the rules say.
    are_subscriptions_public: bool = False


@dataclass(frozen=True, slots=True)
class ModelDeclaration:
    """A type with `@model`: its rows have a table.

    Args:
        name: its name, and that of its table.
        description: what the schema says about it.
        fields: its stored fields, by name.
        relations: its relations, by name.
        key: the field of its partition key, then those of its sort key, if any.
        indexes: its secondary indexes, by name.
        rules: who may do what; empty means nobody anything.
        operations: the names of its operations.
        created_at: the field with the moment of its creation; None if there is none.
        updated_at: the field with the moment of its last change; None if there is none.
        is_key_written: whether the schema says `@primaryKey`, so that lists take the key.
    """

    name: str
    description: str | None
    fields: Mapping[str, FieldDeclaration]
    relations: Mapping[str, RelationDeclaration]
    key: tuple[str, ...]
    indexes: Mapping[str, IndexDeclaration]
    rules: tuple[RuleDeclaration, ...]
    operations: OperationNames
    created_at: str | None
    updated_at: str | None
    is_key_written: bool

    @property
    def key_attributes(self) -> tuple[str, ...]:
        """Return the stored attributes of its key: one, or two."""
        return key_attributes(self.key)

    @property
    def all_rules(self) -> Iterator[RuleDeclaration]:
        """Yield its rules, then those of its fields and relations."""
        own = [field.rules for field in self.fields.values()]
        related = [relation.rules for relation in self.relations.values()]
        for rules in (self.rules, *own, *related):
            yield from rules or ()

    @property
    def heard_owners(self) -> tuple[str, ...]:
        """Return the fields of single owners by which subscriptions can be narrowed: their arguments."""
        if self.operations.are_subscriptions_public:
            return ()
        named = (rule.owner_field for rule in self.all_rules if Action.LISTEN in rule.actions)
        return tuple(dict.fromkeys(name for name in named if name and not self.fields[name].type.is_list))


@dataclass(frozen=True, slots=True)
class ObjectDeclaration:
    """A type that is no model: the shape of a stored value, or of an answer."""

    name: str
    description: str | None
    fields: Mapping[str, FieldDeclaration]


@dataclass(frozen=True, slots=True)
class ArgumentDeclaration:
    """An argument of a root field, or a field of an input type.

    Args:
        name: its name.
        type: its type.
        default: its default, as GraphQL writes it; None if there is none.
    """

    name: str
    type: TypeReference
    default: str | None = None


@dataclass(frozen=True, slots=True)
class RootField:
    """A root field of the app's own.

    Args:
        root: its root type.
        name: its name.
        arguments: its arguments.
        type: what it answers.
        functions: the functions that answer it.
        mutations: for a subscription, the mutations whose answers it delivers.
        rules: who may call it; None means every caller of the API's default authorization mode.
    """

    root: RootType
    name: str
    arguments: tuple[ArgumentDeclaration, ...]
    type: TypeReference
    functions: tuple[FunctionCall, ...] = ()
    mutations: tuple[str, ...] = ()
    rules: tuple[RuleDeclaration, ...] | None = None


@dataclass(frozen=True, slots=True)
class NotServed:
    """Something that the schema asks for and this server does not do.

    Args:
        name: the field, `Query.searchPosts`, or the type that is concerned.
        reason: what asks for it, and what does not happen.
    """

    name: str
    reason: str

    def __str__(self) -> str:
        """Return a line for a list."""
        return f"{self.name}: {self.reason}"
