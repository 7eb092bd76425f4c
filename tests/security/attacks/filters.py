"""Subscriptions that make each change dear: long filters, deep ones, many of them."""

from typing import Any

from tests.security.attacks.catalogue import Attacker, Kind, UnrefusedError, last_words
from tests.security.wire import APPSYNC, frame, upgraded

KIND = Kind(9, "filters of subscriptions", {"joined": True, "cpu": 0.3})

_SUBSCRIBE = (
    "subscription($filter: ModelSubscriptionServiceFilterInput) { onCreateService(filter: $filter) { id } }"
)
_CREATE = "mutation($input: CreateServiceInput!) { createService(input: $input) { id } }"


def _nested(depth: int, connective: str) -> dict[str, Any]:
    inner: dict[str, Any] = {"title": {"contains": "a"}}
    for _ in range(depth):
        inner = {connective: [inner]}
    return inner


def _conditions(count: int, **condition: Any) -> list[dict[str, Any]]:
    return [
        {"description": {name: f"{value}{number}" for name, value in condition.items()}} for number in range(count)
    ]


FILTERS: dict[str, dict[str, Any]] = {
    "300 alternatives": {"or": _conditions(300, contains="x")},
    "300 conditions": {"and": _conditions(300, notContains="x")},
    "60 levels of or": _nested(60, "or"),
    "120 levels of and": _nested(120, "and"),
    "lists of 5,000": {"title": {"in": [str(number) for number in range(5_000)]}},
    "a text of 500 KB": {"description": {"contains": "x" * 500_000}},
    "alternatives of lists": {"or": [{"title": {"notIn": ["a"] * 100}} for _ in range(50)]},
    "both, on every field": {"and": [{"or": _conditions(50, beginsWith="x")} for _ in range(20)]},
}


async def _subscribe(attacker: Attacker, given: dict[str, Any], times: int) -> str:
    async with upgraded(attacker.target, source=attacker.source) as wire:
        await wire.send(frame({"type": "connection_init", "payload": {"Authorization": attacker.token}}))
        if b"connection_ack" not in (said := await wire.until(b"connection_ack", within=5)):
            return last_words(said)
        for number in range(times):
            payload = {"query": _SUBSCRIBE, "variables": {"filter": given}}
            if not await wire.send(frame({"id": str(number), "type": "subscribe", "payload": payload})):
                break
        said = await wire.until(f'"id":"{times - 1}"'.encode(), within=1.5)
        if b"InternalFailure" in said:
            raise UnrefusedError(said[-200:].decode(errors="replace"))
        refused = said.count(b'"error"')
        offer = {"title": "t", "description": "x" * 10_000, "category": "garden", "isActive": True, "tags": []}
        created = await attacker.ask(_CREATE, {"input": offer})
        await wire.until(b'"next"', within=0.3)
        return f"{refused} of {times} refused; then a change: {created}"


@KIND.each(FILTERS)
async def _subscribe_once(attacker: Attacker, given: dict[str, Any]) -> str:
    return await _subscribe(attacker, given, 1)


@KIND.each({"100 times 100 alternatives": 100, "40 times 100 alternatives": 40}, cpu=1.5)
async def _subscribe_often(attacker: Attacker, times: int) -> str:
    return await _subscribe(attacker, {"or": _conditions(100, contains="x")}, times)


@KIND.one("over AppSync's protocol")
async def _over_appsync(attacker: Attacker) -> str:
    async with upgraded(attacker.target, APPSYNC, "/graphql/realtime", source=attacker.source) as wire:
        await wire.send(frame({"type": "connection_init"}))
        data = {"query": _SUBSCRIBE, "variables": {"filter": FILTERS["300 alternatives"]}}
        extensions = {"authorization": {"Authorization": attacker.token}}
        start = {"id": "1", "type": "start", "payload": {"data": data, "extensions": extensions}}
        await wire.send(frame(start))
        said = await wire.until(b'"error"', within=1.5)
        return "refused" if b'"error"' in said else last_words(said)
