"""The two apps of `schema/apps` with the rules beside their schema, served over tables within this process."""

from functools import cache
from pathlib import Path
from typing import Any

from models.storage.names import Names
from models.storage.store import Item, Store
from models.tables import Table
from resolvers.identity.callers import Caller
from resolvers.mirror.type_rules import TypeRules
from schema.amplify.catalogue import Catalogue
from schema.amplify.sdl.declaring import catalogue_of
from schema.amplify.sdl.importing import import_app
from schema.build import MirrorSchema, build_schema
from tests.chaos.books import rows
from tests.chaos.faults import FaultyCalls, Plan, no_faults
from tests.engines.embedded import Embedded
from tests.unit.mirror import MemoryStore, StoredRowEvents, execute, mirror_over

APPS = Path(__file__).parents[2] / "schema" / "apps"
NAMES = Names(stack="ruled", region="us-east-1", account="0" * 12)
ANN, BOB = Caller("ann", "ann"), Caller("bob", "bob")
ADMIN = Caller("ada", "ada", frozenset({"admin"}))


@cache
def catalogue(name: str) -> Catalogue:
    """Return the catalogue of one of the apps."""
    folder = APPS / name
    return catalogue_of(import_app(folder / "schema.graphql", folder / "rules.graphql"))


@cache
def _schema(types: Catalogue) -> MirrorSchema:
    return build_schema(types, mirror_over(MemoryStore(), StoredRowEvents(MemoryStore()), TypeRules(), types))


class ServedApp:
    """An app's operations over some tables.

    Args:
        types: its types.
        store: the tables.
    """

    def __init__(self, types: Catalogue, store: Store) -> None:
        self.catalogue = types
        self.store = store
        # Reads past faults.
        self.undisturbed = store
        self.mirror = mirror_over(store, StoredRowEvents(MemoryStore()), TypeRules(), types)

    async def ask(self, caller: Caller, query: str, /, **variables: Any) -> tuple[Any, list[dict[str, Any]]]:
        """Return an operation's data and errors."""
        return await execute(self.schema(), self.store, caller, query, **variables)

    def schema(self) -> MirrorSchema:
        """Return the app's schema; it is built once, and answers from this app until another one asks for it."""
        schema = _schema(self.catalogue)
        schema.resolver = self.mirror
        return schema

    async def write(
        self, caller: Caller, operation: str, condition: Any = None, /, **given: Any
    ) -> tuple[Any, list[dict[str, Any]]]:
        """Run a mutation such as `createWork`; return the row's fields that are scalars, and the errors."""
        verb = next(verb for verb in ("create", "update", "delete") if operation.startswith(verb))
        name = operation.removeprefix(verb)
        fields = [field.name for field in self.catalogue.models[name].fields.values() if field.nested is None]
        query = (
            f"mutation ($input: {verb.capitalize()}{name}Input!, $condition: Model{name}ConditionInput) "
            f"{{ {operation}(input: $input, condition: $condition) {{ {' '.join(fields)} }} }}"
        )
        data, errors = await self.ask(caller, query, input=given, condition=condition)
        return data and data[operation], errors

    async def done(self, caller: Caller, operation: str, condition: Any = None, /, **given: Any) -> Any:
        """Run a mutation that must succeed, and return the row."""
        row, errors = await self.write(caller, operation, condition, **given)
        assert errors == []
        return row

    async def refused(
        self, caller: Caller, operation: str, condition: Any = None, /, **given: Any
    ) -> dict[str, Any]:
        """Run a mutation that must fail, and return its error."""
        _, (error,) = await self.write(caller, operation, condition, **given)
        return error

    def table(self, name: str) -> type[Table]:
        """Return a type's table."""
        return self.catalogue.models[name].table

    async def rows(self, name: str) -> list[Item]:
        """Return all rows of a type."""
        return await rows(self.undisturbed, self.table(name))

    async def house(self) -> list[Item]:
        """Return all rows of the house's own table."""
        return await rows(self.undisturbed, self.catalogue.tables[-1])


class RuledApp(ServedApp):
    """An app over an engine within this process.

    Args:
        types: its types.
        plan: the faults of its calls.
    """

    def __init__(self, types: Catalogue, plan: Plan = no_faults) -> None:
        self.engine = Embedded(NAMES, types.tables)
        self.calls = FaultyCalls(self.engine, plan)
        super().__init__(types, Store(self.calls, NAMES))
        self.undisturbed = Store(self.engine, NAMES)
