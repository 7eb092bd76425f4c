"""Identifiers that follow from their cause, so that whatever is repeated writes the same rows."""

from uuid import UUID, uuid5

_HOURBANK = UUID("6a1c2f0e-5d1b-5c36-9b7e-2f4f5f0a7c11")


def derived(*cause: object) -> str:
    """Return the UUID that belongs to a cause, such as a request and a movement: `derived(id, "hold")`."""
    return str(uuid5(_HOURBANK, "\x1f".join(map(str, cause))))


def is_uuid(text: str) -> bool:
    """Tell whether `text` is a UUID in its canonical form."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
