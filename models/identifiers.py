"""Identifiers that are derived from their cause, so that a repeated action writes the same rows."""

from unicodedata import normalize
from uuid import UUID, uuid5

_HOURBANK = UUID("6a1c2f0e-5d1b-5c36-9b7e-2f4f5f0a7c11")


def derived(*cause: object) -> str:
    """Return the UUID of a cause, such as a movement of a request: `derived(request_id, "hold")`."""
    return str(uuid5(_HOURBANK, "\x1f".join(map(str, cause))))


def is_uuid(text: str) -> bool:
    """Return whether `text` is a UUID in its canonical form."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def folded(text: str) -> str:
    """Return a text as names are compared: without case, outer spaces, and differences of Unicode's spelling."""
    return normalize("NFKC", normalize("NFKC", text).casefold()).strip()
