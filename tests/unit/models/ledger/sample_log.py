"""Sample movements, and the log of a member who went through them."""

from models.errors import Refusal
from models.ledger import movements
from models.ledger.balances import Balance
from models.ledger.entries import Entry, post
from models.ledger.movements import Movement, TransactionType
from tests.unit.builders import ALICE, BOB, NOW, REQUEST_ID, hours

HOLD = movements.hold(request_id=REQUEST_ID, from_user_id=ALICE, amount=hours("2"))
RELEASE = movements.release(request_id=REQUEST_ID, from_user_id=ALICE, to_user_id=BOB, amount=hours("2"))
REFUND = movements.refund(request_id=REQUEST_ID, from_user_id=ALICE, amount=hours("2"))
BONUS = movements.issue(
    cause=ALICE, user_id=ALICE, amount=hours("10"), type=TransactionType.WELCOME_BONUS, description="Welcome"
)


def posted(balance: Balance, movement: Movement, leg: int = 0) -> tuple[Balance, Entry]:
    """Return what one leg of a movement makes of a balance, and its entry; the leg is not refused."""
    result = post(balance, movement.legs[leg], movement, now=NOW)
    assert not isinstance(result, Refusal)
    return result


def alices_log() -> tuple[Balance, list[Entry]]:
    """Return Alice's balance and log after bonus, hold, refund, hold and release."""
    other = movements.hold(request_id="another", from_user_id=ALICE, amount=hours("3.5"))
    paid = movements.release(request_id="another", from_user_id=ALICE, to_user_id=BOB, amount=hours("3.5"))
    balance, entries = Balance.empty(ALICE, NOW), []
    for movement in (BONUS, HOLD, REFUND, other, paid):
        balance, entry = posted(balance, movement)
        entries.append(entry)
    return balance, entries
