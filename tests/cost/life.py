"""Counts what one request's life uses, from its creation to the payment, in the simulation."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from models.requests.statuses import RequestStatus
from models.storage.store import key_of
from models.tables import TABLES, Table
from tests.chaos.faults import current_purpose
from tests.chaos.simulation.request_scenarios import SCENARIOS
from tests.chaos.simulation.scenarios import Scenario
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import World, started
from tests.cost import units
from workflows.handlers import FUNCTIONS
from workflows.metrics.declared import REQUESTS_DUE

if TYPE_CHECKING:
    from models.storage.calls import Calls

_SEED = 7
_LIFE = Scenario(policy=SCENARIOS["paid"].policy, status=RequestStatus.PAID, spent="2")
# The sweep and what follows from it costs the same whether there are requests or not; see the page's fixed costs.
_FIXED = "sweepRequests"


@dataclass(slots=True)
class Life:
    """What one life uses.

    Args:
        states: how often each type of state was entered; each is a transition.
        functions: how often each function was called.
        writes: write units, by table and by table/index.
        reads: read units, by table.
        calls: calls to AWS, by service and operation.
        emitted: bytes of the lines of metrics.
        has_begun: whether members have joined, and the request begins.
    """

    states: Counter[str] = field(default_factory=Counter)
    functions: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    reads: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: Counter[str] = field(default_factory=Counter)
    emitted: int = 0
    has_begun: bool = False

    @property
    def transitions(self) -> int:
        """Return the number of state transitions."""
        return self.states.total()


class _States(dict[str, Any]):
    """The states of a machine, which count how often they are entered."""

    def __init__(self, states: Mapping[str, Any], life: Life) -> None:
        super().__init__(states)
        self._life = life

    def __getitem__(self, name: str) -> Any:
        state = super().__getitem__(name)
        self._life.states[state["Type"]] += 1
        return state


class _Counted:
    """Calls whose units are counted."""

    def __init__(self, world: World, life: Life) -> None:
        self._calls: Calls = world.calls.calls
        self._engine = world.engine
        self._tables = {world.names.table(table): table for table in TABLES}
        self._life = life

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        life, purpose = self._life, current_purpose.get()
        life.has_begun = life.has_begun or purpose == "create"
        if not life.has_begun or purpose == _FIXED:
            return await self._calls.call(service, operation, **params)
        life.calls[f"{service}.{operation}"] += len(params["Entries"]) if operation == "put_events" else 1
        if operation == "transact_write_items":
            return await self._transaction(params)
        answer = await self._calls.call(service, operation, **params)
        if service == "dynamodb":
            self._note_read(operation, params, answer)
        return answer

    async def _transaction(self, params: dict[str, Any]) -> Any:
        changed = [(kind, of) for item in params["TransactItems"] for kind, of in item.items()]
        before = [await self._row(kind, of) for kind, of in changed]
        answer = await self._calls.call("dynamodb", "transact_write_items", **params)
        for (kind, of), old in zip(changed, before, strict=True):
            new = await self._row(kind, of)
            for place, count in units.written(self._tables[of["TableName"]], old, new, times=2):
                self._life.writes[place] += count
        return answer

    async def _row(self, kind: str, of: Mapping[str, Any]) -> Any:
        table = self._tables[of["TableName"]]
        key = {"id": of["Item"]["id"]} if kind == "Put" and "id" in of["Item"] else of.get("Key")
        if key is None:
            name = key_of(table).attr_name
            key = {name: of["Item"][name]}
        answer = await self._engine.call("dynamodb", "get_item", TableName=of["TableName"], Key=key)
        return answer.get("Item")

    def _note_read(self, operation: str, params: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        match operation:
            case "get_item":
                items = [answer["Item"]] if "Item" in answer else [{}]
                self._add(params["TableName"], items, consistent=params.get("ConsistentRead", False))
            case "batch_get_item":
                for name, asked in params["RequestItems"].items():
                    found = answer["Responses"].get(name, [])
                    absent: list[Any] = [{}] * (len(asked["Keys"]) - len(found))
                    self._add(name, [*found, *absent], consistent=asked.get("ConsistentRead", False))
            case "query":
                table: type[Table] = self._tables[params["TableName"]]
                self._life.reads[table.Meta.table_name] += units.read(
                    answer["Items"], consistent=False, each=False
                )
            case _:
                raise AssertionError(f"{operation} is not counted")

    def _add(self, name: str, items: list[Any], *, consistent: bool) -> None:
        table = self._tables[name].Meta.table_name
        self._life.reads[table] += units.read(items, consistent=consistent, each=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calls, name)


class _CountedWorld(World):
    """A world that counts the calls of functions."""

    def __init__(self, life: Life) -> None:
        super().__init__(_SEED)
        self._life = life
        self.calls.calls = _Counted(self, life)
        self.machines._definitions = {
            name: {**definition, "States": _States(definition["States"], life)}
            for name, definition in self.machines._definitions.items()
        }

    async def invoke(self, name: str, event: Any) -> Any:
        if self._life.has_begun and name != _FIXED:
            self._life.functions[name] += 1
        return await super().invoke(name, event)


@cache
def one_life() -> Life:
    """Return what one request's life uses: asked, accepted, begun, confirmed, done, confirmed, paid."""
    life = Life()

    async def play() -> None:
        world = _CountedWorld(life)
        async with started(world):
            await _LIFE.run(world)
        life.emitted = sum(len(line) for _, line in world.emitted if REQUESTS_DUE.name not in line)

    run(play())
    assert set(life.functions) <= FUNCTIONS.keys()
    return life
