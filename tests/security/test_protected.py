"""Fields that clients may repeat but not set: those that workflows own, and those that are fixed at creation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from graphql import get_named_type, is_leaf_type

from resolvers.identity.callers import Caller
from schema.amplify.rules import Operation
from schema.types import CATALOGUE
from tests.security.backends import MemoryBackend
from tests.security.cases import STAMP, caller_of, item_of, lines, table_of
from tests.security.samples import SAMPLES
from tests.unit.mirror import execute

OWNERS = {line.of: line.owners for line in lines()}
UNSET = None


@dataclass(frozen=True, slots=True)
class Owned:
    """A field that a workflow owns.

    Args:
        of: the type.
        field: the field.
        initial: the only value that a create accepts, `UNSET` if it accepts none.
        stored: the value that the row has later.
        other: a value that a client might try to set.
        use: a mutation that the refusal has to name.
    """

    of: str
    field: str
    initial: Any
    stored: Any
    other: Any
    use: str

    def __str__(self) -> str:
        return f"{self.of}.{self.field}"


ARN = "arn:aws:states:us-east-1:000000000000:execution:a:b"
OWNED = [
    Owned("ServiceRequest", "status", "INITIATED", "ACCEPTED", "PAID", "confirmServiceCompletion"),
    Owned("ServiceRequest", "escrowId", UNSET, "an-escrow", "another", "startServiceRequestWorkflow"),
    Owned("ServiceRequest", "negotiationRound", 0, 1, 2, "respondToCounterOffer"),
    Owned("ServiceRequest", "stepFunctionExecutionArn", UNSET, ARN, ARN + "c", "startServiceRequestWorkflow"),
    Owned("ServiceRequest", "agreedRate", UNSET, 1.5, 0.5, "respondToCounterOffer"),
    Owned("ServiceRequest", "expiresAt", UNSET, STAMP, "2027-01-01T00:00:00.000Z", "startServiceRequestWorkflow"),
    Owned("User", "bankHours", 0, 0, 1000, "processDirectTransfer"),
    Owned("User", "rating", 0, 4.5, 6, "createRating"),
    Owned("User", "totalTransactions", 0, 3, 1000, "confirmServiceCompletion"),
    Owned("Dispute", "status", "OPEN", "UNDER_REVIEW", "RESOLVED", "resolveDispute"),
    Owned("Dispute", "adminId", UNSET, "an-admin", "another", "assignDispute"),
    Owned("Dispute", "resolution", UNSET, "Half each.", "All mine.", "resolveDispute"),
    Owned("Dispute", "resolvedAt", UNSET, STAMP, "2027-01-01T00:00:00.000Z", "resolveDispute"),
    Owned("Dispute", "stepFunctionExecutionArn", UNSET, ARN, ARN + "c", "createDispute"),
]
# Any hours may be requested; from then on they change only by an agreement.
ESTIMATED = Owned("ServiceRequest", "estimatedHours", 2, 2, 1, "respondToCounterOffer")
# Fields of our own, which admins may set.
MODERATED = [
    Owned("Report", "status", initial="PENDING", stored="PENDING", other="RESOLVED", use="updateReport"),
    Owned("Report", "adminNotes", initial=None, stored=None, other="A liar.", use="updateReport"),
    Owned("Report", "resolvedAt", initial=None, stored=None, other=STAMP, use="updateReport"),
    Owned("User", "isActive", initial=True, stored=True, other=False, use="updateUser"),
    Owned("Rating", "isHidden", initial=False, stored=False, other=True, use="updateRating"),
]
# Fields that are readable, and in no input.
UNWRITABLE = {
    "Dispute": {"statusBefore", "escrowId", "decision", "providerHours", "overdueAt"},
    "ServiceRequest": {"statusReason", "amount", "offeredHours", "offeredRate"},
    "EventLog": {"createdAt", "updatedAt"},
    "TransactionLog": {"updatedAt"},
}
# Who may change a row of the type at all: a field of it, or a group.
CHANGED_BY = {
    "ServiceRequest": ("requesterId",),
    "User": ("id", "admin"),
    "Dispute": ("admin",),
    "Rating": ("admin",),
    "Service": ("userId", "admin"),
    "Notification": ("userId",),
    "Report": ("admin", "moderator"),
    "Message": ("senderId", "receiverId"),
    "Conversation": ("user1Id", "user2Id"),
    "Booking": ("providerId", "consumerId"),
    "ScheduleException": ("userId",),
    "ServiceSchedule": ("userId",),
}
# Fields that name members or other rows.
FIXED = {
    "ServiceRequest": ("requesterId", "providerId", "serviceId"),
    "Dispute": ("raisedBy", "againstUserId", "requestId"),
    "Rating": ("raterId",),
    "Service": ("userId",),
    "Notification": ("userId",),
    "Report": ("reporterId", "reportedUserId", "transactionId"),
    "Message": ("senderId", "receiverId", "conversationId"),
    "Conversation": ("user1Id", "user2Id"),
    "Booking": ("providerId", "consumerId", "serviceId"),
    "ScheduleException": ("userId", "serviceId"),
    "ServiceSchedule": ("userId", "serviceId"),
}

# Fields that name whom a row is about: others decide it, whatever group these are of.
PARTIES = {
    "Dispute": ("raisedBy", "againstUserId"),
    "Rating": ("raterId", "ratedUserId"),
    "Report": ("reporterId", "reportedUserId"),
}


class Stage:
    """A row, and the members whom it names.

    Args:
        backend: where the row is stored.
        of: its type.
        stored: its values besides those of the sample.
    """

    def __init__(self, backend: MemoryBackend, of: str, **stored: Any) -> None:
        self.backend = backend
        self.of = of
        self.names = {name: caller_of(name) for name in (*OWNERS[of], "admin", "moderator")}
        sample = SAMPLES[of]
        self.owners = {name: self.names[name].sub for name in OWNERS[of]}
        dates = {"createdAt": STAMP, "updatedAt": STAMP}
        self.row = {"id": "a-row", **sample.given, **dates, **self.owners, **stored}
        backend.store.rows.clear()

    def put(self) -> "Stage":
        self.backend.store.rows[table_of(self.of), self.row["id"]] = item_of(self.row)
        return self

    async def create(self, caller: Caller, **given: Any) -> tuple[Any, Any]:
        row = {"id": "a-row", **SAMPLES[self.of].given, **self.owners}
        return await self._write("create", caller, row | given)

    async def update(self, caller: Caller, **given: Any) -> tuple[Any, Any]:
        return await self._write("update", caller, {"id": self.row["id"], **given})

    async def delete(self, caller: Caller) -> tuple[Any, Any]:
        return await self._write("delete", caller, {"id": self.row["id"]})

    async def _write(self, kind: str, caller: Caller, given: Mapping[str, Any]) -> tuple[Any, Any]:
        """Write; return the row, and the error if there is one; assert that nothing was written then."""
        before = dict(self.backend.store.rows)
        input_ = f"{kind.capitalize()}{self.of}Input!"
        query = f"mutation ($input: {input_}) {{ row: {kind}{self.of}(input: $input) {{ id }} }}"
        data, errors = await execute(self.backend.schema, self.backend.store, caller, query, input=given)
        if not errors:
            return data["row"], None
        assert self.backend.store.rows == before
        (error,) = errors
        return None, error


def changers(of: str, stage: Stage) -> list[Caller]:
    return [stage.names[name] for name in CHANGED_BY[of]]


def assert_names(error: Any, owned: Owned) -> None:
    assert (error["errorType"], error["errorInfo"]["field"]) == ("Unauthorized", owned.field)
    assert owned.use in error["errorInfo"]["use"]
    assert owned.field in error["message"]
    assert owned.use in error["message"]


@pytest.mark.parametrize("owned", [*OWNED, *MODERATED], ids=str)
async def test_a_row_begins_with_the_initial_value(backend: MemoryBackend, owned: Owned) -> None:
    stage = Stage(backend, owned.of)
    creator = stage.names[OWNERS[owned.of][0]]
    _, error = await stage.create(creator, **{owned.field: owned.other})
    assert_names(error, owned)
    taken, error = await stage.create(creator, **{owned.field: owned.initial})
    assert (taken, error) == ({"id": stage.owners.get("id", "a-row")}, None)


async def test_any_hours_may_be_asked_for(backend: MemoryBackend) -> None:
    stage = Stage(backend, "ServiceRequest")
    _, error = await stage.create(stage.names["requesterId"], estimatedHours=7)
    assert error is None


async def test_an_admin_begins_with_the_initial_value_too(backend: MemoryBackend) -> None:
    for owned in (owned for owned in OWNED if owned.of != "ServiceRequest"):
        stage = Stage(backend, owned.of)
        _, error = await stage.create(stage.names["admin"], **{owned.field: owned.other})
        assert_names(error, owned)


@pytest.mark.parametrize("owned", [*OWNED, ESTIMATED], ids=str)
async def test_an_update_only_repeats_it(backend: MemoryBackend, owned: Owned) -> None:
    stage = Stage(backend, owned.of, **{owned.field: owned.stored}).put()
    for caller in changers(owned.of, stage):
        for value in (owned.other, None):
            row, error = await stage.update(caller, **{owned.field: value}, **SAMPLES[owned.of].change)
            assert row is None
            assert_names(error, owned)
        _, error = await stage.update(caller, **{owned.field: owned.stored}, **SAMPLES[owned.of].change)
        assert error is None


@pytest.mark.parametrize("owned", [owned for owned in OWNED if owned.initial is UNSET], ids=str)
async def test_null_repeats_what_is_not_there(backend: MemoryBackend, owned: Owned) -> None:
    stage = Stage(backend, owned.of).put()
    for caller in changers(owned.of, stage):
        _, error = await stage.update(caller, **{owned.field: None})
        assert error is None


@pytest.mark.parametrize("owned", MODERATED, ids=str)
async def test_what_is_moderated_is_an_admins(backend: MemoryBackend, owned: Owned) -> None:
    stage = Stage(backend, owned.of, **{owned.field: owned.stored}).put()
    _, error = await stage.update(stage.names["admin"], **{owned.field: owned.other})
    assert error is None
    _, error = await stage.update(stage.names[OWNERS[owned.of][0]], **{owned.field: owned.stored})
    assert error["errorType"] == "Unauthorized"


@pytest.mark.parametrize(("of", "field"), [(of, field) for of, fields in PARTIES.items() for field in fields])
async def test_whom_a_row_is_about_does_not_decide_it(backend: MemoryBackend, of: str, field: str) -> None:
    for group in CHANGED_BY[of]:
        stage = Stage(backend, of).put()
        party, other = replace(stage.names[field], groups=frozenset({group})), stage.names[group]
        for _, error in (await stage.update(party, **SAMPLES[of].change), await stage.delete(party)):
            assert (error["errorType"], error["errorInfo"]) == ("UNAUTHORIZED_ADMIN", {"field": field})
            assert field in error["message"]
        assert (await stage.update(other, **SAMPLES[of].change))[1] is None


@pytest.mark.parametrize(("of", "field"), [(of, field) for of, fields in FIXED.items() for field in fields])
async def test_what_is_fixed_is_only_repeated(backend: MemoryBackend, of: str, field: str) -> None:
    stage = Stage(backend, of).put()
    for caller in changers(of, stage):
        for value in ("another", caller.username, None):
            _, error = await stage.update(caller, **{field: value})
            assert (error["errorType"], error["errorInfo"]) == ("Unauthorized", {"field": field})
        _, error = await stage.update(caller, **{field: stage.row[field]})
        assert error is None


@pytest.mark.parametrize("of", sorted(OWNERS.keys() & SAMPLES.keys()))
def test_what_is_only_seen_is_in_no_input(backend: MemoryBackend, of: str) -> None:
    types: Any = backend.schema._schema.type_map
    written = {*types[f"Create{of}Input"].fields, *types[f"Update{of}Input"].fields}
    seen = {name for name, field in types[of].fields.items() if is_leaf_type(get_named_type(field.type))}
    assert seen - written == UNWRITABLE.get(of, set())


def test_every_type_that_clients_change_is_tried() -> None:
    done = {
        line.of for line in lines() if line.operation.startswith("update") and "done" in line.expected.values()
    }
    # An exchange is moved by rules of its own, of which `test_type_rules` says what may be repeated.
    assert done == {*CHANGED_BY, "Category", "Skill", "Transaction"}
    assert {*FIXED, "User"} == {*CHANGED_BY}


@pytest.mark.parametrize(
    ("field", "value"),
    [("content", "Other"), ("messageType", "IMAGE"), ("content", None), ("conversationId", "another")],
)
async def test_a_receiver_changes_only_whether_it_is_read(backend: MemoryBackend, field: str, value: Any) -> None:
    stage = Stage(backend, "Message").put()
    receiver = stage.names["receiverId"]
    _, error = await stage.update(receiver, **{field: value}, isRead=True)
    assert (error["errorType"], error["errorInfo"]) == ("Unauthorized", {"field": field})
    _, error = await stage.update(receiver, **{field: stage.row[field]}, isRead=True)
    assert error is None
    assert backend.store.rows[table_of("Message"), "a-row"]["isRead"] == {"BOOL": True}


async def test_no_member_speaks_as_the_system(backend: MemoryBackend) -> None:
    stage = Stage(backend, "Message")
    sender = stage.names["senderId"]
    _, created = await stage.create(sender, messageType="SYSTEM")
    _, updated = await stage.put().update(sender, messageType="SYSTEM")
    for error in (created, updated):
        assert (error["errorType"], error["errorInfo"]) == ("BadRequest", {"field": "messageType"})
        assert error["message"] == "messageType: must be TEXT or IMAGE or FILE, not SYSTEM"
    assert (await stage.update(sender, messageType="IMAGE"))[1] is None


# What a member decides of a row, by its type: whatever is not here is an admin's or the system's to decide, or
# fixed when the row is created. A new field is put here, or protected in its type.
A_MEMBERS = {
    "Booking": {
        "bookingDate", "startTime", "endTime", "duration", "totalCost", "status", "notes", "providerNotes",
        "cancellationReason", "confirmedAt", "cancelledAt", "completedAt",
    },
    "Conversation": {"lastMessageId", "lastMessageAt"},
    "Dispute": {"transactionId", "disputeType", "description", "evidence"},
    "Message": {"content", "isRead", "messageType"},
    "Notification": {"type", "title", "message", "isRead", "relatedId"},
    "Rating": {"feedback", "categories"},
    "Report": {"reason", "description"},
    "ScheduleException": {"exceptionDate", "exceptionType", "startTime", "endTime", "reason"},
    "Service": {
        "title", "description", "category", "hourlyRate", "hourlyDuration", "isActive", "tags",
        "requiresScheduling", "minBookingHours", "maxBookingHours", "advanceBookingDays",
        "cancellationHours", "responseWindowHours",
    },
    "ServiceRequest": {"message"},
    "ServiceSchedule": {"dayOfWeek", "startTime", "endTime", "isActive"},
    "Transaction": set(),
    "User": {"email", "username", "firstName", "lastName", "skills", "bio", "profilePicture"},
}  # fmt: skip


def test_what_a_member_decides_is_listed() -> None:
    writing = {Operation.CREATE, Operation.UPDATE}
    found = {
        name: model.fields.keys()
        - model.fixed
        - model.protected.keys()
        - model.unwritable
        - {model.keys.hash, "createdAt", "updatedAt"}
        for name, model in CATALOGUE.models.items()
        if any(model.owner_fields(operation) for operation in writing)
    }
    assert found == A_MEMBERS
