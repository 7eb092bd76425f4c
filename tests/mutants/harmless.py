"""Mutants that no test can catch, since they change nothing that anybody could see; each with its reason."""

from collections.abc import Mapping

# By module and mutation.
HARMLESS: Mapping[tuple[str, str], str] = {}
