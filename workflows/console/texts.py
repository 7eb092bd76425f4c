"""Texts that other people wrote, as a terminal may show them."""

from models.identifiers import unprintable_in


def plain(text: str) -> str:
    r"""Return a text with escapes, such as \x1b or \u202e, for characters that could deceive whoever reads it."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if unprintable_in(character) is None else character.encode("unicode_escape").decode()
        for character in text
    )
