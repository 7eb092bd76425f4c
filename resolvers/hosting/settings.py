"""The settings of one server; those of the whole deployment are in `models.settings`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.idempotency import CLAIMED_FOR
from models.storage.breaker import AwsLimits
from models.storage.lines import LineLimits
from resolvers.feed.limits import SubscriptionLimits
from resolvers.functions.calls import FunctionLimits
from resolvers.hosting.connections.limits import ConnectionLimits
from resolvers.identity.claims import TokenLimits
from resolvers.identity.keys import IssuerLimits
from resolvers.middleware.allowed_hosts import ADDRESSES, ANY, THIS_MACHINE
from resolvers.rates.limits import RateLimits
from resolvers.security_log import SecurityLogLimits
from schema.documents.limits import Limits
from schema.documents.metering import AnswerLimits

_HOUSE = Path(__file__).parents[2]
# Where a local server keeps everything; those of other apps than HourBank have a folder each in it.
LOCAL = _HOUSE / ".local"
# The pages that may call a local server, if no others are named.
LOCAL_ORIGINS = (
    # `ng serve`, with `--ssl` or without.
    *(f"{scheme}://{host}:4200" for scheme in ("http", "https") for host in ("localhost", "127.0.0.1")),
    "http://localhost:8100",  # `ionic serve`
    "https://localhost",  # Capacitor on Android
    "capacitor://localhost",  # Capacitor on iOS
)


def _split(value: object) -> object:
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


_List = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
# A shorter key could be guessed; AppSync's have 30 characters.
_KEY_CHARACTERS = 20


def _unguessable(key: SecretStr) -> SecretStr:
    if len(key) < _KEY_CHARACTERS:
        raise PydanticCustomError("short_key", f"A key must have {_KEY_CHARACTERS} characters or more")
    return key


_Key = Annotated[SecretStr, AfterValidator(_unguessable)]


def _named(clients: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
    if others.data.get("user_pool") and not clients:
        raise PydanticCustomError("no_client", "Name the app clients whose tokens of the user pool are accepted")
    return clients


# Texts that mean something else if they are empty: this folder, every address, a key that anybody can guess.
_UNSET_IF_EMPTY = ("host", "local", "page_secret")


def _not_empty(path: object) -> object:
    # Without the variable every operation runs, so that an empty one must not count as none.
    if path == "":
        raise PydanticCustomError("no_path", "Name a file or folder, or leave the variable out")
    return path


# What clients are told of the schema, and the pages for browsers.
_SHOWN = ("introspection", "suggestions", "graphiql", "console")


class ServerSettings(BaseSettings):
    """The settings of one server, from `HOURBANK_*` environment variables."""

    model_config = SettingsConfigDict(
        env_prefix="HOURBANK_", frozen=True, env_nested_delimiter="_", env_nested_max_split=1
    )

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535, validation_alias="PORT")
    local: Path = LOCAL
    function_threads: int = Field(64, ge=1, le=1024)
    # The Cognito user pool whose tokens are accepted, and the app clients that may get them there. A local server
    # accepts them beside those of its own pool.
    user_pool: str | None = Field(None, pattern=r"^[a-z0-9-]+_[0-9A-Za-z]+$", max_length=55)
    # Lists are separated by commas.
    user_pool_clients: Annotated[_List, AfterValidator(_named)] = Field((), validate_default=True)
    # Whether a server on AWS accepts the tokens of this machine's own issuer; a local server always does.
    local_tokens: bool = False
    # Other origins whose pages may call the server; by default a local one allows `LOCAL_ORIGINS`.
    allowed_origins: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_split)] = None
    # The names under which the server may be called, without port; `*.example.org` for all below it, `addresses`
    # for every address, `*` for any. By default those of this machine locally, and any on AWS.
    allowed_hosts: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_split)] = None
    # Seconds for which browsers shall use TLS only (HSTS); 0 for none. By default a year for what came over TLS,
    # and nothing for `localhost`. Set it where a balancer ends TLS: then its `X-Forwarded-Proto` counts.
    strict_transport: int | None = Field(None, ge=0, le=2 * 365 * 24 * 3600)
    # What clients are told of the schema; by default everything locally, nothing on AWS. Admins may always ask.
    introspection: bool | None = None
    suggestions: bool | None = None
    graphiql: bool | None = None
    # Whether there is a page at /console; it shows what the caller whose token it is given may see.
    console: bool | None = None
    # A file or folder of the only operations that run; see `schema.documents.trusted`.
    trusted_documents: Annotated[Path | None, BeforeValidator(_not_empty)] = None
    # Whether queries of rows are answered by their plans (see `resolvers.plans`), and events once for all who get
    # the same (see `resolvers.push`).
    fast_path: bool = True
    # How the log is written; by default lines for people locally, JSON on AWS.
    log_format: Literal["console", "json"] | None = None
    # Whether each query leaves a line in the log, or only those that failed or took so many seconds. Mutations do.
    log_reads: bool = False
    log_slow: float = Field(1.0, gt=0, le=60)
    # Whether OpenTelemetry's traces are sent; by default if OTEL_EXPORTER_OTLP_ENDPOINT says where.
    traces: bool | None = None
    # Encrypts page tokens; the same on all servers of a deployment, so that each can continue after a page from
    # another. By default a server on AWS reads the deployment's secret, and a local one keeps its own.
    page_secret: SecretStr | None = None
    # Seconds that a mutation with an Idempotency-Key may run before a repetition runs it again.
    idempotency_claim: float = Field(CLAIMED_FOR.total_seconds(), gt=0, le=300)
    # The keys of applications, which may read the schema only, or what is public if guests are admitted.
    api_keys: Annotated[tuple[_Key, ...], NoDecode, BeforeValidator(_split)] = ()
    guests: bool = False
    # Whoever sends it may read `/metrics`; without one, this machine may. See `resolvers.hosting.metrics.page`.
    metrics_token: _Key | None = None
    # The limits of documents, by the names in `Limits`: HOURBANK_MAX_DEPTH=10, HOURBANK_MAX_ROOT_FIELDS=5.
    limits: Limits = Field(Limits(), validation_alias="HOURBANK_MAX")
    security_log: SecurityLogLimits = Field(SecurityLogLimits(), validation_alias="HOURBANK_LOG_LINES")
    # The limits of connections: HOURBANK_CONNECTIONS_TOTAL=2000, HOURBANK_CONNECTIONS_HEADER_SECONDS=5.
    connections: ConnectionLimits = ConnectionLimits()
    # Addresses or networks of proxies in front of the server; the last address in their X-Forwarded-For that is
    # not one of them is the client's.
    trusted_proxies: _List = ()
    # The limits of answers: HOURBANK_ANSWER_BYTES=1000000, HOURBANK_ANSWER_SECONDS=30.
    answer: AnswerLimits = AnswerLimits()
    # What the functions of an imported app may take: HOURBANK_FUNCTIONS_SECONDS=20.
    functions: FunctionLimits = FunctionLimits()
    # What tokens and the keys of their issuers may cost: HOURBANK_TOKENS_BYTES=4096, HOURBANK_ISSUERS_AGE=300.
    tokens: TokenLimits = TokenLimits()
    issuers: IssuerLimits = IssuerLimits()
    # How long clients wait for AWS: HOURBANK_AWS_CALL_SECONDS=1.
    aws: AwsLimits = Field(AwsLimits(), validation_alias="HOURBANK_AWS")
    # How many may wait for one account: HOURBANK_LINE_WAITING=200.
    line: LineLimits = Field(LineLimits(), validation_alias="HOURBANK_LINE")
    # How much each caller may ask for, by the names in `RateLimits`: HOURBANK_RATE_MUTATIONS=600. Of several
    # servers, each allows its share: HOURBANK_RATE_SERVERS=3; or they share a counter,
    # to which each adds after each tenth of a rate: HOURBANK_RATE_SHARED_PARTS=10.
    rates: RateLimits = Field(RateLimits(), validation_alias="HOURBANK_RATE")
    # What subscriptions may take, by the names in `SubscriptionLimits`: HOURBANK_SUBSCRIPTIONS_OPERATORS=20.
    subscriptions: SubscriptionLimits = Field(SubscriptionLimits(), validation_alias="HOURBANK_SUBSCRIPTIONS")
    # Seconds between two reads of a table's stream. AWS allows five a second for all readers together.
    feed_interval: float = Field(0.1, gt=0, le=10)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, values: dict[str, object]) -> dict[str, object]:
        """Let the defaults hold where a variable is set and empty."""
        return {name: value for name, value in values.items() if value != "" or name not in _UNSET_IF_EMPTY}

    def with_key(self, key: str | None) -> Self:
        """Return the settings with one more key of applications; None for no more."""
        return self if key is None else self.model_copy(update={"api_keys": (*self.api_keys, SecretStr(key))})

    def with_defaults(self, *, is_local: bool) -> Self:
        """Return the settings with those filled in that depend on where the server runs."""
        shown = {name: is_local for name in _SHOWN if getattr(self, name) is None}
        lists: dict[str, tuple[str, ...]] = {}
        if self.allowed_origins is None:
            lists["allowed_origins"] = LOCAL_ORIGINS if is_local else ()
        if self.allowed_hosts is None:
            lists["allowed_hosts"] = (*THIS_MACHINE, ADDRESSES, self.host) if is_local else (ANY,)
        log_format = self.log_format or ("console" if is_local else "json")
        return self.model_copy(update={**shown, **lists, "log_format": log_format})
