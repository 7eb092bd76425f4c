"""The services behind the workflow's handlers, in virtual time."""

from datetime import timedelta

from models.clock import Clock
from models.requests.windows import Windows
from models.storage.calls import Calls
from models.storage.names import Names
from models.storage.store import Store
from models.transactions.moves import Transactions
from workflows.executions.requests import Executions
from workflows.executions.services import Services

WINDOWS = Windows(
    response=timedelta(minutes=10),
    negotiation=timedelta(minutes=10),
    confirmation=timedelta(minutes=10),
    mark=timedelta(minutes=20),
    decision=timedelta(minutes=10),
    dispute=timedelta(hours=1),
)


def services_over(calls: Calls, names: Names, clock: Clock) -> Services:
    """Compose the services over given calls, with the tests' own clock and windows."""
    store = Store(calls, names)
    transactions = Transactions(store, clock)
    return Services(
        calls=calls,
        names=names,
        store=store,
        transactions=transactions,
        executions=Executions(calls, names, transactions, windows=WINDOWS, clock=clock),
        windows=WINDOWS,
        clock=clock,
    )
