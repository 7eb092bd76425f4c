"""A member."""

from strawberry import ID

from models import tables
from schema.amplify.bounds import NAME, Key
from schema.amplify.declaration import Protection, has_many, has_one
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, Operation, groups, owner, private
from schema.scalars import AWSDateTime


@mirrored(
    table=tables.User,
    rules=[
        owner("id", {Operation.CREATE, Operation.READ, Operation.UPDATE}),
        private(READING),
        groups("admin"),
    ],
    computed={"bankHours": "listUserBalances(filter: {totalBalance: …})"},
    bounds={
        "username": Key(NAME.characters),
        "firstName": NAME,
        "lastName": NAME,
        # The longest address that SMTP delivers to.
        "email": Key(254),
    },
    protected={
        "bankHours": Protection(initial=0, use="processDirectTransfer"),
        "rating": Protection(initial=0, use="createRating"),
        "totalTransactions": Protection(initial=0, use="confirmServiceCompletion"),
        "isActive": Protection(initial=True, use="an admin's updateUser", groups=frozenset({"admin"})),
    },
)
class User:
    """A member; `id` is the Cognito `sub`, `bankHours` the balance's total."""

    id: ID
    email: str
    username: str
    cognitoId: str | None
    firstName: str
    lastName: str
    bankHours: float
    skills: list[str]
    bio: str | None
    profilePicture: str | None
    rating: float
    totalTransactions: int
    createdAt: AWSDateTime
    updatedAt: AWSDateTime
    isActive: bool | None

    services = has_many("Service", "byUserId")
    requestsMade = has_many("ServiceRequest", "byRequesterId")
    requestsReceived = has_many("ServiceRequest", "byProviderId")
    escrowsFrom = has_many("Escrow", "byFromUserId")
    escrowsTo = has_many("Escrow", "byToUserId")
    balance = has_one("UserBalance", "id")
    transactionLogs = has_many("TransactionLog", "byUserId")
    disputesRaised = has_many("Dispute", "byRaisedBy")
