"""Answers that are kept for a repeated `Idempotency-Key`, whoever they were given to.

Their rows name nobody, so that only a walk over their table finds those that say something about a member. It
holds the answers of a day; without its row, a repeated mutation runs again, which every mutation allows.
"""

import json
from collections.abc import Callable
from functools import partial

from models.storage.store import Item, Store, read_pages
from models.tables import Idempotency

_PAGE = 500
# Five million answers.
_MOST_PAGES = 10_000
# What clients see of a member.
_NAMED = ("id", "email", "username", "firstName", "lastName", "bio", "profilePicture")


async def forget_answers(store: Store, user: Item, progress: Callable[[int], None]) -> int:
    """Delete the kept answers in which anything of a member's row stands; return how many.

    Args:
        store: the tables.
        user: the member's row.
        progress: is told how many rows have been read.
    """
    texts = [text for name in _NAMED if (text := _as_json(user.get(name, {}).get("S", "")))]
    deleted = 0
    async for page in read_pages(partial(store.scan_page, Idempotency), limit=_PAGE, most_pages=_MOST_PAGES):
        progress(page.read)
        for row in page.items:
            answer = row.get("answer", {}).get("S", "")
            if any(text in answer for text in texts):
                await store.delete(Idempotency, row["id"]["S"])
                deleted += 1
    return deleted


def _as_json(text: str) -> str:
    """Return a text as it stands within an answer."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
