"""Pages: how many rows, and the token that leads to the next one.

A token hides where a page ended, which may be the key of a row that the caller may not read, and is valid only for
one caller and one query: it is encrypted, with caller and query as AES-GCM's additional authenticated data.
"""

import hashlib
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from secrets import token_bytes
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.limits import fixed_limit
from schema.amplify.fields import Arguments
from schema.amplify.resolver import AnyInfo
from schema.documents.cost import DEFAULT_PAGE, LARGEST_PAGE
from schema.enums import ModelSortDirection
from schema.errors import InvalidInputError
from schema.strawberry_internals import resolved_field

_NONCE_BYTES = 12
# Room for three keys of DynamoDB's largest size, in base64.
_TOKEN_CHARACTERS = fixed_limit(
    16_384, "characters of a nextToken", topic="pages, filters and searches", code="BadRequest"
)
_NOT_PART_OF_QUESTION = frozenset({"limit", "nextToken"})
# What an absent argument means, too.
_DEFAULTS: Mapping[str, Any] = {"filter": {}, "sortDirection": ModelSortDirection.ASC}


def limit_of(arguments: Arguments) -> int:
    """Return how many rows a page may read.

    Raises:
        InvalidInputError: the limit is not 1 to 1,000.
    """
    limit = arguments.get("limit")
    if limit is None:
        return DEFAULT_PAGE
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidInputError(f"limit must be 1 to {LARGEST_PAGE}, not {limit}", field="limit")
    return int(limit)


def question(info: AnyInfo, caller: str, arguments: Arguments, *, source: str = "") -> bytes:
    """Return bytes that identify what a caller asks; arguments that say nothing, and a page's size, do not count.

    Args:
        info: which field is asked.
        caller: who asks.
        arguments: the field's, with the filter as it is meant (`client_filters.read_filter`).
        source: the key of the row that a relation starts from.
    """
    type_name, field = resolved_field(info)
    asked = {
        name: value
        for name, value in arguments.items()
        if name not in _NOT_PART_OF_QUESTION and value is not None and value != _DEFAULTS.get(name)
    }
    return orjson.dumps([caller, type_name, field, source, asked], option=orjson.OPT_SORT_KEYS)


class PageTokens:
    """Makes and reads tokens.

    Args:
        secret: shared by all servers of a deployment, and known to nobody else.
    """

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(hashlib.sha256(b"page token" + secret).digest())

    def seal(self, position: Mapping[str, Any], question: bytes) -> str:
        """Return the token of a position."""
        nonce = token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, orjson.dumps(position), question)
        return urlsafe_b64encode(nonce + sealed).decode()

    def open(self, token: str, question: bytes) -> dict[str, Any]:
        """Return the position of a token.

        Raises:
            InvalidInputError: the token was not made for this caller and question.
        """
        try:
            raw = b64decode(token[:_TOKEN_CHARACTERS], altchars=b"-_", validate=True)
            opened = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], question)
        except (ValueError, InvalidTag) as error:
            raise InvalidInputError(
                "nextToken was not returned by this query; ask for the first page again", field="nextToken"
            ) from error
        position: dict[str, Any] = orjson.loads(opened)
        return position
