"""A filtered page is filled by as many queries as its budgets allow, and says whether another row passes."""

from collections.abc import Collection, Sequence

import pytest

from models.storage.store import Item, Page
from resolvers.mirror.filtered_pages import CALL_BUDGET, ROWS_PER_CALL, FilteredPage, SkipTo, no_skip

KEYS = frozenset({"id"})


def row(number: int) -> Item:
    return {"id": {"N": str(number)}, "text": {"S": "x"}}


def position(number: int) -> Item:
    return {"id": {"N": str(number)}}


class Index:
    """Rows numbered from 0, of which some pass the filter."""

    def __init__(self, size: int, passing: Collection[int]) -> None:
        self.size = size
        self.passing = passing
        self.limits: list[int] = []

    async def query(self, *, limit: int, start_key: Item | None) -> Page:
        """Read like DynamoDB: the limit counts rows before the filter."""
        self.limits.append(limit)
        first = 0 if start_key is None else int(start_key["id"]["N"]) + 1
        numbers = range(first, min(first + limit, self.size))
        last_key = position(numbers[-1]) if numbers and numbers[-1] + 1 < self.size else None
        return Page([row(number) for number in numbers if number in self.passing], len(numbers), last_key)


def found(page: Page) -> Sequence[int]:
    return [int(item["id"]["N"]) for item in page.items]


async def test_a_page_is_filled_across_rows_that_do_not_pass() -> None:
    index = Index(500, passing={5, 150, 450})
    page = await FilteredPage(index.query, KEYS).read(limit=3)
    assert (found(page), page.read, page.last_key) == ([5, 150, 450], 3, None)
    assert index.limits == [ROWS_PER_CALL] * 5


async def test_one_row_ahead_tells_whether_there_is_a_next_page() -> None:
    index = Index(500, passing={5, 150, 450})
    filtered = FilteredPage(index.query, KEYS)
    page = await filtered.read(limit=1)
    assert (found(page), page.read, page.last_key) == ([5], 1, position(5))
    assert len(index.limits) == 2
    page = await filtered.read(limit=2, start_key=page.last_key)
    assert (found(page), page.last_key) == ([150, 450], None)


async def test_the_calls_are_bounded() -> None:
    index = Index(5_000, passing=())
    page = await FilteredPage(index.query, KEYS, call_budget=3).read(limit=10)
    assert (found(page), page.read, page.last_key) == ([], 0, position(299))
    assert index.limits == [ROWS_PER_CALL] * 3


async def test_the_rows_are_bounded() -> None:
    index = Index(5_000, passing={0})
    page = await FilteredPage(index.query, KEYS, row_budget=250).read(limit=10)
    assert (found(page), page.read, page.last_key) == ([0], 1, position(249))
    assert index.limits == [100, 100, 50]


async def test_by_default_a_page_may_read_a_thousand_rows_in_ten_calls() -> None:
    index = Index(5_000, passing=())
    page = await FilteredPage(index.query, KEYS).read(limit=10)
    assert page.last_key == position(999)
    assert index.limits == [100] * CALL_BUDGET


@pytest.mark.parametrize(("passing", "last_key"), [(range(5_000), position(999)), (range(1_000), position(1_000))])
async def test_the_largest_page_is_one_call_and_a_row_ahead(passing: range, last_key: Item) -> None:
    index = Index(5_000, passing)
    page = await FilteredPage(index.query, KEYS).read(limit=1_000)
    assert (len(page.items), page.read, page.last_key) == (1_000, 1_000, last_key)
    assert index.limits == [1_001]


def skipping_to(*numbers: int) -> SkipTo:
    """Return a skip to the first of some rows beyond a position."""

    async def skip_to(reached: Item) -> Item | None:
        return next((position(n - 1) for n in numbers if n > int(reached["id"]["N"])), None)

    return skip_to


async def test_rows_that_cannot_pass_are_skipped() -> None:
    index = Index(100_000, passing={7, 50_000, 90_000})
    page = await FilteredPage(index.query, KEYS, skipping_to(50_000, 90_000)).read(limit=5)
    assert (found(page), page.last_key) == ([7, 50_000, 90_000], None)
    assert len(index.limits) == 3


async def test_when_the_calls_are_used_up_the_next_page_starts_at_the_skip() -> None:
    index = Index(100_000, passing={50_000})
    filtered = FilteredPage(index.query, KEYS, skipping_to(50_000), call_budget=1)
    page = await filtered.read(limit=5)
    assert (found(page), page.last_key) == ([], position(49_999))
    page = await filtered.read(limit=5, start_key=page.last_key)
    assert (found(page), page.last_key) == ([50_000], None)


async def test_without_a_skip_reading_goes_on_where_it_stopped() -> None:
    assert await no_skip(position(3)) == position(3)
