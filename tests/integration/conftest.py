"""A real HourBank for a whole test session: its own local cloud, its own directory, windows of seconds."""

import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast
from uuid import uuid4

import boto3
import httpx
import pytest

from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from models.storage.breaker import AwsLimits
from models.storage.lines import LineLimits
from resolvers.hosting.demo_data import sub_of
from resolvers.identity.issuer import LocalIssuer
from tests.integration.forked_commands import SERVER, Forked
from tests.integration.in_process_server import InProcessServer, running_in_process
from tests.permissions.comparison import not_allowed
from tests.permissions.needs import FILE, recorded
from tests.unit.rates import NO_LIMITS
from workflows.deployment.local.local_cloud import LocalCloud

REPOSITORY = Path(__file__).parents[2]
START_LIMIT = 60.0
STOP_LIMIT = 40.0

# No deadline passes before the tests answer, however slow the machine is.
WINDOWS = {
    f"HOURBANK_{name}_WINDOW": "PT1H" for name in ("RESPONSE", "NEGOTIATION", "CONFIRMATION", "MARK", "DECISION")
}
# Long enough for a person of the tests to answer on a busy machine, short enough to wait for.
SHORT_WINDOWS = {
    "HOURBANK_RESPONSE_WINDOW": "PT6S",
    "HOURBANK_NEGOTIATION_WINDOW": "PT6S",
    "HOURBANK_CONFIRMATION_WINDOW": "PT6S",
    "HOURBANK_MARK_WINDOW": "PT6S",
    "HOURBANK_DECISION_WINDOW": "PT6S",
}

# For tests in which one member does much at once.
LONG_LINES = LineLimits(waiting_each=100)
# The members of the tests do in seconds what an app does in hours.
NO_RATES = {f"HOURBANK_RATE_{name.upper()}": str(most) for name, most in NO_LIMITS.items()}
# With `serve --aws`, too, the members of the tests have tokens of the local issuer.
LOCAL_TOKENS = {"HOURBANK_LOCAL_TOKENS": "true"}
# And a second server hears of changes as the first one does.
STREAMS = {"HOURBANK_FEED": "streams"}

CREATE_USER = "mutation Join($input: CreateUserInput!) { createUser(input: $input) { id } }"


def free_port() -> int:
    """Return a free port that the system gives to no outgoing connection."""
    for port in random.SystemRandom().sample(range(10_000, 32_000), 100):
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise OSError("no port was free")


# The local cloud may be slow to answer beside other tests; as long as it answers, it is not gone.
PATIENT = {"HOURBANK_AWS_CALL_SECONDS": "10"}
# As long as servers wait for AWS if nothing is set, for tests of just that.
PROMPT = {"HOURBANK_AWS_CALL_SECONDS": str(AwsLimits().call_seconds)}


def _is_handed_on(name: str) -> bool:
    """Return whether tests hand a variable of theirs on to the server; one runs them all over graphql-core."""
    return name == "HOURBANK_FAST_PATH" or not name.startswith(("AWS_", "HOURBANK_"))


Process = Forked | subprocess.Popen[bytes]


class Server:
    """`python server.py` as a process, which can be stopped, killed and started again."""

    repository = REPOSITORY
    module = SERVER
    log_name = "server.log"

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.trust = ssl.create_default_context()
        self._environment = {
            **{name: value for name, value in os.environ.items() if _is_handed_on(name)},
            **WINDOWS,
            **PATIENT,
            **NO_RATES,
            **LOCAL_TOKENS,
            **STREAMS,
            **settings,
            "HOURBANK_LOCAL": str(directory),
            "PORT": str(self.port),
        }
        self.process: Process | None = None

    @property
    def log_file(self) -> Path:
        return self.directory / self.log_name

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def start(self, *arguments: str) -> None:
        """Start it and wait until it is ready."""
        process = self.launch(*arguments)
        end = time.monotonic() + START_LIMIT
        while not self.is_ready():
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the server did not start:\n{self.log}")
            time.sleep(0.05)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Set further variables for its next start."""
        self._environment.update(settings)

    def launch(self, *arguments: str) -> Process:
        """Start it without waiting."""
        self.process = self._started(*arguments)
        return self.process

    def _started(self, *arguments: str) -> Process:
        """Start it: a fork, which has imported everything; from a copy of the repository, as a user does."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.repository == REPOSITORY:
            return Forked(self.module, *arguments, environment=self._environment, output=self.log_file)
        with self.log_file.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 — this very interpreter, our own server
                [sys.executable, f"{self.module}.py", *arguments],
                cwd=self.repository,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5, verify=self.trust).status_code == 200
        except httpx.TransportError:
            return False

    def end(self, sign: signal.Signals = signal.SIGINT) -> int:
        """Send a signal, wait for the end, return the exit code."""
        process, self.process = self.process, None
        assert process
        process.send_signal(sign)
        return process.wait(STOP_LIMIT)

    def processes(self) -> list[str]:
        """Return the command lines of the processes that work in this server's directory."""
        lines = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # the process has just ended
                lines.append(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        return [line for line in lines if str(self.directory) in line]

    def stop(self) -> None:
        """Stop it; if it was killed, stop the local cloud that it left behind."""
        if self.process:
            self.end()
        else:
            cloud = LocalCloud(self.directory, Settings())
            cloud.start()
            cloud.stop()


class RecordedServer(Server):
    """A server that notes what it and its functions call at AWS, and with which the template must agree."""

    module = "tests.permissions.recorded_server"

    def __init__(self, directory: Path) -> None:
        self._needs = directory / "needs.jsonl"
        super().__init__(directory, **{FILE: str(self._needs)})

    def stop(self) -> None:
        """Stop it; whatever it did must be allowed."""
        super().stop()
        assert not_allowed(Settings().names, recorded(self._needs)) == []


@dataclass(frozen=True, slots=True)
class Cloud:
    """The session's local cloud, for tests that look behind the API.

    Attributes:
        environment: the environment variables that lead AWS clients to it.
    """

    environment: Mapping[str, str]
    names: Any = field(default_factory=lambda: Settings().names)

    @classmethod
    def of(cls, directory: Path) -> Self:
        """Return the cloud that runs in a server's directory."""
        attached = LocalCloud(directory, Settings())
        attached.attach()
        return cls(attached.environment)

    @property
    def endpoint(self) -> str:
        return self.environment["AWS_ENDPOINT_URL"]

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]  # any service
            service,
            endpoint_url=self.endpoint,
            region_name=self.environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )


@dataclass(frozen=True, slots=True)
class Member:
    """A member who has joined."""

    username: str
    sub: str
    token: str


class RefusedError(AssertionError):
    """The server answered with errors."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(str(errors))
        self.errors = errors

    @property
    def code(self) -> str:
        return str(self.errors[0].get("errorType"))


GraphQL = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = RecordedServer(tmp_path_factory.mktemp("hourbank"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def short_windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield another server, on which every deadline passes within seconds."""
    running = Server(tmp_path_factory.mktemp("hurried"), **SHORT_WINDOWS)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def cloud(server: Server) -> Cloud:
    return Cloud.of(server.directory)


@pytest.fixture(scope="session")
def token_for(server: Server) -> Callable[..., str]:
    return minting(server)


def minting(server: Server) -> Callable[..., str]:
    """Return a function that mints tokens as the server's own issuer does: `("alice")`, `("eve", "admin")`."""
    issuer = LocalIssuer(server.directory)
    return lambda name, *groups: issuer.mint(sub_of(name), name, groups)


@asynccontextmanager
async def asking(server: Server) -> AsyncIterator[GraphQL]:
    """Yield a GraphQL function: given token, query and variables, it returns `data` or raises `RefusedError`."""
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:

        async def ask(token: str, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
            answer = await client.post(
                "/graphql",
                json={"query": query, "variables": variables or {}},
                headers={"Authorization": token},
            )
            body = answer.json()
            if errors := body.get("errors"):
                raise RefusedError(errors)
            return cast("dict[str, Any]", body["data"])

        yield ask


def joining(graphql: GraphQL, token_for: Callable[..., str]) -> Callable[..., Awaitable[Member]]:
    """Return a function that lets a member join, one that no other test knows, and returns them."""

    async def join(role: str, *groups: str) -> Member:
        username = f"{role}-{uuid4().hex[:12]}"
        member = Member(username, sub_of(username), token_for(username, *groups))
        profile = {
            "id": member.sub,
            "email": f"{username}@example.org",
            "username": username,
            "firstName": role.capitalize(),
            "lastName": "Tester",
            "bankHours": 0.0,
            "skills": [],
            "rating": 0.0,
            "totalTransactions": 0,
        }
        await graphql(member.token, CREATE_USER, {"input": profile})
        return member

    return join


@pytest.fixture
async def graphql(server: Server) -> AsyncIterator[GraphQL]:
    async with asking(server) as ask:
        yield ask


@pytest.fixture
async def members(graphql: GraphQL, token_for: Callable[..., str]) -> Callable[..., Awaitable[Member]]:
    return joining(graphql, token_for)


@pytest.fixture
def aws(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """Lead this process's AWS clients to the session's cloud."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    return cloud


@pytest.fixture
async def calls(aws: Cloud) -> AsyncIterator[AsyncCalls]:
    """Yield calls to the session's tables."""
    del aws
    async with AsyncCalls(["dynamodb"], lines=LONG_LINES) as opened:
        yield opened


@pytest.fixture(scope="session")
def key_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the servers of this process keep their issuer's key: to make one takes half a second."""
    return tmp_path_factory.mktemp("issuer")


@pytest.fixture
async def in_process(aws: Cloud, key_directory: Path) -> AsyncIterator[InProcessServer]:
    async with running_in_process(aws.names, key_directory) as running:
        yield running
