"""The subscriptions that the app's own schema declares, each to the rows of one member or of one service."""

from collections.abc import AsyncIterator

import strawberry

from models.changes import ChangeKind
from models.storage.store import Item
from resolvers.context import signed_in
from resolvers.mirror.authorization import is_owner
from resolvers.mirror.subscriptions import Subscriptions, own_pins
from resolvers.operations.fields import subscription_type
from schema.amplify.resolver import AnyInfo
from schema.errors import UnauthorizedError
from schema.types import CATALOGUE
from schema.types.booking import Booking
from schema.types.message import Message
from schema.types.notification import Notification
from schema.types.service_schedule import ServiceSchedule
from schema.types.transaction import Transaction

_NEW = frozenset({ChangeKind.CREATE})
_WRITTEN = frozenset({ChangeKind.CREATE, ChangeKind.UPDATE})
_CHANGED = frozenset(ChangeKind)


class UpdateSubscriptions:
    """The subscriptions to a member's own rows, and to a service's schedule."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions

    def on_transaction_update(self, info: AnyInfo, user_id: strawberry.ID) -> AsyncIterator[Item]:
        """The caller's exchanges, as provider or as consumer: each that begins, and every change."""
        return self._own("Transaction", _WRITTEN, info, user_id, "providerId", "consumerId")

    def on_new_message(self, info: AnyInfo, user_id: strawberry.ID) -> AsyncIterator[Item]:
        """New messages to the caller, and those that the caller sends, on whichever device."""
        return self._own("Message", _NEW, info, user_id, "receiverId", "senderId")

    def on_new_notification(self, info: AnyInfo, user_id: strawberry.ID) -> AsyncIterator[Item]:
        """New notifications to the caller."""
        return self._own("Notification", _NEW, info, user_id, "userId")

    def on_booking_update(self, info: AnyInfo, user_id: strawberry.ID) -> AsyncIterator[Item]:
        """The caller's appointments, as provider or as consumer: each new one, and every change."""
        return self._own("Booking", _WRITTEN, info, user_id, "providerId", "consumerId")

    def on_schedule_update(self, info: AnyInfo, service_id: strawberry.ID) -> AsyncIterator[Item]:
        """A service's weekly hours: each that is added, changed or removed."""
        signed_in(info)
        wanted, pins = {"S": service_id}, [("serviceId", str(service_id))]
        model = CATALOGUE.models["ServiceSchedule"]
        return self._subscriptions.rows(model, _CHANGED, info, lambda row: row["serviceId"] == wanted, pins)

    def _own(
        self, type_name: str, kinds: frozenset[ChangeKind], info: AnyInfo, user_id: str, *fields: str
    ) -> AsyncIterator[Item]:
        """Return the changed rows of a type that name the caller in one of these fields.

        Raises:
            UnauthorizedError: `user_id` is not the caller.
        """
        caller = signed_in(info)
        if not is_owner(caller, user_id):
            raise UnauthorizedError.of(info)
        return self._subscriptions.rows(
            CATALOGUE.models[type_name],
            kinds,
            info,
            lambda row: any(is_owner(caller, row.get(field, {}).get("S")) for field in fields),
            own_pins(caller, fields),
        )


def subscriptions(mirrored: Subscriptions) -> type:
    """Return the app's own subscriptions, as a Strawberry type."""
    resolvers = UpdateSubscriptions(mirrored)
    return subscription_type(
        "UpdateSubscriptions",
        {
            resolvers.on_transaction_update: Transaction | None,
            resolvers.on_new_message: Message | None,
            resolvers.on_new_notification: Notification | None,
            resolvers.on_booking_update: Booking | None,
            resolvers.on_schedule_update: ServiceSchedule | None,
        },
    )
