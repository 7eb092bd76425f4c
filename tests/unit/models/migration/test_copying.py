"""How a row of the former app is merged with what is stored here."""

from models.migration.copying import copied_member, copied_row

OLD, NEW = {"S": "2026-01-01T00:00:00.000Z"}, {"S": "2026-01-02T00:00:00.000Z"}
ROW = {"id": {"S": "a"}, "title": {"S": "theirs"}, "updatedAt": NEW}


def test_a_new_row_is_copied_whole() -> None:
    copied = copied_row(None, ROW)
    assert copied == ROW
    assert copied is not None
    assert copied["id"] is not ROW["id"]


def test_a_newer_row_is_merged_with_what_only_ours_knows() -> None:
    stored = {"id": {"S": "a"}, "title": {"S": "ours"}, "ratingId": {"S": "r"}, "updatedAt": OLD}
    assert copied_row(stored, ROW) == {**ROW, "ratingId": {"S": "r"}}


def test_what_is_as_new_here_stays() -> None:
    for updated_at in (NEW, {"S": "2026-01-03T00:00:00.000Z"}):
        assert copied_row({**ROW, "updatedAt": updated_at}, ROW) is None


def test_moments_are_compared_and_not_their_texts() -> None:
    exact, spelt = {"S": "2026-01-01T10:00:00.500Z"}, {"S": "2026-01-01T10:00:00Z"}
    assert copied_row({**ROW, "updatedAt": exact}, {**ROW, "updatedAt": spelt}) is None
    assert copied_row({**ROW, "updatedAt": spelt}, {**ROW, "updatedAt": exact}) is not None
    elsewhere = {"S": "2026-01-01T12:00:00.000+02:00"}  # the same moment
    assert copied_row({**ROW, "updatedAt": spelt}, {**ROW, "updatedAt": elsewhere}) is None


def test_a_copied_member_has_their_hours_in_the_former_app() -> None:
    custody = {"S": "FORMER_APP"}
    assert copied_member(None, ROW) == {**ROW, "custody": custody}
    assert copied_member({**ROW, "custody": custody, "updatedAt": OLD}, ROW) == {**ROW, "custody": custody}
    assert copied_member({**ROW, "custody": custody}, ROW) is None


def test_who_is_here_keeps_their_row() -> None:
    assert copied_member({**ROW, "updatedAt": OLD}, ROW) is None
