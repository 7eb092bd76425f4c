"""Members who pass for others, and who set what is not theirs to set."""

from typing import Any
from uuid import uuid4

import httpx

from resolvers.hosting.demo_data import sub_of
from tests.integration.conftest import CREATE_USER
from tests.security.attacks.catalogue import Attacker, Kind, UnrefusedError, only_refused, outcome

NAMES = Kind(12, "impersonation")
RIGHTS = Kind(16, "what is others' to set", {"joined": True})

_REPORT = (
    "mutation($input: CreateReportInput!) { createReport(input: $input) { id status adminNotes reporterId } }"
)
_JOIN = "mutation($input: CreateUserInput!) { createUser(input: $input) { id cognitoId } }"
_TRANSFER = "mutation($input: ProcessDirectTransferInput!) { processDirectTransfer(input: $input) { id } }"


@NAMES.each(
    {
        "a control character": "alice\x07",
        "a line break": "alice\n",
        "a null": "ali\x00ce",
        "right to left": "\u202eecila",
        "a space of no width": "ali\u200bce",
        "a byte order mark": "\ufeffalice",
        "a soft hyphen": "ali\u00adce",
        "in capitals": "ALICE",
        "in full width": "\uff41\uff4c\uff49\uff43\uff45",
        "nothing": "",
        "100 KB": "x" * 100_000,
    }
)
async def _join(attacker: Attacker, username: str) -> str:
    return only_refused(await attacker.ask(CREATE_USER, {"input": attacker.profile(username=username)}))


_OTHERS: dict[str, dict[str, Any]] = {
    "another's id": {"id": sub_of("bob")},
    "another's subject": {"cognitoId": sub_of("bob")},
}
_ISSUES: dict[str, dict[str, Any]] = {
    "hours to oneself": {},
    "hours to oneself, as a refund": {"transactionType": "REFUND"},
    "a fortune": {"amount": 100_000.0},
    "a welcome": {"transactionType": "WELCOME_BONUS"},
}


@NAMES.each(_OTHERS)
async def _join_as(attacker: Attacker, changes: dict[str, Any]) -> str:
    answer = await attacker.post(_JOIN, {"input": attacker.profile(**changes)})
    return _without_effect(answer, changes)


@RIGHTS.each(
    {
        "a report that is resolved": {"status": "RESOLVED"},
        "a report that is dismissed": {"status": "DISMISSED"},
        "an admin's notes": {"adminNotes": "banned"},
        "when it was resolved": {"status": "RESOLVED", "resolvedAt": "2026-01-01T00:00:00Z"},
        "another reporter": {"reporterId": sub_of("bob")},
    }
)
async def _report(attacker: Attacker, changes: dict[str, Any]) -> str:
    report = {"reportedUserId": sub_of("alice"), "reason": "SPAM", "description": "d", "status": "PENDING"}
    answer = await attacker.post(_REPORT, {"input": {**report, **changes}})
    return _without_effect(answer, changes)


def _without_effect(answer: httpx.Response, changes: dict[str, Any]) -> str:
    """Return the outcome of what was refused, or stored without the values that are not the attacker's to set."""
    said = outcome(answer)
    stored = next(iter((answer.json().get("data") or {}).values()), None) or {}
    if any(stored.get(name) == value for name, value in changes.items()):
        raise UnrefusedError(f"stored: {stored}")
    return said


@RIGHTS.each(_ISSUES)
async def _issue(attacker: Attacker, changes: dict[str, Any]) -> str:
    token = attacker.target.token(attacker.name, "admin")
    given = {"transactionType": "ADMIN_ADJUSTMENT", "amount": 5.0, "toUserId": attacker.sub, "id": str(uuid4())}
    return only_refused(await attacker.ask(_TRANSFER, {"input": {**given, **changes}}, token=token))


@RIGHTS.one("a service of somebody who never joined", joined=False)
async def _write_unjoined(attacker: Attacker) -> str:
    offer = {"title": "t", "description": "d", "category": "garden", "isActive": True, "tags": []}
    create = "mutation($input: CreateServiceInput!) { createService(input: $input) { id } }"
    return only_refused(await attacker.ask(create, {"input": offer}))
