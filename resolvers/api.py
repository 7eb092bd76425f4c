"""All that answers clients, put together over what the workflows work with, too."""

from typing import Protocol

from models.accounts import Accounts
from models.aws import Calls
from models.clock import Clock
from models.members import Members
from models.ratings import Ratings
from models.reports import Reports
from models.store import Store
from models.transactions import Transactions
from models.windows import Windows
from resolvers import accounts, disputes, escrows, operations, reconciliation
from resolvers.change_feed import ChangeFeed
from resolvers.creation import creators
from resolvers.guards import GUARDS
from resolvers.mirror import Mirror
from resolvers.paging import PageTokens
from resolvers.rows import Rows
from resolvers.service_requests import ServiceRequests
from resolvers.subscriptions import Subscriptions
from resolvers.writes import Domain, Writes
from schema.amplify.build import MirrorSchema, build_schema
from schema.limits import Limits
from workflows.executions import Executions
from workflows.reconciliations import Reconciliations


class Services(Protocol):
    """What the resolvers share with the handlers of the workflows."""

    @property
    def calls(self) -> Calls:
        """The way to AWS."""

    @property
    def store(self) -> Store:
        """The tables."""

    @property
    def transactions(self) -> Transactions:
        """Writes what the rules decide."""

    @property
    def executions(self) -> Executions:
        """Starts workflows and lets them go on."""

    @property
    def reports(self) -> Reports:
        """Keeps the reports of reconciliations."""

    @property
    def reconciliations(self) -> Reconciliations:
        """Starts reconciliations."""

    @property
    def windows(self) -> Windows:
        """How long the workflows wait."""

    @property
    def clock(self) -> Clock:
        """The time."""


def build_api(
    services: Services, members: Members, feed: ChangeFeed, *, tokens: PageTokens, limits: Limits
) -> MirrorSchema:
    """Return the schema with its answers.

    Args:
        services: what the workflows work with, too.
        members: lets members join and leave.
        feed: where changes come from.
        tokens: makes and reads `nextToken`.
        limits: how much a document may ask for.
    """
    store, transactions, clock = services.store, services.transactions, services.clock
    requests = ServiceRequests(services.calls, transactions, services.executions, clock)
    ratings = Ratings(store, transactions, clock)
    raised = disputes.Disputes(store, transactions, services.executions, services.windows, clock)
    domain = Domain(
        creators=creators(requests, members, ratings, raised, clock),
        guards=GUARDS,
        amenders={"Rating": ratings.amend},
        removers={"User": members.leave},
    )
    mirror = Mirror(Rows(store, tokens), Writes(store, clock, domain), Subscriptions(feed))
    return build_schema(
        mirror,
        limits=limits,
        extra_queries=[operations.queries(store), reconciliation.queries(services.reports)],
        extra_mutations=[
            operations.mutations(requests),
            accounts.mutations(Accounts(store, transactions, clock)),
            escrows.mutations(store, requests),
            disputes.mutations(raised),
            reconciliation.mutations(services.reconciliations),
        ],
        extra_subscriptions=[operations.subscriptions(feed)],
    )
