"""How a command ends: with an exit code and, if a person can fix the problem, one line that says how."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from models.errors import ExpectedError, UnavailableError
from workflows.console.texts import plain


@contextmanager
def clean_exit() -> Iterator[None]:
    """End the process properly: exit code 0 after Ctrl-C or SIGTERM, 1 and its text after an `ExpectedError`."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except ValidationError as error:
        _fail(_invalid_setting(error))
    except ExpectedError as error:
        _fail(str(error))


@contextmanager
def explain_aws_errors(what: str) -> Iterator[None]:
    """Turn an error of AWS into an `ExpectedError`: one line that says what cannot be read, and why."""
    try:
        yield
    except (BotoCoreError, ClientError, UnavailableError) as error:
        raise ExpectedError(f"{what} cannot be read: {error}") from None


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Ignore further signals: whatever is being stopped must not be interrupted while it saves.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _invalid_setting(error: ValidationError) -> str:
    """Return what is wrong with the first invalid setting, with the name of its variable."""
    (first, *_) = error.errors()
    name = "_".join(part for part in first["loc"] if isinstance(part, str))
    variable = name if name.isupper() else f"HOURBANK_{name.removeprefix('HOURBANK_').upper()}"
    return f"{variable} is not usable: {first['msg']}."


def _fail(message: str) -> None:
    for line in message.splitlines():
        typer.echo(plain(" ".join(line.split())), err=True)
    raise typer.Exit(1) from None
