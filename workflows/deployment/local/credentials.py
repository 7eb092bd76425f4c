"""The local cloud's own credentials: made at the first start, kept beside its state, asked for by its door."""

import configparser
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from models.errors import ExpectedError

# In the format of AWS's own tools, which find it by AWS_SHARED_CREDENTIALS_FILE.
FILE = "credentials"
_SECTION = "default"
_KEY_BYTES = 8
_SECRET_BYTES = 30


class CredentialsError(ExpectedError):
    """The credentials cannot be read; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key and its secret, as AWS has them.

    Args:
        access_key: names the key; no secret.
        secret: signs requests.
    """

    access_key: str
    secret: str

    @classmethod
    def find_or_make(cls, directory: Path) -> Self:
        """Return a local cloud's credentials; make them if there are none yet.

        Args:
            directory: the local cloud's.

        Raises:
            CredentialsError: the file holds no credentials.
        """
        file = directory / FILE
        if not file.exists():
            _make(file)
        kept = configparser.RawConfigParser()
        try:
            kept.read_string(file.read_text())
            return cls(kept[_SECTION]["aws_access_key_id"], kept[_SECTION]["aws_secret_access_key"])
        except (configparser.Error, KeyError, UnicodeDecodeError):
            raise CredentialsError(f"{file} holds no credentials; remove it to have new ones made.") from None


def _make(file: Path) -> None:
    """Write new credentials beside the file and link them there, so that concurrent first starts agree."""
    # MiniStack would take a key of twelve digits for an account.
    access_key = f"LOCAL{secrets.token_hex(_KEY_BYTES).upper()}"
    content = (
        f"[{_SECTION}]\n"
        f"aws_access_key_id = {access_key}\n"
        f"aws_secret_access_key = {secrets.token_urlsafe(_SECRET_BYTES)}\n"
    )
    with tempfile.NamedTemporaryFile(mode="w", dir=file.parent, prefix=".credentials-") as draft:  # of mode 0600
        draft.write(content)
        draft.flush()
        os.fsync(draft.fileno())
        try:
            file.hardlink_to(draft.name)
        except FileExistsError:
            return
