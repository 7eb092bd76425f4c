"""The members and services that a local server starts with; their ids are the same at every start."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from pynamodb.expressions.operand import Path

from models import tables
from models.clock import Clock
from models.identifiers import derived
from models.storage.codec import item_of
from models.storage.store import ConditionFailedError, Item, Store
from models.transactions.members import Members
from resolvers.identity.issuer import LocalIssuer


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


@dataclass(frozen=True, slots=True)
class DemoService:
    """A service that a demo member offers."""

    provider: str
    title: str
    description: str
    category: str
    hourly_rate: Decimal
    tags: tuple[str, ...]

    @property
    def id(self) -> str:
        """Return the service's id."""
        return derived("demo service", self.provider, self.title)


def sub_of(username: str) -> str:
    """Return the Cognito subject of the local member of that name, which is the same at every start."""
    return derived("local member", username)


DEMO_MEMBERS = (
    DemoMember("alice", "Alice", "Archer", "Has a garden and too little time.", ("baking",)),
    DemoMember("bob", "Bob", "Brook", "Green thumb, strong back.", ("gardening", "carpentry")),
    DemoMember("carol", "Carol", "Chen", "Plays the cello, and teaches it.", ("music",)),
    DemoMember("admin", "Ada", "Admin", "Looks after HourBank.", groups=frozenset({"admin"})),
)

DEMO_SERVICES = (
    DemoService(
        "bob", "Garden help", "Weeding, mowing, hedges.", "garden", Decimal("1.00"), ("garden", "outdoors")
    ),
    DemoService(
        "bob", "Shelf building", "Shelves to measure, wood included.", "crafts", Decimal("1.50"), ("wood",)
    ),
    DemoService("bob", "Bicycle repair", "Brakes, gears, punctures.", "crafts", Decimal("0.50"), ("bicycle",)),
)


def sign_in(issuer: LocalIssuer) -> Mapping[str, Callable[[], str]]:
    """Return, for each demo member's name, the function that mints their token."""
    return {
        member.username: partial(issuer.mint, member.sub, member.username, member.groups)
        for member in DEMO_MEMBERS
    }


async def load_demo(store: Store, members: Members, clock: Clock) -> None:
    """Create the demo members and their services; rows that exist already are left unchanged."""
    for member in DEMO_MEMBERS:
        await members.join(_member_item(member, clock))
    for service in DEMO_SERVICES:
        await _create_service(store, service, clock)


def _member_item(member: DemoMember, clock: Clock) -> Item:
    return item_of(
        tables.User,
        id=member.sub,
        email=f"{member.username}@example.org",
        username=member.username,
        cognitoId=member.sub,
        firstName=member.first_name,
        lastName=member.last_name,
        bankHours=Decimal("0.00"),
        skills=list(member.skills),
        bio=member.bio,
        rating=0.0,
        totalTransactions=0,
        createdAt=clock(),
        updatedAt=clock(),
    )


async def _create_service(store: Store, service: DemoService, clock: Clock) -> None:
    item = item_of(
        tables.Service,
        id=service.id,
        userId=sub_of(service.provider),
        title=service.title,
        description=service.description,
        category=service.category,
        hourlyRate=service.hourly_rate,
        isActive=True,
        tags=list(service.tags),
        createdAt=clock(),
        updatedAt=clock(),
    )
    named = {**item, "__typename": {"S": "Service"}}
    try:
        await store.put(tables.Service, named, condition=tables.Service.id.does_not_exist())
    except ConditionFailedError as error:
        if error.item is not None and "__typename" not in error.item:  # an older server's; no search would find it
            actions = [Path(["__typename"]).set({"S": "Service"})]
            await store.update(tables.Service, service.id, actions, condition=tables.Service.id.exists())
