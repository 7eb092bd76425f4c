"""The settings of one server; those of the whole deployment are in `models.settings`."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.idempotency import CLAIMED_FOR
from resolvers.feed.limits import SubscriptionLimits
from resolvers.rates.limits import RateLimits
from schema.documents.limits import Limits

_HOUSE = Path(__file__).parents[2]
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


class ServerSettings(BaseSettings):
    """The settings of one server, from `HOURBANK_*` environment variables."""

    model_config = SettingsConfigDict(
        env_prefix="HOURBANK_", frozen=True, env_nested_delimiter="_", env_nested_max_split=1
    )

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535, validation_alias="PORT")
    local: Path = _HOUSE / ".local"
    function_threads: int = Field(64, ge=1, le=1024)
    # The Cognito user pool whose tokens are accepted, and the app clients that may get them there. A local server
    # accepts them beside those of its own pool.
    user_pool: str | None = Field(None, pattern=r"^[a-z0-9-]+_[0-9A-Za-z]+$", max_length=55)
    # Lists are separated by commas.
    user_pool_clients: Annotated[_List, AfterValidator(_named)] = Field((), validate_default=True)
    # Other origins whose pages may call the server; by default a local one allows `LOCAL_ORIGINS`.
    allowed_origins: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_split)] = None
    # The same on all servers of a deployment, so that each can continue after a page from another.
    page_secret: SecretStr | None = None
    # Seconds that a mutation with an Idempotency-Key may run before a repetition runs it again.
    idempotency_claim: float = Field(CLAIMED_FOR.total_seconds(), gt=0, le=300)
    # The keys of applications, which may read the schema only, or what is public if guests are admitted.
    api_keys: Annotated[tuple[_Key, ...], NoDecode, BeforeValidator(_split)] = ()
    guests: bool = False
    # The limits of documents, by the names in `Limits`: HOURBANK_MAX_DEPTH=10, HOURBANK_MAX_ROOT_FIELDS=5.
    limits: Limits = Field(Limits(), validation_alias="HOURBANK_MAX")
    # How much each caller may ask for, by the names in `RateLimits`: HOURBANK_RATE_MUTATIONS=600. Of several
    # servers, each allows its share: HOURBANK_RATE_SERVERS=3.
    rates: RateLimits = Field(RateLimits(), validation_alias="HOURBANK_RATE")
    # What subscriptions may take, by the names in `SubscriptionLimits`: HOURBANK_SUBSCRIPTIONS_OPERATORS=20.
    subscriptions: SubscriptionLimits = Field(SubscriptionLimits(), validation_alias="HOURBANK_SUBSCRIPTIONS")
    # Seconds between two reads of a table's stream. AWS allows five a second for all readers together.
    feed_interval: float = Field(0.1, gt=0, le=10)
