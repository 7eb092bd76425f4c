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
# What rows are found by beside their members.
NO_MEMBER = {
    "__typename", "bookingDate", "bookingId", "category", "conversationId", "dueShard", "escrowId", "eventType",
    "exceptionDate", "requestId", "serviceId", "status", "timestamp", "transactionId", "transactionType",
}  # fmt: skip


def test_every_table_is_accounted_for() -> None:
    traced = [trace.table for trace in TRACES]
    assert len(set(traced)) == len(traced)
    assert {*traced} | NO_WORDS | OWN | NOBODYS >= {table.Meta.table_name for table in TABLES}


def test_a_row_is_found_by_each_member_whom_it_names() -> None:
    for trace in TRACES:
        table = table_of(trace.table)
        assert {*trace.fields} == {index_keys(index)[0].name for index in table._indexes.values()} - NO_MEMBER
        for field in trace.fields:
            assert index_keys(index_by(table, field))[0].name == field


def test_an_open_matter_is_of_whomever_its_rows_name() -> None:
    assert [one.fields for one in OPEN_MATTERS] == [
        ("requesterId", "providerId"),
        ("raisedBy", "againstUserId", "adminId"),
        ("consumerId", "providerId"),
    ]


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
