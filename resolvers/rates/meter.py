"""Charges operations to whoever sends them, before they run."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, nullcontext
from typing import Any

from graphql import GraphQLSchema

from resolvers.identity.keys import IssuerUnreachableError, UnauthenticatedError
from resolvers.rates.demands import Demand, Demands, units_of_reading
from resolvers.rates.limits import Kind
from resolvers.rates.rates import Rates
from resolvers.rotation import Rotation
from schema.documents.reading import Documents

_NO_WAIT: AbstractAsyncContextManager[None] = nullcontext()


class Meter:
    """Charges operations, sockets and refused tokens.

    Args:
        rates: counts them.
        documents: reads documents.
        schema: the schema.
    """

    def __init__(self, rates: Rates, documents: Documents, schema: GraphQLSchema) -> None:
        self.rates = rates
        self.rotation = Rotation()
        self._demands = Demands(documents, schema)

    async def admit_operation(self, who: str) -> None:
        """Charge an operation on a socket and wait for its turn, because a client may send hundreds at once.

        Raises:
            RateLimitedError: it is one too many.
        """
        self.admit_request(who)
        await self.rotation.turn(who)

    def admit_request(self, who: str) -> None:
        """Charge a request, before anything is done for it.

        Raises:
            RateLimitedError: it is one too many.
        """
        self.rates.charge_one(who, Kind.REQUESTS, 1)

    def charge(
        self, who: str, text: str, name: str | None, size: int, variables: Mapping[str, Any] | None = None
    ) -> Demand:
        """Charge an operation, and return what it asks for.

        Args:
            who: whom to charge.
            text: the document.
            name: the operation to run; only a document with a single operation needs none.
            size: bytes of its variables.
            variables: the request's.

        Raises:
            RateLimitedError: it is over a limit.
        """
        demand = self._demands.known(text, name)
        if demand is None:
            self.rates.charge_one(who, Kind.UNITS, units_of_reading(text))
            demand = self._demands.read(text, name)
        if demand.is_units_only:
            self.rates.charge_one(who, Kind.UNITS, demand.units(size, variables))
        else:
            self.rates.charge(who, demand.costs(text, size, variables))
        return demand

    def turn(self, who: str, demand: Demand) -> AbstractAsyncContextManager[None]:
        """Return the context to run an operation in: one that starts a workflow waits for its caller's others."""
        return self.rates.starting(who) if demand.starts else _NO_WAIT

    def admit_socket(self, who: str, until_closed: ExitStack) -> None:
        """Charge a socket, which its caller holds until it is closed.

        Raises:
            RateLimitedError: it is one too many.
        """
        self.rates.charge_one(who, Kind.SOCKETS, 1)
        until_closed.enter_context(self.rates.open_sockets.hold(who))

    def try_charge_answer(self, who: str, characters: int) -> bool:
        """Charge an answer that is to be stored for its Idempotency-Key; return False if it may not be stored."""
        return characters <= self.rates.limits.answer and self.rates.try_charge(who, Kind.ANSWER_BYTES, characters)

    def refused(self, address: str, error: UnauthenticatedError) -> None:
        """Charge a token or key that was refused to the address that it came from.

        Raises:
            RateLimitedError: the address sends too many of them.
        """
        if not isinstance(error, IssuerUnreachableError):
            self.rates.charge_one(address, Kind.REFUSALS, 1)
