"""What a member is shown of a row, as JSON has it."""

from typing import Any

from models.privacy.showing import shown

ALICE: dict[str, Any] = {"S": "alice"}
BOB: dict[str, Any] = {"S": "bob"}


def test_a_row_is_shown_as_json_has_it() -> None:
    row: dict[str, Any] = {
        "__typename": {"S": "User"},
        "id": ALICE,
        "bankHours": {"N": "2.5"},
        "totalTransactions": {"N": "30"},
        "isActive": {"BOOL": True},
        "bio": {"NULL": True},
        "skills": {"L": [{"S": "gardens"}]},
        "wait": {"M": {"token": {"S": "secret"}, "name": {"S": "WaitForProviderResponse"}}},
        "dueShard": {"S": "3"},
        "dueAt": {"S": "2026"},
    }
    assert shown("User", row, "alice") == {
        "bankHours": 2.5,
        "bio": None,
        "id": "alice",
        "isActive": True,
        "skills": ["gardens"],
        "totalTransactions": 30,
        "wait": {"name": "WaitForProviderResponse"},
    }
    assert isinstance(shown("User", row, "alice")["totalTransactions"], int)


def test_who_was_complained_about_does_not_learn_by_whom() -> None:
    row = {"reporterId": BOB, "reportedUserId": ALICE, "description": BOB, "adminNotes": BOB, "reason": ALICE}
    assert shown("Report", row, "alice") == {"reportedUserId": "alice", "reason": "alice"}
    assert len(shown("Report", row, "bob")) == 5


def test_who_acted_on_a_member_is_not_named() -> None:
    assert shown("EventLog", {"id": ALICE, "actorUserId": BOB}, "alice") == {"id": "alice"}
    assert shown("EventLog", {"id": ALICE, "actorUserId": ALICE}, "alice") == {
        "id": "alice",
        "actorUserId": "alice",
    }
    assert shown("UserBalance", {"userId": ALICE, "lockedBy": BOB}, "alice") == {"userId": "alice"}
