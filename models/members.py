"""Members join: their row, their balance and the welcome bonus are one transaction."""

from dataclasses import dataclass

from models import ledger
from models.clock import Clock
from models.events import Event, EventEntityType, EventSource, Notice, NotificationType
from models.hours import Hours
from models.identifiers import derived
from models.ledger import Balance, TransactionType
from models.store import Item, Store
from models.tables import User, UserBalance
from models.transactions import Transactions
from models.writing import Writing

WELCOME_BONUS = Hours("10.00")


@dataclass(frozen=True, slots=True)
class Joined:
    """A member's row, and whether it was there already."""

    item: Item
    existed: bool


class Members:
    """Lets members join."""

    def __init__(self, store: Store, transactions: Transactions, clock: Clock) -> None:
        self._store = store
        self._transactions = transactions
        self._clock = clock

    async def join(self, item: Item) -> Joined:
        """Store a new member and issue the welcome bonus, once in the member's life.

        Args:
            item: the member's whole row; a row of that id that is stored already is returned as it stands.

        Raises:
            ContentionError: rows kept changing for 20 s.
        """
        user_id = item["id"]["S"]

        async def attempt() -> Joined:
            stored, balance = await self._store.batch_get(
                [(User, user_id), (UserBalance, user_id)], consistent=True
            )
            if stored is not None:
                return Joined(stored, existed=True)
            now = self._clock()
            writing = Writing(self._store.names, now)
            writing.put(User, item)
            if balance is None:
                self._welcome(writing, Balance.empty(user_id, now))
            await self._transactions.write(writing, derived(user_id, "join", now.isoformat()))
            return Joined(item, existed=False)

        async with self._store.calls.queue((user_id,)):
            return await self._transactions.patiently(attempt)

    @staticmethod
    def _welcome(writing: Writing, balance: Balance) -> None:
        bonus = ledger.issue(
            cause=balance.user_id,
            user_id=balance.user_id,
            amount=WELCOME_BONUS,
            type=TransactionType.WELCOME_BONUS,
            description="Welcome to HourBank",
        )
        writing.movement(bonus, lambda _: balance)
        joined = Event(
            type="Welcome Bonus Issued",
            source=EventSource.BALANCES,
            entity_type=EventEntityType.TRANSACTION,
            entity_id=balance.user_id,
            actor=balance.user_id,
            data={"userId": balance.user_id, "amount": float(WELCOME_BONUS)},
        )
        writing.event(joined, bonus.id)
        welcome = Notice(
            user_id=balance.user_id,
            type=NotificationType.SYSTEM_UPDATE,
            title="Welcome to HourBank",
            message=f"{WELCOME_BONUS} hours are yours to begin with.",
        )
        writing.notice(welcome, bonus.id, related_id=balance.user_id)
