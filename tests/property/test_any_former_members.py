"""Whatever hours the members of a former app have: all that can be taken over come here, once, and go back."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from models.hours import ZERO, exact
from models.migration.former import FormerMember, Oddity, read_member
from models.tables import User
from tests.unit.former_app import former_member
from tests.unit.models.migration.migrating import migrating
from tests.unit.stored import NAMES, written_anew

HUNDREDTHS = st.integers(min_value=0, max_value=3_000_000).map(lambda number: f"{Decimal(number).scaleb(-2):f}")
ODD = st.sampled_from(["-1", "-0.01", "0.005", "0.30000000000000004", "1e40", None])
# As JavaScript adds them up; DynamoDB has numbers of 10^-130 and more.
OURS = st.floats(min_value=-10, max_value=30_000).filter(lambda hours: abs(hours) > 1e-9).map(repr)
MEMBERS = st.lists(st.one_of(HUNDREDTHS, HUNDREDTHS, ODD, OURS), min_size=1, max_size=6)


@settings(max_examples=15)
@given(MEMBERS, st.integers(min_value=0, max_value=2))
async def test_every_hour_is_in_one_app(given_hours: list[str | None], repeated: int) -> None:
    rows = [former_member(f"member-{number}", hours) for number, hours in enumerate(given_hours)]
    members = [read_member(row, NAMES.stack) for row in rows]
    total = sum((one.hours for one in members if isinstance(one, FormerMember)), ZERO)
    async with migrating() as apps:
        await apps.put(User, *rows)
        await apps.copied()
        came = [await apps.openings.open(row["id"]["S"]) for row in rows]
        for _ in range(repeated):
            assert await apps.openings.open("member-0") in {ZERO, came[0]}
        assert sum((one for one in came if not isinstance(one, Oddity)), ZERO) == total
        assert [isinstance(one, Oddity) for one in came] == [isinstance(one, Oddity) for one in members]
        here = ZERO
        for number, member in enumerate(members):
            row = await apps.member(f"member-{number}")
            if isinstance(member, Oddity):
                assert written_anew(row) == written_anew(rows[number])
                continue
            assert exact(row["bankHours"]["N"]) == ZERO
            entries = await apps.entries(member.id)
            assert sum((entry.issued for entry in entries), ZERO) == member.hours
            here += (await apps.balance(member.id)).total_balance
        assert here == total
        went = [await apps.openings.close(row["id"]["S"]) for row in rows]
        assert sum((one for one in went if not isinstance(one, Oddity)), ZERO) == total
        for number, member in enumerate(members):
            row = await apps.member(f"member-{number}")
            before = None if isinstance(member, Oddity) else member.hours
            assert before is None or exact(row["bankHours"]["N"]) == before
