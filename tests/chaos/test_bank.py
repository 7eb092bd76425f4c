"""Many concurrent writers on a real engine: every snapshot sums exactly, and every log replays."""

from models import clock
from models.storage.names import Names
from tests.chaos.bank import shared_bank
from tests.chaos.books import Books
from tests.chaos.workload import KINDS, pay_at_once, run_writers
from tests.unit.builders import hours

WRITERS, READERS, MEMBERS = 32, 2, 8
# At least and at most: on a busy machine it runs on until each kind was committed often enough.
SECONDS, SHORT_SECONDS = (60.0, 300.0), (3.0, 120.0)
# How often each kind is committed in a long run; a short run has its share.
EACH_KIND, CONFLICTS = 200, 100
RELEASES, SHORT_RELEASES = 300, 40
RELEASED_WITHIN = 60.0


async def test_every_snapshot_sums_exactly_while_many_write(names: Names, *, long: bool) -> None:
    seconds = SECONDS if long else SHORT_SECONDS
    share = seconds[0] / SECONDS[0]
    async with shared_bank(names, MEMBERS) as opened:

        def is_enough() -> bool:
            counts = [opened.snapshots, *(opened.committed[kind] for kind in KINDS)]
            return min(counts) >= EACH_KIND * share and opened.conflicts >= CONFLICTS * share

        passed = await run_writers(opened, writers=WRITERS, readers=READERS, seconds=seconds, is_enough=is_enough)
        books = (await Books.read(opened.store(), clock.now())).of(opened.members)
        books.check_money()
        books.check_nothing_is_held()
        opened.check(books.balances)
        figures = f"{dict(opened.committed)}, {opened.conflicts} conflicts, {opened.snapshots} snapshots"
        figures += f" in {passed:.0f} s"
        assert is_enough(), figures
        print(figures)  # noqa: T201 — `make test-long` shows it


async def test_many_releases_to_one_provider_at_once(names: Names, *, long: bool) -> None:
    releases = RELEASES if long else SHORT_RELEASES
    async with shared_bank(names, 1 + releases // 10) as opened:
        seconds = await pay_at_once(opened, releases)
        assert seconds < RELEASED_WITHIN
        books = (await Books.read(opened.store(), clock.now())).of(opened.members)
        books.check_money()
        earned = next(one for one in books.balances if one.user_id == opened.members[0])
        assert earned.available_balance == hours("10") + releases * hours("1")
        print(f"{releases} releases in {seconds:.1f} s")  # noqa: T201 — `make test-long` shows it
