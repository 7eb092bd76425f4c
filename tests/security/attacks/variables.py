"""Cost that a document's text does not tell: limits in variables, elements of lists, many such requests."""

import asyncio
from typing import Any

from tests.security.attacks.catalogue import Attacker, Kind, worst

KIND = Kind(1, "cost by variables")

_ALIASES = " ".join(f"a{number}: skills" for number in range(25))
_MANY = 'servicesByCategory(category: "garden", limit: $l) { items { ...T } }'

INPUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "every member's skills, 25 times": (
        f"query($l: Int) {{ listUsers(limit: $l) {{ items {{ {_ALIASES} }} }} }}",
        {"l": 1000},
    ),
    "by a default": (
        f"query($l: Int = 1000) {{ listUsers(limit: $l) {{ items {{ {_ALIASES} }} }} }}",
        {},
    ),
    "members of services of members": (
        "query($l: Int) { listServices(limit: $l) { items { user { services(limit: $l) { items { tags } } } } } }",
        {"l": 1000},
    ),
    "by fragments": (
        "query($l: Int) { " + " ".join(f"s{number}: {_MANY}" for number in range(9)) + " } "
        "fragment T on Service { tags t: tags u: tags }",
        {"l": 1000},
    ),
    "each by its own variable": (
        "query("
        + " ".join(f"$l{number}: Int" for number in range(9))
        + ") { "
        + " ".join(
            f"u{number}: listUsers(limit: $l{number}) {{ items {{ skills s: skills }} }}" for number in range(9)
        )
        + " }",
        {f"l{number}": 1000 for number in range(9)},
    ),
    "the largest integer": (
        "query($l: Int) { listUsers(limit: $l) { items { skills } } }",
        {"l": 2**31 - 1},
    ),
    "below a relation": (
        "query($l: Int) { listUsers { items { services(limit: $l) { items { tags a: tags b: tags } } } } }",
        {"l": 1000},
    ),
}


@KIND.each(INPUTS)
async def _asks(attacker: Attacker, given: tuple[str, dict[str, Any]]) -> str:
    return await attacker.ask(*given)


@KIND.one("eight at once", cpu=0.2)
async def _ask_at_once(attacker: Attacker) -> str:
    inputs = [*INPUTS.values(), INPUTS["by fragments"]]
    return worst(await asyncio.gather(*(attacker.ask(*one) for one in inputs)))
