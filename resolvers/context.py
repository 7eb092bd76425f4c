"""What a resolver knows about the request that it answers: who is asking, and where rows come from."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import cast
from uuid import uuid4

from models.identifiers import derived
from models.storage.store import Item, Store
from resolvers.identity.callers import Caller, Standing
from resolvers.identity.membership import Membership
from resolvers.rates.rates import key_of_address, key_of_caller
from resolvers.row_reads import RowReads
from schema.amplify.resolver import AnyInfo
from schema.errors import UnauthorizedError


@dataclass
class RequestContext:
    """One HTTP request, one socket with all its operations, or one subscription of AppSync's protocol.

    Args:
        store: the tables.
        caller: who is asking; None if unknown. A socket learns it from its first message.
        headers: the request's headers.
        connection_params: what a socket's first message carried.
        cause: what new ids are derived from, if the client sent an idempotency key and may repeat the request.
        membership: who is a member; without it, everybody who is signed in.
        host: the client's address.
    """

    store: Store
    caller: Caller | None
    headers: Mapping[str, str]
    connection_params: dict[str, object] | None = None
    cause: str | None = None
    membership: Membership | None = None
    host: str | None = None
    _identity: Caller | None = field(init=False)
    # Made when they are needed: most sockets and subscriptions that wait for events need none.
    _until_closed: ExitStack | None = field(init=False, default=None)
    _listening: asyncio.Event | None = field(init=False, default=None)
    _rows: RowReads | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._identity = self.caller

    @property
    def until_closed(self) -> ExitStack:
        """Return what a socket holds until it is closed."""
        if self._until_closed is None:
            self._until_closed = ExitStack()
        return self._until_closed

    @property
    def listening(self) -> asyncio.Event:
        """Return what a subscription sets as soon as it will receive every change that is written from then on."""
        if self._listening is None:
            self._listening = asyncio.Event()
        return self._listening

    @property
    def rows(self) -> RowReads:
        """Return what reads rows by their keys, in batches."""
        if self._rows is None:
            self._rows = RowReads(self.store.batch_get)
        return self._rows

    def held_reads(self) -> AbstractContextManager[None]:
        """Hold reads back while an operation begins one field after the other, so that they make one batch."""
        return self.rows.held()

    @property
    def payer(self) -> str:
        """Return the key by which the caller's rates are counted."""
        return key_of_caller(self.caller, self.host)

    @property
    def address(self) -> str:
        """Return the key by which the rates of the client's address are counted."""
        return key_of_address(self.host)

    async def identify(self, caller: Caller | None) -> None:
        """Set who is asking."""
        self.caller = self._identity = caller
        await self.check_membership()

    async def check_membership(self) -> None:
        """Look up whether the caller is a member now, which may change while a socket is open."""
        if self.membership is not None and self._identity is not None:
            self.caller = await self.membership.of(self._identity)

    def recall_membership(self) -> bool:
        """Set who the caller is now, if that need not be looked up; return whether it need not."""
        if self.membership is None or self._identity is None:
            return True
        known = self.membership.recall(self._identity)
        if known is None:
            return False
        self.caller = known
        return True

    def judge_membership(self, row: Item | None) -> None:
        """Set who the caller is by their row of `User`, which was just read consistently."""
        if self.membership is not None and self._identity is not None:
            self.caller = self.membership.judge(self._identity, row)

    def new_id(self, info: AnyInfo) -> str:
        """Return an id for a row that the client gave none; if the request is repeated, the same id again."""
        return str(uuid4()) if self.cause is None else derived(self.cause, *info.path.as_list())


def context_of(info: AnyInfo) -> RequestContext:
    """Return the context that a field is resolved in."""
    return cast("RequestContext", info.context)


def caller_of(info: AnyInfo) -> Caller:
    """Return who is asking: a member, a newcomer or a guest, of whom the type's rules decide.

    Raises:
        UnauthorizedError: the caller is unknown, or their token has expired while their socket was open.
    """
    caller = context_of(info).caller
    if caller is None:
        raise UnauthorizedError.of(info)
    if caller.has_expired:
        raise UnauthorizedError("Token expired")
    return caller


def signed_in(info: AnyInfo) -> Caller:
    """Return the member, or the administrator, who is asking.

    Raises:
        UnauthorizedError: the caller is neither, or unknown, or their token has expired.
    """
    caller = caller_of(info)
    if caller.standing is not Standing.MEMBER and not is_admin(caller):
        raise UnauthorizedError.of(info)
    return caller


_GROUP = "admin"


def is_admin(caller: Caller) -> bool:
    """Return whether a caller is an administrator."""
    return _GROUP in caller.groups


def signed_in_admin(info: AnyInfo) -> Caller:
    """Return the administrator who is asking.

    Raises:
        UnauthorizedError: the caller is not an administrator.
    """
    caller = signed_in(info)
    if not is_admin(caller):
        raise UnauthorizedError.of(info)
    return caller
