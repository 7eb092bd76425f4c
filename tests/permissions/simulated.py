"""What every function needs in the simulation: every scenario, with whatever goes wrong in it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from models import tables
from models.ledger.reconciliation import AuditReportStatus
from models.storage.names import Names
from models.transactions.reports import Reports
from tests.chaos.faults import current_purpose
from tests.chaos.simulation.account_scenarios import ACCOUNT_SCENARIOS
from tests.chaos.simulation.request_scenarios import SCENARIOS
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import World, started
from tests.permissions.needs import SERVER, Need, needs
from workflows.handlers import FUNCTIONS

if TYPE_CHECKING:
    from models.storage.calls import Calls

_SEED = 7


class _Recorded:
    """Calls that are noted, with who makes them, before they are made."""

    def __init__(self, world: World, found: dict[str, set[Need]]) -> None:
        self._calls: Calls = world.calls.calls
        self._names = world.names
        self._found = found

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        purpose = current_purpose.get()
        who = purpose if purpose in FUNCTIONS else SERVER
        self._found.setdefault(who, set()).update(needs(self._names, service, operation, params))
        return await self._calls.call(service, operation, **params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calls, name)


@cache
def simulated() -> tuple[Names, Mapping[str, frozenset[Need]]]:
    """Return the names of the simulated deployment, and what each function needs there, by its name."""
    found: dict[str, set[Need]] = {}
    scenarios: Sequence[Any] = [*SCENARIOS.values(), *ACCOUNT_SCENARIOS.values()]
    for scenario in scenarios:
        world = World(_SEED, resumed_for=scenario.resumed_for)
        _play(world, found, scenario.run)
    world = World(_SEED)
    _play(world, found, _reconcile_wrong_books)
    return world.names, {who: frozenset(needed) for who, needed in found.items()}


def _play(world: World, found: dict[str, set[Need]], scenario: Callable[[World], Awaitable[None]]) -> None:
    async def play() -> None:
        world.calls.calls = _Recorded(world, found)
        async with started(world):
            await scenario(world)

    run(play())


async def _reconcile_wrong_books(world: World) -> None:
    """A reconciliation finds a discrepancy, of which the admins are told."""
    await world.join("alice")
    item = await world.store.get(tables.UserBalance, "alice")
    assert item is not None
    await world.store.put(tables.UserBalance, item | {"availableBalance": {"N": "11"}})
    await world.invoke("startReconciliation", {})
    await world.wait_until_idle()
    report = await Reports(world.store, world.undisturbed_reader, world.clock).last()
    assert report is not None
    assert (report.status, report.discrepancy_count) == (AuditReportStatus.COMPLETED, 1)
