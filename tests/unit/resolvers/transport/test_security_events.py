"""What of operations and answers goes into the security log."""

from types import SimpleNamespace
from typing import Any

import pytest
from strawberry.types.execution import ExecutionResult
from structlog.testing import capture_logs

from models.errors import Code, Refusal
from resolvers.identity.callers import Caller
from resolvers.identity.keys import UnauthenticatedError
from resolvers.security_log import SecurityLogLimits, limit_security_log
from resolvers.transport.security_events import log_admin_acts, log_sign_in_refusal, reported
from schema.errors import RefusedError, report_any
from tests.unit.mirror import MemoryStore, schema_over

ADMIN = Caller("sub-admin", "admin", frozenset({"admin"}))
DELETE = "mutation ($id: ID!) { gone: deleteService(input: {id: $id}) { id } }"
DOCUMENTS = schema_over(MemoryStore()).documents


@pytest.fixture(autouse=True)
def _fresh() -> None:
    limit_security_log(SecurityLogLimits())


def acts(query: str | None, variables: Any = None, *errors: Any, caller: Caller | None = ADMIN) -> list[Any]:
    """Return the lines about an operation that ended with errors, or without."""
    asked = SimpleNamespace(query=query, operation_name=None, variables=variables)
    with capture_logs() as lines:
        log_admin_acts(DOCUMENTS, asked, caller, ExecutionResult(data=None, errors=list(errors)))
    return lines


def test_an_act_names_its_field_by_its_own_name_and_its_ids() -> None:
    (line,) = acts(DELETE, {"id": "s1"})
    assert (line["mutation"], line["ids"], line["outcome"]) == ("deleteService", ("id=s1",), "done")
    assert line["sub"] == "sub-admin"


def test_each_field_is_an_act() -> None:
    both = 'mutation { a: deleteService(input: {id: "1"}) { id } b: deleteSkill(input: {id: "2"}) { id } }'
    assert [line["mutation"] for line in acts(both)] == ["deleteService", "deleteSkill"]


def test_an_act_that_failed_says_by_what() -> None:
    refused = report_any(RefusedError(Refusal(Code.SELF_REQUEST, "no")))
    (line,) = acts(DELETE, {"id": "s1"}, refused)
    assert line["outcome"] == "SELF_REQUEST"


def test_texts_and_long_ids_are_left_out() -> None:
    query = "mutation ($i: UpdateReportInput!) { updateReport(input: $i) { id } }"
    (line,) = acts(query, {"i": {"id": "r1", "adminNotes": "secret", "reportedUserId": "x" * 65}})
    assert line["ids"] == ("id=r1",)
    assert "secret" not in str(line)


def test_an_act_that_broke_off_is_logged() -> None:
    asked = SimpleNamespace(query=DELETE, operation_name=None, variables={"id": "s1"})
    with capture_logs() as lines:
        log_admin_acts(DOCUMENTS, asked, ADMIN, None)
    assert lines[0]["outcome"] == "broke off"


@pytest.mark.parametrize("query", ["{ __typename }", "subscription { onCreateService { id } }", "{", None, ""])
def test_what_is_no_mutation_is_no_act(query: str | None) -> None:
    assert acts(query) == []


@pytest.mark.parametrize("caller", [None, Caller("sub-alice", "alice")])
def test_others_act_unseen(caller: Caller | None) -> None:
    assert acts(DELETE, {"id": "s1"}, caller=caller) == []


def test_only_refusals_are_logged() -> None:
    errors = [report_any(RefusedError(Refusal(code, "no"))) for code in (Code.SELF_REQUEST, Code.BAD_REQUEST)]
    with capture_logs() as lines:
        assert reported(errors, ADMIN) == errors
        assert reported(None, ADMIN) is None
    assert [(line["event"], line["code"], line["sub"]) for line in lines] == [
        ("refused by a rule", "SELF_REQUEST", "sub-admin")
    ]


def test_a_refused_sign_in_says_why_and_not_what_was_sent() -> None:
    error = UnauthenticatedError("Invalid token: eyJ.secret")
    error.__cause__ = ValueError("eyJ.secret")
    with capture_logs() as lines:
        log_sign_in_refusal(error)
    assert lines == [
        {"event": "sign-in refused", "log_level": "info", "reason": "Invalid token", "cause": "ValueError"}
    ]
