"""Words that are none: what must be refused without a traceback in the log."""

from tests.security.attacks.catalogue import Attacker, Kind, UnrefusedError, last_words, outcome
from tests.security.wire import APPSYNC, BINARY, TRANSPORT_WS, frame, upgraded

KIND = Kind(15, "the log")

_FRAMES: dict[str, bytes] = {
    "no JSON": frame(b"nonsense"),
    "a list": frame(b"[1, 2]"),
    "a number": frame(b"7"),
    "a kind that is a number": frame({"type": 5}),
    "an unknown kind": frame({"type": "dance"}),
    "a payload that is a text": frame({"type": "connection_init", "payload": "x"}),
    "a token that is a list": frame({"type": "connection_init", "payload": {"Authorization": ["x"]}}),
    "bytes": frame(b"\x00\x01", BINARY),
    "no UTF-8": frame(b"\xff\xfe"),
    "10,000 levels": frame(b"[" * 10_000),
    "a subscription before its time": frame({"type": "subscribe", "id": "1", "payload": {"query": "{ a }"}}),
}


def _of(protocol: str, frames: dict[str, bytes]) -> dict[str, tuple[str, bytes]]:
    return {f"{name}, {protocol}": (protocol, sent) for name, sent in frames.items()}


@KIND.each({**_of(TRANSPORT_WS, _FRAMES), **_of(APPSYNC, _FRAMES)})
async def _say(attacker: Attacker, given: tuple[str, bytes]) -> str:
    protocol, sent = given
    path = "/graphql" if protocol == TRANSPORT_WS else "/graphql/realtime"
    before = attacker.target.tracebacks()
    async with upgraded(attacker.target, protocol, path, source=attacker.source) as wire:
        await wire.send(sent)
        said = await wire.until(b"\x88", within=0.5)
    _check_log(attacker, before)
    return last_words(said) if said else "ignored"


_BODIES: dict[str, tuple[str, bytes]] = {
    "no UTF-8": ("application/json", b'{"query": "\xff"}'),
    "a lone surrogate": ("application/json", b'{"query": "{ a }", "variables": {"a": "\\ud800"}}'),
    "a list of nothing": ("application/json", b"[]"),
    "a query that is a number": ("application/json", b'{"query": 5}'),
    "variables that are a list": ("application/json", b'{"query": "{ __typename }", "variables": [1]}'),
    "another content": ("multipart/form-data; boundary=x", b"--x--"),
    "an unknown encoding": ("application/json; charset=martian", b"{}"),
}


@KIND.each(_BODIES)
async def _post(attacker: Attacker, given: tuple[str, bytes]) -> str:
    kind, body = given
    before = attacker.target.tracebacks()
    async with attacker.client() as client:
        answer = await client.post("/graphql", content=body, headers={"Content-Type": kind})
    _check_log(attacker, before)
    return outcome(answer)


def _check_log(attacker: Attacker, before: int) -> None:
    if attacker.target.tracebacks() != before:
        raise UnrefusedError("the log has a traceback")
