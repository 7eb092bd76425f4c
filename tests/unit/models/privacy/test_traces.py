"""Where a member's rows are: no table that names members is forgotten, and each is found by an index."""

from models.privacy.traces import OPEN_MATTERS, TRACES, Fate
from models.storage.store import index_keys
from models.tables import TABLES
from workflows.console.privacy.rows import index_by, table_of

# Rows that name members and have none of their words, or expire within days: guards, approvals, lists of ids.
NO_WORDS = {"NameGuard", "TransferApproval", "ReconciliationReport", "RequestGuard", "BookingDay"}
OWN = {"User", "UserBalance"}
# Catalogues of the house, and rows that expire within days and name nobody.
NOBODYS = {"Category", "Skill", ".Idempotency", ".RateCounter", ".PublishedAnswer"}


def test_every_table_is_accounted_for() -> None:
    traced = [trace.table for trace in TRACES]
    assert len(set(traced)) == len(traced)
    assert {*traced} | NO_WORDS | OWN | NOBODYS >= {table.Meta.table_name for table in TABLES}


def test_every_field_has_an_index() -> None:
    for one in (*TRACES, *OPEN_MATTERS):
        for field in one.fields:
            assert index_keys(index_by(table_of(one.table), field))[0].name == field


def test_what_has_no_words_is_kept() -> None:
    assert [trace.table for trace in TRACES if trace.fate is Fate.KEPT] == ["Conversation", "Escrow"]


def test_what_is_over_hinders_nobody() -> None:
    assert [(one.table, sorted(one.over)) for one in OPEN_MATTERS] == [
        ("ServiceRequest", ["EXPIRED", "PAID", "REJECTED"]),
        ("Dispute", ["DISMISSED", "RESOLVED"]),
        (
            "Booking",
            [
                "CANCELLED_BY_CONSUMER",
                "CANCELLED_BY_PROVIDER",
                "COMPLETED",
                "NO_SHOW_CONSUMER",
                "NO_SHOW_PROVIDER",
            ],
        ),
    ]
