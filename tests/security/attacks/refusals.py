"""Requests that are refused anyway, and cost more than they are worth."""

import json
from collections.abc import Callable

from tests.security.attacks.catalogue import Attacker, Kind, only_refused, outcome

KIND = Kind(11, "refused, yet dear")

_A_FIELD = "query($input: ModelServiceFilterInput) { listServices(filter: $input) { items { id } } }"

DOCUMENTS: dict[str, Callable[[], str]] = {
    "2,000 fields of one name": lambda: "{ " + "a " * 2_000 + "}",
    "fields that do not exist": lambda: "{ " + " ".join(f"f{number}" for number in range(500)) + " }",
    "two names in turn": lambda: "{ " + "listServices listUsers " * 400 + "}",
    "500 levels": lambda: "{ a" * 500 + " }" * 500,
    "unknown directives": lambda: "{ __typename " + "@a " * 900 + "}",
    "unknown fragments": lambda: "{ " + " ".join(f"...F{number}" for number in range(500)) + " }",
    "fragments in a circle": lambda: (
        "{ ...A } "
        + " ".join(
            f"fragment {a} on Query {{ ...{b} ...{b} ...{b} }}"
            for a, b in zip("ABCDEFGH", "BCDEFGHA", strict=True)
        )
    ),
    "300 operations": lambda: " ".join(f"query Q{number} {{ __typename }}" for number in range(300)),
    "an argument 500 times": lambda: "{ listServices(" + "limit: 1 " * 500 + ") { items { id } } }",
    "a list of 900 numbers": lambda: "{ listServices(limit: [" + "1 " * 900 + "]) { items { id } } }",
    "900 variables": lambda: "query(" + " ".join(f"$v{number}: Int" for number in range(600)) + ") { __typename }",
    "a text of 30 KB": lambda: '{ getService(id: "' + "x" * 30_000 + '") { a b c d } }',
    "a text without its end": lambda: '{ getService(id: """' + 'x\\"""' * 6_000,
    "comments": lambda: "# x\n" * 7_000 + "{ a }",
    "a number of 20,000 digits": lambda: "{ listServices(limit: " + "9" * 20_000 + ") { items { id } } }",
    "braces": lambda: "{" * 30_000,
    "an enum's value of 20 KB": lambda: (
        "query { listServices(filter: {title: {attributeType: " + "x" * 20_000 + "}}) { items { id } } }"
    ),
}


@KIND.each(DOCUMENTS)
async def _send(attacker: Attacker, made: Callable[[], str]) -> str:
    return only_refused(await attacker.ask(made()))


VARIABLES: dict[str, Callable[[], object]] = {
    "60 unknown fields, one of 600 KB": lambda: {
        **{f"field{number}": 1 for number in range(59)},
        "long": "x" * 600_000,
    },
    "20,000 unknown fields": lambda: {f"f{number}": 1 for number in range(20_000)},
    "a list in place of an object": lambda: list(range(50_000)),
    "an enum of 500 KB": lambda: {"title": {"attributeType": "x" * 500_000}},
    "errors in 300 places": lambda: {"and": [{"hourlyRate": {"eq": "x" * 100}} for _ in range(300)]},
    "a field's name of 500 KB": lambda: {"x" * 500_000: 1},
}


@KIND.each(VARIABLES)
async def _send_variables(attacker: Attacker, made: Callable[[], object]) -> str:
    return only_refused(await attacker.ask(_A_FIELD, {"input": made()}))


BODIES: dict[str, Callable[[], bytes]] = {
    "100,000 levels of JSON": lambda: b'{"query": "{a}", "variables": ' + b'{"a":' * 100_000,
    "100,000 lists": lambda: b"[" * 100_000,
    "no JSON": lambda: b"x" * 900_000,
    "runs of digits": lambda: (b"1" * 308 + b"x") * 2_900,
    "a batch of 1,000": lambda: json.dumps([{"query": "{ __typename }"}] * 1_000).encode(),
    "escapes": lambda: b'{"query": "' + b"\\u0041" * 100_000 + b'"}',
    "a number of 500,000 digits": lambda: (
        b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 500_000 + b"}}"
    ),
}


@KIND.each(BODIES)
async def _send_body(attacker: Attacker, made: Callable[[], bytes]) -> str:
    async with attacker.client() as client:
        answer = await client.post("/graphql", content=made(), headers={"Content-Type": "application/json"})
    return only_refused(outcome(answer))
