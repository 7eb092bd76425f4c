"""The members, services and messages that a local server starts with; their ids are the same at every start."""

from dataclasses import dataclass
from decimal import Decimal

from models.hours import Hours, priced
from models.identifiers import derived


@dataclass(frozen=True, slots=True)
class DemoMember:
    """A demo member, whose `sub` is derived from the name."""

    username: str
    first_name: str
    last_name: str
    bio: str
    skills: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()

    @property
    def sub(self) -> str:
        """Return the member's Cognito subject."""
        return sub_of(self.username)

    @property
    def email(self) -> str:
        """Return the member's address."""
        return address_of(self.username)


@dataclass(frozen=True, slots=True)
class DemoService:
    """A service that a demo member offers; `hours` is how long it usually takes."""

    provider: str
    title: str
    description: str
    category: str
    hourly_rate: Decimal
    hours: float
    tags: tuple[str, ...]

    @property
    def id(self) -> str:
        """Return the service's id."""
        return derived("demo service", self.provider, self.title)

    def price(self, hours: Hours) -> Hours:
        """Return what so many hours of the service cost."""
        return priced(hours, self.hourly_rate)


@dataclass(frozen=True, slots=True)
class DemoCategory:
    """A kind of service, as the app's screens name and sort them."""

    name: str
    icon: str
    color: str
    description: str


@dataclass(frozen=True, slots=True)
class DemoMessage:
    """A message of the conversation between two demo members."""

    sender: str
    receiver: str
    content: str


@dataclass(frozen=True, slots=True)
class DemoExchange:
    """A service that was done for a demo member, paid and rated."""

    requester: str
    service: DemoService
    hours: Hours
    message: str
    rating: float
    feedback: str

    @property
    def id(self) -> str:
        """Return the request's id."""
        return derived("demo exchange", self.requester, self.service.id)


@dataclass(frozen=True, slots=True)
class DemoBooking:
    """An appointment between demo members, from and until a time of day such as `10:00`."""

    consumer: str
    service: DemoService
    starts: str
    ends: str
    hours: Hours
    notes: str

    @property
    def id(self) -> str:
        """Return the booking's id."""
        return derived("demo booking", self.consumer, self.service.id)


def address_of(username: str) -> str:
    """Return the e-mail address of the local member of that name."""
    return f"{username}@example.org"


def sub_of(username: str) -> str:
    """Return the Cognito subject of the local member of that name, which is the same at every start."""
    return derived("local member", username)


# With which they sign in at the local user pool, which only programs of this machine can reach.
DEMO_PASSWORD = "hourbank"  # noqa: S105 — no secret

DEMO_MEMBERS = (
    DemoMember("alice", "Alice", "Archer", "Has a garden and too little time.", ("baking",)),
    DemoMember("bob", "Bob", "Brook", "Green thumb, strong back.", ("gardening", "carpentry")),
    DemoMember("carol", "Carol", "Chen", "Plays the cello, and teaches it.", ("music",)),
    DemoMember("dan", "Dan", "Dupont", "Sets up computers, and explains them.", ("computers", "web design")),
    DemoMember("emma", "Emma", "Ek", "Speaks four languages and runs before breakfast.", ("languages", "running")),
    DemoMember("admin", "Ada", "Admin", "Looks after HourBank.", groups=frozenset({"admin"})),
)

_ONE, _HALF, _ONE_AND_A_HALF = Decimal("1.00"), Decimal("0.50"), Decimal("1.50")
DEMO_SERVICES = (
    DemoService(
        "bob", "Garden help", "Weeding, mowing, hedges.", "Home & Garden", _ONE, 2.0, ("garden", "outdoors")
    ),
    DemoService(
        "bob", "Shelf building", "To measure, wood included.", "Home & Garden", _ONE_AND_A_HALF, 3.0, ("wood",)
    ),
    DemoService("bob", "Bicycle repair", "Brakes, gears, punctures.", "Transportation", _HALF, 1.0, ("bicycle",)),
    DemoService("alice", "Birthday cakes", "Any flavour, any shape.", "Other", _ONE, 2.0, ("baking",)),
    DemoService("carol", "Cello lessons", "For beginners, any age.", "Creative", _ONE, 1.0, ("music", "lessons")),
    DemoService("dan", "Website set-up", "A page of your own, on-line.", "Technology", _ONE, 2.0, ("web",)),
    DemoService("dan", "Bookkeeping basics", "For clubs and small firms.", "Business", _ONE, 1.0, ("accounts",)),
    DemoService("emma", "Spanish conversation", "Over coffee or a walk.", "Education", _ONE, 1.0, ("languages",)),
    DemoService(
        "emma", "Running company", "Easy five kilometres, no watch.", "Health & Wellness", _HALF, 1.0, ("sport",)
    ),
)

_BY_TITLE = {service.title: service for service in DEMO_SERVICES}

DEMO_EXCHANGES = (
    DemoExchange(
        "dan", _BY_TITLE["Spanish conversation"], Hours("2.00"), "Twice an hour?", 5, "Patient and great fun."
    ),
    DemoExchange("emma", _BY_TITLE["Website set-up"], Hours("3.00"), "For my running club.", 4, "It works!"),
)

DEMO_BOOKINGS = (
    DemoBooking("emma", _BY_TITLE["Garden help"], "10:00", "12:00", Hours("2.00"), "The hedge by the road."),
    DemoBooking("alice", _BY_TITLE["Cello lessons"], "15:00", "16:00", Hours("1.00"), "My first lesson."),
)

DEMO_CATEGORIES = (
    DemoCategory("Technology", "💻", "#2563eb", "Computers, phones, websites."),
    DemoCategory("Education", "📚", "#7c3aed", "Languages, lessons, homework."),
    DemoCategory("Creative", "🎨", "#db2777", "Music, design, photographs."),
    DemoCategory("Health & Wellness", "🧘", "#059669", "Sport, cooking, company."),
    DemoCategory("Business", "💼", "#475569", "Accounts, applications, advice."),
    DemoCategory("Home & Garden", "🏡", "#16a34a", "Repairs, plants, moving house."),
    DemoCategory("Transportation", "🚲", "#ea580c", "Lifts, errands, bicycles."),
    DemoCategory("Other", "✨", "#ca8a04", "Whatever else takes an hour."),
)

DEMO_SKILLS = (
    ("gardening", "Home & Garden"),
    ("carpentry", "Home & Garden"),
    ("baking", "Other"),
    ("music", "Creative"),
    ("computers", "Technology"),
    ("web design", "Technology"),
    ("languages", "Education"),
    ("running", "Health & Wellness"),
)

# Each pair of members has one conversation, in this order.
DEMO_MESSAGES = (
    DemoMessage("alice", "bob", "Hello Bob, the hedge has taken over. Would Saturday suit you?"),
    DemoMessage("bob", "alice", "Saturday is fine. I will bring the big shears."),
    DemoMessage("alice", "bob", "Wonderful! There will be cake."),
    DemoMessage("dan", "emma", "¿Qué tal? My Spanish needs some air."),
    DemoMessage("emma", "dan", "¡Claro! Coffee on Thursday?"),
)
