"""A member."""

from strawberry import ID

from models import tables
from models.requests.reputation import HIGHEST
from models.transactions.members import WELCOME_BONUS
from schema.amplify.bounds import NAME, Between, Key, OneOf
from schema.amplify.declaration import SET_BY_SERVER, Protection, has_many, has_one
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, Operation, groups, owner, private, public
from schema.scalars import AWSDateTime

# What a time bank shows of its members to whoever looks in.
_PUBLIC_FACE = (
    "id",
    "username",
    "firstName",
    "lastName",
    "bio",
    "skills",
    "profilePicture",
    "rating",
    "totalTransactions",
    "createdAt",
    "updatedAt",
)


@mirrored(
    table=tables.User,
    rules=[
        owner("id", {Operation.CREATE}, is_for_newcomers=True),
        owner("id", {Operation.READ, Operation.UPDATE}),
        private(READING, instead={"email": "", "cognitoId": None}),
        public(fields=_PUBLIC_FACE),
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
        # Clients that Amplify generated must send these two, and send what they show to a new member.
        "bankHours": Protection(initial=0, use="processDirectTransfer", accepts=OneOf((0, float(WELCOME_BONUS)))),
        "rating": Protection(initial=0, use="createRating", accepts=Between(0, HIGHEST)),
        "totalTransactions": Protection(initial=0, use="confirmServiceCompletion"),
        "cognitoId": SET_BY_SERVER,
        "isActive": Protection(initial=True, use="an admin's updateUser", groups=frozenset({"admin"})),
    },
)
class User:
    """A member; `id` and `cognitoId` are the Cognito `sub`, `bankHours` is the balance's total."""

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
    providedTransactions = has_many("Transaction", "byProviderId")
    consumedTransactions = has_many("Transaction", "byConsumerId")
    givenRatings = has_many("Rating", "byRaterId")
    receivedRatings = has_many("Rating", "byRatedUserId")
    notifications = has_many("Notification", "byUserId")
    sentMessages = has_many("Message", "bySenderId")
    receivedMessages = has_many("Message", "byReceiverId")
    conversationsAsUser1 = has_many("Conversation", "byUser1Id")
    conversationsAsUser2 = has_many("Conversation", "byUser2Id")
    reportsMade = has_many("Report", "byReporterId")
    reportsReceived = has_many("Report", "byReportedUserId")
    schedules = has_many("ServiceSchedule", "byUserId")
    providedBookings = has_many("Booking", "byProviderId")
    consumedBookings = has_many("Booking", "byConsumerId")
    scheduleExceptions = has_many("ScheduleException", "byUserId")
