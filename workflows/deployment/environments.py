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


class InvalidEnvironmentError(ExpectedError):
    """The file of the environments is not usable, or has no environment of that name."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DataSettings(_Section):
    """The settings of the stack that holds tables, functions and state machines.

    Args:
        admin_email: who gets the alarms and what needs an admin; "" for nobody.
        log_days: days for which logs are kept.
        deletion_protection: whether the tables that hold hours refuse to be deleted.
        reserved_concurrency: concurrent executions kept for each function that moves hours; 0 for none of its own.
        provisioned_concurrency: warm executions of each function that a person waits for; 0 for none.
    """

    admin_email: str = Field("", pattern=r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)
    log_days: LogDays = 30
    deletion_protection: bool = True
    reserved_concurrency: int = Field(0, ge=0, le=500)
    provisioned_concurrency: int = Field(0, ge=0, le=500)


class ServiceSettings(_Section):
    """The settings of the stack that holds the servers and what is in front of them."""


class Environment(_Section):
    """One environment, such as prod, and the settings of its stacks."""

    name: _Name
    data: DataSettings = DataSettings()
    service: ServiceSettings = ServiceSettings()

    @property
    def stack(self) -> str:
        """Return the name of the stack of tables and workflows, with which all its resources' names begin."""
        return f"hourbank-{self.name}"

    @property
    def service_stack(self) -> str:
        """Return the name of the servers' stack."""
        return f"{self.stack}-service"

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of all resources. They never change: a changed one would touch every resource."""
        return {"hourbank:environment": self.name, "hourbank:stack": self.stack}

    @classmethod
    def find(cls, name: str, file: Path = FILE) -> Self:
        """Return an environment by its name.

        Raises:
            InvalidEnvironmentError: there is none, or the file is not usable.
        """
        found = cls.all(file)
        if name not in found:
            raise InvalidEnvironmentError(f"There is no environment {name!r}; {file.name} has {', '.join(found)}.")
        return found[name]

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
