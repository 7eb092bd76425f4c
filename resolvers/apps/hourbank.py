"""HourBank: its root fields, the rules of its types, its demo members, and what GraphiQL shows of it at first."""

from models.tables import TABLES
from models.transactions.bookings import Bookings
from models.transactions.ratings import Ratings
from resolvers.actions.disputes import Disputes
from resolvers.actions.exchanges import Exchanges
from resolvers.actions.requests import ServiceRequests
from resolvers.apps.app import App, Demo, OwnFields, Surroundings
from resolvers.apps.hourbank_examples import EXAMPLES
from resolvers.hosting.demo import load_demo
from resolvers.hosting.demo_data import DEMO_MEMBERS
from resolvers.hosting.demo_exchanges import load_dealings
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
from schema.types import CATALOGUE
from workflows.executions.services import Services

# Its state machines, which must exist before a server starts.
MACHINES = (
    "BalanceReconciliationWorkflow",
    "DisputeResolutionWorkflow",
    "EscrowCancellationWorkflow",
    "EscrowManagementWorkflow",
    "ServiceRequestWorkflow",
)


def own_fields(around: Surroundings) -> OwnFields:
    """Return HourBank's root fields, and the rules of its types."""
    services = around.services
    service_requests, raised_disputes = _actions(services)
    return OwnFields(
        rules=_rules(services, service_requests, raised_disputes),
        queries=[
            requests.queries(services.store),
            members.queries(services.store),
            bookings.queries(services.store, services.clock),
            reconciliation.queries(services.reports),
            search.queries(services.store, around.tokens),
        ],
        mutations=[
            requests.mutations(service_requests),
            accounts.mutations(services.accounts),
            escrows.mutations(services.store, service_requests),
            disputes.mutations(raised_disputes),
            reconciliation.mutations(services.reconciliations),
            members.mutations(services.members),
        ],
        subscriptions=[requests.subscriptions(around.feed), updates.subscriptions(around.subscriptions)],
    )


def _actions(services: Services) -> tuple[ServiceRequests, Disputes]:
    transactions, executions = services.transactions, services.executions
    return (
        ServiceRequests(transactions, executions, services.clock),
        Disputes(services.store, transactions, executions, services.windows),
    )


def _rules(services: Services, requests: ServiceRequests, raised: Disputes) -> TypeRules:
    """Return the rules of the types that have their own for writing their rows."""
    store, clock, members_of = services.store, services.clock, services.members
    ratings = Ratings(store, services.transactions, clock)
    asked = Exchanges(store, services.transactions, requests, ratings, clock)
    booked = Bookings(store, services.transactions, clock)
    own_creators = creators(requests, asked, members_of, ratings, raised, clock)
    return TypeRules(
        creators={**own_creators, "Booking": bookings.creator(booked, clock)},
        create_guards=create_guards(store),
        checks=schedules.checks(store),
        updaters={"Transaction": exchanges.updating(asked)},
        delete_guards=DELETE_GUARDS,
        amenders={"Rating": ratings.amend, "User": members_of.amend, "Booking": booked.amend},
        removers={"ServiceRequest": services.transactions.remove},
    )


async def _load(services: Services) -> None:
    """Write the demo members and their dealings, once."""
    await load_demo(services.store, services.members, services.clock)
    await load_dealings(services)


HOURBANK = App(
    name="HourBank",
    catalogue=CATALOGUE,
    tables=TABLES,
    machines=MACHINES,
    own_fields=own_fields,
    demo=Demo({member.username: member.groups for member in DEMO_MEMBERS}, load=_load),
    examples=EXAMPLES,
    has_members=True,
)
