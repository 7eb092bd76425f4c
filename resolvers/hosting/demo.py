"""Loads the demo data of a local server, each row once: what members have changed or deleted since stays so."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from models import tables
from models.clock import Clock
from models.identifiers import derived
from models.storage.codec import item_of
from models.storage.store import ConditionFailedError, Item, Store, key_of
from models.tables import Table
from models.tables.category import Category
from models.tables.conversation import Conversation
from models.tables.message import Message
from models.tables.skill import Skill
from models.transactions.members import Members
from resolvers.hosting.demo_data import (
    DEMO_CATEGORIES,
    DEMO_MEMBERS,
    DEMO_MESSAGES,
    DEMO_SERVICES,
    DEMO_SKILLS,
    DemoCategory,
    DemoMember,
    DemoService,
    sub_of,
)


async def load_demo(store: Store, members: Members, clock: Clock) -> None:
    """Create the demo members, what they offer, and what they have written to each other."""
    now = clock()
    for member in DEMO_MEMBERS:
        await members.join(_member_item(member, now))
    rows = [
        *((tables.Service, _service_row(service)) for service in DEMO_SERVICES),
        *((Category, _category_row(category)) for category in DEMO_CATEGORIES),
        *((Skill, _skill_row(name, category)) for name, category in DEMO_SKILLS),
    ]
    for table, row in rows:
        await _put_once(store, table, row, now)
    for table, row, written_at in _conversations(now):
        await _put_once(store, table, row, written_at)


async def _put_once(store: Store, table: type[Table], row: Mapping[str, Any], now: datetime) -> None:
    """Write a row, unless one with its key is stored already."""
    item = item_of(table, **row, createdAt=now, updatedAt=now)
    try:
        await store.put(table, item, condition=key_of(table).does_not_exist())
    except ConditionFailedError:
        return


def _member_item(member: DemoMember, now: datetime) -> Item:
    return item_of(
        tables.User,
        id=member.sub,
        cognitoId=member.sub,
        email=member.email,
        username=member.username,
        firstName=member.first_name,
        lastName=member.last_name,
        bankHours=Decimal("0.00"),
        skills=list(member.skills),
        bio=member.bio,
        rating=0.0,
        totalTransactions=0,
        createdAt=now,
        updatedAt=now,
    )


def _service_row(service: DemoService) -> Mapping[str, Any]:
    return {
        "id": service.id,
        "userId": sub_of(service.provider),
        "title": service.title,
        "description": service.description,
        "category": service.category,
        "hourlyRate": service.hourly_rate,
        "hourlyDuration": service.hours,
        "isActive": True,
        "tags": list(service.tags),
    }


def _category_row(category: DemoCategory) -> Mapping[str, Any]:
    return {
        "id": derived("demo category", category.name),
        "name": category.name,
        "description": category.description,
        "icon": category.icon,
        "color": category.color,
        "isActive": True,
    }


def _skill_row(name: str, category: str) -> Mapping[str, Any]:
    return {"id": derived("demo skill", name), "name": name, "category": category, "isActive": True}


def _conversations(now: datetime) -> list[tuple[type[Table], Mapping[str, Any], datetime]]:
    """Return the rows of the messages, a minute apart, and of their conversations; each with its date."""
    rows: list[tuple[type[Table], Mapping[str, Any], datetime]] = []
    conversations: dict[str, tuple[Mapping[str, Any], datetime]] = {}
    begun = now - timedelta(minutes=len(DEMO_MESSAGES))
    for number, message in enumerate(DEMO_MESSAGES):
        pair = sorted((message.sender, message.receiver))
        conversation, written_at = derived("demo conversation", *pair), begun + timedelta(minutes=number)
        key = derived("demo message", str(number))
        sent = {"senderId": sub_of(message.sender), "receiverId": sub_of(message.receiver)}
        text = {"content": message.content, "messageType": "TEXT", "isRead": False}
        rows.append((Message, {"id": key, "conversationId": conversation, **sent, **text}, written_at))
        users = {"user1Id": sub_of(pair[0]), "user2Id": sub_of(pair[1])}
        last = {"lastMessageId": key, "lastMessageAt": written_at}
        conversations[conversation] = ({"id": conversation, **users, **last}, written_at)
    return rows + [(Conversation, row, written_at) for row, written_at in conversations.values()]
