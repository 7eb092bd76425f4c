"""What Python can do at all: the bare DynamoDB call of each query and the same bytes, without a GraphQL server."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import uvicorn
from botocore.credentials import ReadOnlyCredentials
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from yarl import URL

from models.storage.signing import Signer
from tests.benchmarks.operations import REQUEST_FIELDS

_URL = URL(os.environ.get("AWS_ENDPOINT_URL_DYNAMODB") or os.environ["AWS_ENDPOINT_URL"])
_SIGNER = Signer("dynamodb", os.environ["AWS_DEFAULT_REGION"], _URL.authority)
_CREDENTIALS = ReadOnlyCredentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], None)
_REQUESTS, _USERS = os.environ["BENCH_REQUESTS"], os.environ["BENCH_USERS"]
_NUMBERS = frozenset({"estimatedHours", "agreedRate"})

Row = Mapping[str, Mapping[str, str]]
http: aiohttp.ClientSession


async def _dynamodb(operation: str, params: Mapping[str, Any]) -> Any:
    body = orjson.dumps(params)
    headers = _SIGNER.headers(f"DynamoDB_20120810.{operation}", body, _CREDENTIALS)
    async with http.post(_URL, data=body, headers=headers) as response:
        return orjson.loads(await response.read())


def _shown(row: Row) -> dict[str, Any]:
    return {
        name: (float(row[name]["N"]) if name in _NUMBERS else row[name]["S"]) if name in row else None
        for name in REQUEST_FIELDS
    }


async def _page(requester: str, limit: int) -> list[Row]:
    asked = {
        "TableName": _REQUESTS,
        "IndexName": "byRequesterId",
        "KeyConditionExpression": "requesterId = :id",
        "ExpressionAttributeValues": {":id": {"S": requester}},
        "Limit": limit,
    }
    rows: list[Row] = (await _dynamodb("Query", asked))["Items"]
    return rows


async def _users(keys: set[str]) -> dict[str, Any]:
    asked = {"RequestItems": {_USERS: {"Keys": [{"id": {"S": key}} for key in keys]}}}
    found = (await _dynamodb("BatchGetItem", asked))["Responses"][_USERS]
    return {row["id"]["S"]: {"id": row["id"]["S"], "username": row["username"]["S"]} for row in found}


async def _answer(request: Request) -> Response:
    asked = orjson.loads(await request.body())
    given, data = asked["variables"], dict[str, Any]()
    match asked["operationName"]:
        case "Nothing":
            data = {"__typename": "Query"}
        case "OneRequest":
            found = await _dynamodb("GetItem", {"TableName": _REQUESTS, "Key": {"id": {"S": given["id"]}}})
            data = {"getServiceRequest": _shown(found["Item"])}
        case "Requests":
            rows = await _page(given["requesterId"], 100)
            data = {"serviceRequestsByRequesterId": {"items": list(map(_shown, rows))}}
        case "Relations":
            rows = await _page(given["requesterId"], 25)
            users = await _users({row[name]["S"] for row in rows for name in ("requesterId", "providerId")})
            items = [
                {
                    "id": row["id"]["S"],
                    "status": row["status"]["S"],
                    "requester": users[row["requesterId"]["S"]],
                    "provider": users[row["providerId"]["S"]],
                }
                for row in rows
            ]
            data = {"serviceRequestsByRequesterId": {"items": items}}
    return Response(orjson.dumps({"data": data}), media_type="application/json")


@asynccontextmanager
async def _connected(_: Starlette) -> AsyncIterator[None]:
    global http
    async with aiohttp.ClientSession() as http:
        yield


app = Starlette(routes=[Route("/graphql", _answer, methods=["POST"])], lifespan=_connected)

if __name__ == "__main__":
    uvicorn.run(
        app, port=int(os.environ["PORT"]), loop="uvloop", http="httptools", access_log=False, log_level="error"
    )
