"""`python server.py export`: everything that is stored about a member, by table."""

from collections.abc import Callable
from typing import Any

from models import clock
from models.privacy.showing import shown
from models.privacy.traces import TRACES
from models.storage.store import Store
from models.tables import User, UserBalance
from workflows.console.privacy.accounts import SignInAccounts
from workflows.console.privacy.rows import find, traced


async def export(
    store: Store, accounts: SignInAccounts | None, text: str, progress: Callable[[int], None]
) -> dict[str, Any]:
    """Return what is stored about a member, as JSON has it: their rows, and both sides of what they had part in.

    Args:
        store: the tables.
        accounts: the accounts with which members sign in; None if they are not known.
        text: the member's id, user name or e-mail address.
        progress: is told how many rows have been read.

    Raises:
        UnknownMemberError: there is no such member.
        TooManyRowsError: more rows are theirs than are read.
    """
    member = await find(store, text)
    own = await store.batch_get([(User, member), (UserBalance, member)], consistent=True)
    tables = {
        table.Meta.table_name: [shown(table.Meta.table_name, row, member)]
        for table, row in zip((User, UserBalance), own, strict=True)
        if row is not None
    }
    for trace in TRACES:
        found: dict[str, dict[str, Any]] = {}
        async for row in traced(store, trace, member):
            progress(1)
            found[row["id"]["S"]] = shown(trace.table, row, member)
        tables[trace.table] = sorted(found.values(), key=lambda row: (str(row.get("createdAt")), str(row["id"])))
    return {
        "member": member,
        "exportedAt": clock.to_text(clock.now()),
        "signInAccount": None if accounts is None else await accounts.attributes(member),
        "tables": tables,
    }
