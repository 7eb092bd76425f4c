"""The environments of HourBank on AWS and their settings, read from `environments.toml` beside this module."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.errors import ExpectedError

FILE = Path(__file__).with_name("environments.toml")
# The retention periods that CloudWatch Logs offers, up to a year.
LogDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365]
# Names of functions contain it, and Lambda allows them 64 characters.
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,9}$")]


def service_stack(data_stack: str) -> str:
    """Return the name of the servers' stack, beside that of tables and workflows."""
    return f"{data_stack}-service"


class InvalidEnvironmentError(ExpectedError):
    """The file of the environments is not usable, or has no environment of that name."""


# A list of the file; it holds no commas, because a stack's parameters are separated by them.
_Texts = Annotated[tuple[Annotated[str, Field(pattern=r"^[^,\s]+$")], ...], Field(strict=False)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DataSettings(_Section):
    """The settings of the stack that holds tables, functions and state machines.

    Args:
        admin_email: who gets the alarms and what needs an admin; "" for nobody.
        admin_endpoint: an https address that gets the same, such as a pager's; "" for none.
        log_days: days for which logs are kept.
        deletion_protection: whether the tables that hold hours refuse to be deleted.
        reserved_concurrency: concurrent executions kept for each function that moves hours; 0 for none of its own.
        provisioned_concurrency: warm executions of each function that a person waits for; 0 for none.
    """

    admin_email: str = Field("", pattern=r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)
    admin_endpoint: str = Field("", pattern=r"^$|^https://[^\s,]+$", max_length=2048)
    log_days: LogDays = 30
    deletion_protection: bool = True
    reserved_concurrency: int = Field(0, ge=0, le=500)
    provisioned_concurrency: int = Field(0, ge=0, le=500)


class ServiceSettings(_Section):
    """The settings of the stack that holds the servers and what is in front of them.

    Args:
        host_name: the name under which clients call the servers.
        certificate: the ARN of its certificate in ACM.
        allowed_origins: origins whose pages may call the servers.
        api_keys: the name of a secret in Secrets Manager with the keys of applications, by commas; "" for none.
        page_secret: the name of the servers' secret in Secrets Manager; "" for the one that the deployment makes.
        user_pool: the id of a Cognito user pool that exists already; "" to make one.
        user_pool_clients: its app clients whose tokens count.
        least_servers: servers when little happens.
        most_servers: servers when much happens.
        sockets_per_server: open connections that a server has before there are more servers.
        requests_per_address: requests of one address in five minutes, beyond which it is shut out.
        log_days: days for which logs are kept.
        deletion_protection: whether the load balancer and the user pool refuse to be deleted.
        operators: the ARN of who may assume the operators' role; "" for whom the account lets.
        audit: whether a trail records what people change by hand.
        monthly_budget: US dollars a month of which the admins hear; 0 for none.
    """

    host_name: str = Field("", pattern=r"^$|^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253)
    certificate: str = Field("", pattern=r"^$|^arn:[a-z-]+:acm:.+$")
    allowed_origins: _Texts = ()
    page_secret: str = Field("", pattern=r"^[A-Za-z0-9/_+=.@-]*$", max_length=512)
    api_keys: str = Field("", pattern=r"^[A-Za-z0-9/_+=.@-]*$", max_length=512)
    user_pool: str = Field("", pattern=r"^$|^[a-z0-9-]+_[0-9A-Za-z]+$")
    user_pool_clients: _Texts = ()
    least_servers: int = Field(2, ge=1, le=100)
    most_servers: int = Field(6, ge=1, le=100)
    sockets_per_server: int = Field(3_000, ge=10, le=10_000)
    requests_per_address: int = Field(20_000, ge=100, le=2_000_000)
    log_days: LogDays = 30
    deletion_protection: bool = True
    operators: str = Field("", pattern=r"^$|^arn:[a-z-]+:(iam|sts)::[0-9]{12}:.+$")
    audit: bool = True
    monthly_budget: int = Field(0, ge=0, le=10_000_000)


class Environment(_Section):
    """One environment of an app, such as prod, and the settings of its stacks."""

    name: _Name
    app: str = "hourbank"
    data: DataSettings = DataSettings()
    service: ServiceSettings = ServiceSettings()

    @property
    def stack(self) -> str:
        """Return the name of the stack of tables and workflows, with which all its resources' names begin."""
        return f"{self.app}-{self.name}"

    @property
    def service_stack(self) -> str:
        """Return the name of the servers' stack."""
        return service_stack(self.stack)

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of all resources. They never change: a changed one would touch every resource."""
        return {"hourbank:environment": self.name, "hourbank:stack": self.stack}

    @classmethod
    def find(cls, name: str, app: str = "hourbank", file: Path = FILE) -> Self:
        """Return an environment of an app by its name.

        Raises:
            InvalidEnvironmentError: there is none, or the file is not usable.
        """
        found = cls.all(file)
        if name not in found:
            raise InvalidEnvironmentError(f"There is no environment {name!r}; {file.name} has {', '.join(found)}.")
        return found[name].model_copy(update={"app": app})

    @classmethod
    def all(cls, file: Path = FILE) -> dict[str, Self]:
        """Return the file's environments by their names.

        Raises:
            InvalidEnvironmentError: the file is not usable.
        """
        try:
            sections = TypeAdapter(dict[str, dict[str, object]]).validate_python(tomllib.loads(file.read_text()))
            named = {name: {**section, "name": name} for name, section in sections.items()}
            return TypeAdapter(dict[str, cls]).validate_python(named)  # type: ignore[valid-type]  # it is a class
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise InvalidEnvironmentError(f"{file.name} cannot be read: {error}") from None
        except ValidationError as error:
            (first, *_) = error.errors()
            place = ".".join(map(str, first["loc"]))
            raise InvalidEnvironmentError(f"{file.name}: {place} is not usable: {first['msg']}.") from None
