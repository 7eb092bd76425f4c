"""Composes the GraphQL API of an app: the resolvers of all fields, over what they share with the workflows."""

from dataclasses import dataclass
from typing import Self

from models.tables import Table
from resolvers.apps.app import App, Surroundings
from resolvers.context import RequestContext, is_admin
from resolvers.feed.change_feed import ChangeFeed
from resolvers.feed.sources import ChangeSource
from resolvers.feed.stream_source import StreamSource
from resolvers.hosting.settings import ServerSettings
from resolvers.mirror.mutations import Mutations
from resolvers.mirror.paging import PageTokens
from resolvers.mirror.queries import Queries
from resolvers.mirror.resolver import Mirror
from resolvers.mirror.subscriptions import Subscriptions
from schema.build import MirrorSchema, build_schema
from schema.documents.disclosure import FULL_DISCLOSURE, Disclosure
from schema.documents.trusted import TrustedDocuments
from workflows.executions.services import Services


@dataclass(frozen=True, slots=True)
class Api:
    """The GraphQL API; composing it makes no call to AWS."""

    services: Services
    feed: ChangeFeed
    schema: MirrorSchema

    @classmethod
    def over(
        cls,
        app: App,
        services: Services,
        own: ServerSettings,
        page_secret: bytes,
        source: ChangeSource | None = None,
    ) -> Self:
        """Compose the API.

        Args:
            app: the app.
            services: the services over AWS.
            own: the server's settings.
            page_secret: the key that encrypts `nextToken`s.
            source: where changes come from; by default the tables' streams.

        Raises:
            TrustedDocumentsError: the trusted documents cannot be read, or are not valid.
        """
        source = source or StreamSource(services.store, interval=own.feed_interval, sample=_heard(app))
        feed = ChangeFeed(services.store, source, limits=own.subscriptions)
        tokens = PageTokens(page_secret)
        subscriptions = Subscriptions(feed, own.subscriptions)
        fields = app.own_fields(Surroundings(services, tokens, feed, subscriptions, own))
        mutations = Mutations(services.store, services.clock, fields.rules)
        schema = build_schema(
            app.catalogue,
            Mirror(app.catalogue, Queries(services.store, tokens), mutations, subscriptions, fields.resolver),
            limits=own.limits,
            disclosure=_disclosure(own),
            trusted=None if own.trusted_documents is None else TrustedDocuments.load(own.trusted_documents),
            answers=own.answer,
            extra_queries=fields.queries,
            extra_mutations=fields.mutations,
            extra_subscriptions=fields.subscriptions,
        )
        return cls(services, feed, schema)


def _heard(app: App) -> type[Table]:
    """Return a table with a stream, by which the health of all streams is judged."""
    return next(table for table in app.tables if table.Meta.stream_view_type)


def _disclosure(own: ServerSettings) -> Disclosure:
    """Return what clients are told of the schema; administrators may always ask."""
    hidden = own.introspection is False
    return Disclosure(
        suggestions=own.suggestions is not False,
        introspection=_asked_by_admin if hidden else FULL_DISCLOSURE.introspection,
    )


def _asked_by_admin(context: RequestContext) -> bool:
    return context.caller is not None and is_admin(context.caller)
