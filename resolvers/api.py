"""Composes the GraphQL API: the resolvers of all fields, over the services that they share with the workflows."""

from dataclasses import dataclass
from typing import Self

from models.transactions.bookings import Bookings
from models.transactions.ratings import Ratings
from resolvers.actions.disputes import Disputes
from resolvers.actions.exchanges import Exchanges
from resolvers.actions.requests import ServiceRequests
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
from resolvers.mirror.type_rules import TypeRules
from resolvers.operations import (
    accounts,
    bookings,
    disputes,
    escrows,
    exchanges,
    members,
    reconciliation,
    requests,
    schedules,
    search,
    updates,
)
from resolvers.operations.creation import create_guards, creators
from resolvers.operations.deletion import DELETE_GUARDS
from schema.build import MirrorSchema, build_schema
from schema.documents.disclosure import FULL_DISCLOSURE, Disclosure
from schema.documents.trusted import TrustedDocuments
from schema.types import CATALOGUE
from workflows.executions.services import Services


@dataclass(frozen=True, slots=True)
class Api:
    """The GraphQL API; composing it makes no call to AWS."""

    services: Services
    feed: ChangeFeed
    schema: MirrorSchema

    @classmethod
    def over(
        cls, services: Services, own: ServerSettings, page_secret: bytes, source: ChangeSource | None = None
    ) -> Self:
        """Compose the API.

        Args:
            services: the services over AWS.
            own: the server's settings.
            page_secret: the key that encrypts `nextToken`s.
            source: where changes come from; by default the tables' streams.

        Raises:
            TrustedDocumentsError: the trusted documents cannot be read, or are not valid.
        """
        source = source or StreamSource(services.store, interval=own.feed_interval)
        feed = ChangeFeed(services.store, source, limits=own.subscriptions)
        service_requests, raised_disputes = _actions(services)
        tokens = PageTokens(page_secret)
        subscriptions = Subscriptions(feed, own.subscriptions)
        mutations = _mutations(services, service_requests, raised_disputes)
        schema = build_schema(
            CATALOGUE,
            Mirror(CATALOGUE, Queries(services.store, tokens), mutations, subscriptions),
            limits=own.limits,
            disclosure=_disclosure(own),
            trusted=None if own.trusted_documents is None else TrustedDocuments.load(own.trusted_documents),
            answers=own.answer,
            extra_queries=[
                requests.queries(services.store),
                members.queries(services.store),
                bookings.queries(services.store, services.clock),
                reconciliation.queries(services.reports),
                search.queries(services.store, tokens),
            ],
            extra_mutations=[
                requests.mutations(service_requests),
                accounts.mutations(services.accounts),
                escrows.mutations(services.store, service_requests),
                disputes.mutations(raised_disputes),
                reconciliation.mutations(services.reconciliations),
                members.mutations(services.members),
            ],
            extra_subscriptions=[requests.subscriptions(feed), updates.subscriptions(subscriptions)],
        )
        return cls(services, feed, schema)


def _disclosure(own: ServerSettings) -> Disclosure:
    """Return what clients are told of the schema; administrators may always ask."""
    hidden = own.introspection is False
    return Disclosure(
        suggestions=own.suggestions is not False,
        introspection=_asked_by_admin if hidden else FULL_DISCLOSURE.introspection,
    )


def _asked_by_admin(context: RequestContext) -> bool:
    return context.caller is not None and is_admin(context.caller)


def _actions(services: Services) -> tuple[ServiceRequests, Disputes]:
    transactions, executions = services.transactions, services.executions
    return (
        ServiceRequests(transactions, executions, services.clock),
        Disputes(services.store, transactions, executions, services.windows),
    )


def _mutations(services: Services, requests: ServiceRequests, raised: Disputes) -> Mutations:
    """Return the resolver of the derived mutations, with the rules of the types that have their own."""
    store, clock, members_of = services.store, services.clock, services.members
    ratings = Ratings(store, services.transactions, clock)
    asked = Exchanges(store, services.transactions, requests, ratings, clock)
    booked = Bookings(store, services.transactions, clock)
    own_creators = creators(requests, asked, members_of, ratings, raised, clock)
    rules = TypeRules(
        creators={**own_creators, "Booking": bookings.creator(booked, clock)},
        create_guards=create_guards(store),
        checks=schedules.checks(store),
        updaters={"Transaction": exchanges.updating(asked)},
        delete_guards=DELETE_GUARDS,
        amenders={"Rating": ratings.amend, "User": members_of.amend, "Booking": booked.amend},
        removers={"ServiceRequest": services.transactions.remove},
    )
    return Mutations(store, clock, rules)
