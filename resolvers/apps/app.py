"""What makes an app: its types, and what it has beside the operations that are derived from them."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from models.tables import Table
from resolvers.feed.change_feed import ChangeFeed
from resolvers.hosting.settings import ServerSettings
from resolvers.mirror.paging import PageTokens
from resolvers.mirror.resolver import OwnResolver
from resolvers.mirror.subscriptions import Subscriptions
from resolvers.mirror.type_rules import TypeRules
from resolvers.transport.graphiql import Example
from schema.amplify.catalogue import Catalogue
from workflows.executions.services import Services


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the resolvers of an app's own fields are made of.

    Args:
        services: the services over AWS.
        tokens: reads and writes `nextToken`s.
        feed: tells what changes.
        subscriptions: answers the derived subscriptions.
        settings: the server's settings.
    """

    services: Services
    tokens: PageTokens
    feed: ChangeFeed
    subscriptions: Subscriptions
    settings: ServerSettings


@dataclass(frozen=True, slots=True)
class OwnFields:
    """What an app has beside the operations that are derived from its types.

    Args:
        rules: the rules of its types for writing their rows.
        queries: Strawberry types whose fields become fields of Query.
        mutations: the same, for Mutation.
        subscriptions: the same, for Subscription.
        resolver: answers the root fields that the catalogue has beside the derived ones.
    """

    rules: TypeRules = field(default_factory=TypeRules)
    queries: Sequence[type] = ()
    mutations: Sequence[type] = ()
    subscriptions: Sequence[type] = ()
    resolver: OwnResolver | None = None


@dataclass(frozen=True, slots=True)
class Demo:
    """What a local server has to try the app with.

    Args:
        callers: the groups of each caller whose token it gives to whoever asks, by their names.
        load: writes rows; what callers have changed or deleted since stays so.
    """

    callers: Mapping[str, Collection[str]]
    load: Callable[[Services], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An app that a server serves.

    Args:
        name: what people call it.
        catalogue: its types.
        tables: all its tables: those of its types, and those of the house.
        machines: the names of its state machines.
        own_fields: makes what it has beside the derived operations.
        demo: what a local server has to try it with.
        examples: what GraphiQL opens at a first visit.
        options: what commands that are about it are given: "" for HourBank.
        has_guests: whether rules admit applications, so that a local server has a key for them.
        is_keyed: whether callers have an API key unless they choose another way; else they sign in by a user pool.
        has_members: whether a row of `User` makes a member of who is signed in; else everybody who is.
    """

    name: str
    catalogue: Catalogue
    tables: tuple[type[Table], ...]
    machines: Collection[str] = ()
    own_fields: Callable[[Surroundings], OwnFields] = lambda _surroundings: OwnFields()
    demo: Demo
    examples: Sequence[Example] = ()
    options: str = ""
    has_guests: bool = False
    is_keyed: bool = False
    has_members: bool = False
