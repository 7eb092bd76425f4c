"""What an attack is: a function that attacks a server and says how it was refused, and what it may cost."""

import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import orjson

from resolvers.hosting.demo_data import sub_of
from tests.integration.conftest import CREATE_USER
from tests.security import wire
from tests.security.measuring import CPU_LIMIT, Target

T = TypeVar("T")

_LATEST = 60.0
_SERVER_ERROR, _UNAVAILABLE = 500, 503
# By default each client would read all authorities, which takes longer than most attacks.
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_sources = count(2)


class UnrefusedError(AssertionError):
    """An attack had an effect that it must not have."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    Attributes:
        finding: of issue 10.
        kind: of attack.
        name: the input.
        run: attacks, and returns how that was refused.
        cpu: seconds of the server's CPU that it may cost; floods also cost what is admitted of them.
        joined: whether the attacker is a member.
        slow: whether it waits for one of the server's deadlines.
    """

    finding: int
    kind: str
    name: str
    run: "Run"
    cpu: float = CPU_LIMIT
    joined: bool = False
    slow: bool = False

    def __str__(self) -> str:
        return f"{self.finding} {self.kind}: {self.name}"


class Attacker:
    """Somebody with a loopback address and a name of their own, so that no two attacks share a caller's limits.

    Args:
        target: the server.
        tries: how often the attack was tried before; as many blanks make each document a new one for the server,
            which remembers those that it has read.
    """

    def __init__(self, target: Target, tries: int = 0) -> None:
        self.target = target
        self._tries = tries
        self.name = f"mallory-{uuid4().hex[:12]}"
        number = next(_sources)
        self.source = f"127.66.{number // 250 % 250}.{number % 250 + 1}"
        self.token = target.token(self.name)

    @property
    def sub(self) -> str:
        """Return the attacker's id."""
        return sub_of(self.name)

    def profile(self, **changes: Any) -> dict[str, Any]:
        """Return the input with which they join."""
        return {
            "id": self.sub,
            "email": f"{self.name}@example.org",
            "username": self.name,
            "firstName": "Mallory",
            "lastName": "Tester",
            "bankHours": 0.0,
            "skills": [],
            "rating": 0.0,
            "totalTransactions": 0,
            **changes,
        }

    async def join(self) -> None:
        """Become a member."""
        answer = await self.post(CREATE_USER, {"input": self.profile()})
        assert b'"errors"' not in answer.content, answer.text

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """Return an HTTP client of theirs; without a token an anonymous one, by default with their own."""
        token = self.token if token is None else token
        return httpx.AsyncClient(
            base_url=self.target.url,
            headers={"Authorization": token} if token else {},
            transport=httpx.AsyncHTTPTransport(local_address=self.source, verify=_NO_AUTHORITIES),
            timeout=_LATEST,
        )

    async def post(
        self, query: str, variables: Mapping[str, Any] | None = None, *, token: str | None = None, **headers: str
    ) -> httpx.Response:
        """Send an operation and return the answer; names of headers are written with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client(token) as client:
            body = wire.operation(query + " " * self._tries, variables)
            return await client.post(
                "/graphql", content=body, headers={"Content-Type": "application/json", **named}
            )

    async def ask(
        self, query: str, variables: Mapping[str, Any] | None = None, *, token: str | None = None, **headers: str
    ) -> str:
        """Send an operation and return the outcome."""
        return outcome(await self.post(query, variables, token=token, **headers))

    async def send(self, data: bytes, *, within: float = 15) -> str:
        """Send bytes on a connection of their own; the server must close it in time.

        Raises:
            UnrefusedError: it stays open.
        """
        async with wire.connected(self.target, source=self.source) as opened:
            return await finish(opened, data, within=within)

    async def upgrade(self, data: bytes, protocol: str = wire.TRANSPORT_WS, *, within: float = 15) -> str:
        """Open a socket, send bytes without reading on, and return how the server closes it."""
        path = "/graphql" if protocol == wire.TRANSPORT_WS else "/graphql/realtime"
        async with wire.upgraded(self.target, protocol, path, source=self.source) as opened:
            return await finish(opened, data, within=within)


Run = Callable[[Attacker], Awaitable[str]]


async def finish(opened: wire.Wire, data: bytes, *, within: float) -> str:
    """Send bytes, then read until the server closes; return its last words.

    Raises:
        UnrefusedError: it does not close in time.
    """
    await opened.send(data)
    said = await opened.rest(within=within)
    if not (opened.reader.at_eof() or opened.reader.exception()) and not await opened.is_closed(within=0.1):
        raise UnrefusedError(f"after {within:.0f} s it is still open; it said {said[:80]!r}")
    return last_words(said)


def last_words(said: bytes) -> str:
    """Return what a server said before it closed, in short.

    Raises:
        UnrefusedError: it owned to an error of its own.
    """
    if said.startswith(b"HTTP/"):
        status = int(said[9:12])
        _check(status, said)
        return f"{status}{_type_of(said)}"
    _check(0, said)
    if len(said) >= 4 and said[-4] & 0x0F == wire.CLOSE and said[-3] == 2:
        return f"close {int.from_bytes(said[-2:])}"
    at = said.rfind(b"\x88")
    if at >= 0 and len(said) >= at + 4:
        return f"close {int.from_bytes(said[at + 2 : at + 4])}"
    return "closed"


def outcome(answer: httpx.Response) -> str:
    """Return how a request was answered.

    Raises:
        UnrefusedError: by an error of the server's own.
    """
    _check(answer.status_code, answer.content)
    return f"{answer.status_code}{_type_of(answer.content)}" + (
        "" if b'"errors"' in answer.content or not answer.is_success else " answered"
    )


def only_refused(said: str) -> str:
    """Return an outcome that must be a refusal.

    Raises:
        UnrefusedError: it is none.
    """
    if "answered" in said:
        raise UnrefusedError(said)
    return said


def _check(status: int, said: bytes) -> None:
    if (status >= _SERVER_ERROR and status != _UNAVAILABLE) or b"InternalFailure" in said:
        raise UnrefusedError(f"an error of the server's own: {status} {said[-300:]!r}")


def _type_of(said: bytes) -> str:
    at = said.find(b'"errorType":')
    if at < 0:
        return ""
    return " " + said[at + 12 : at + 60].split(b'"')[1].decode(errors="replace")


@dataclass(eq=False)
class Kind:
    """A kind of attack, to which a module's functions are added.

    Args:
        finding: of issue 10.
        title: what is attacked.
        options: further attributes of its attacks.
    """

    finding: int
    title: str
    options: Mapping[str, Any] = field(default_factory=dict)
    attacks: list[Attack] = field(default_factory=list)

    def each(
        self, inputs: Mapping[str, T], **options: Any
    ) -> Callable[[Callable[[Attacker, T], Awaitable[str]]], Callable[[Attacker, T], Awaitable[str]]]:
        """Decorate a function that attacks with one of several inputs: an attack for each."""

        def add(run: Callable[[Attacker, T], Awaitable[str]]) -> Callable[[Attacker, T], Awaitable[str]]:
            for name, given in inputs.items():
                self._add(name, partial(_with_input, run, given), options)
            return run

        return add

    def one(self, name: str, **options: Any) -> Callable[[Run], Run]:
        """Decorate a function that is an attack."""

        def add(run: Run) -> Run:
            self._add(name, run, options)
            return run

        return add

    def _add(self, name: str, run: Run, options: Mapping[str, Any]) -> None:
        self.attacks.append(Attack(self.finding, self.title, name, run, **{**self.options, **options}))


async def _with_input(run: Callable[[Attacker, T], Awaitable[str]], given: T, attacker: Attacker) -> str:
    return await run(attacker, given)


def worst(outcomes: Sequence[str]) -> str:
    """Return the outcomes of many requests in short, such as `180 × 429, 20 × 200 answered`."""
    return ", ".join(f"{outcomes.count(one)} × {one}" for one in sorted(set(outcomes)))


def json(content: Any) -> bytes:
    """Return JSON."""
    return orjson.dumps(content)
