"""The door of the local cloud, through which only programs of this machine that know its credentials come.

MiniStack answers whoever asks, verifies no signature, and lets every page of every site read its answers: a page
that a developer merely looks at could read and write all the tables. Here a request must name this machine as its
host, which a page whose name was rebound to this address does not, and must be signed with the local cloud's own
credentials, which no page has. Two things are open without a signature, as on AWS, also to pages of allowed
origins: what a user pool lets its users do, and its public keys.
"""

import json
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import botocore.session

from workflows.deployment.local.credentials import Credentials
from workflows.deployment.local.signatures import Headers, SignatureError, read_signature, verify

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

HEALTH_PATH = "/_hourbank/identity"

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_USER_POOLS = "AWSCognitoIdentityProviderService."
_KEYS = re.compile(r"/[a-z0-9-]{1,40}_[0-9A-Za-z]{1,40}/\.well-known/(jwks\.json|openid-configuration)")
_JSON = b"application/x-amz-json-1.1"
# DynamoDB takes 16 MB in one call; what a user pool's users send is small.
_LARGEST_BODY = 17_000_000
_LARGEST_OF_USERS = 64_000
# What Amplify and AWS's SDK send in browsers.
_PAGES_HEADERS = (
    b"content-type, x-amz-target, x-amz-user-agent, amz-sdk-invocation-id, amz-sdk-request, cache-control"
)


class Door:
    """An application that lets requests through to another.

    Args:
        application: what is behind the door.
        credentials: by which requests must be signed.
        origins: whose pages may use the user pools, such as `http://localhost:4200`.
    """

    def __init__(self, application: Application, credentials: Credentials, origins: Collection[str]) -> None:
        self._application = application
        self._credentials = credentials
        self._origins = frozenset(origins)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif scope["type"] == "http":
            try:
                await self._admit(scope, receive, send)
            except SignatureError as refused:
                await _refuse(scope, send, refused)
        else:  # sockets, which nothing of ours uses
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _admit(self, scope: Message, receive: Receive, send: Send) -> None:
        headers: Headers = scope["headers"]
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        if len(hosts) != 1 or not _is_here(hosts[0]):
            raise _denied("The local cloud answers at 127.0.0.1 and localhost only.")
        origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        if origins and not (len(origins) == 1 and origins[0] in self._origins):
            raise _denied("Pages of this origin may not use the local cloud.")
        answer = _without_cors(send, origins[0] if origins else None)
        if scope["path"] == HEALTH_PATH and scope["method"] == "GET":
            await self._application(_cleaned(scope), receive, answer)
        elif (opened := _opened(scope)) is not None:
            body = await _read(receive, _LARGEST_OF_USERS)
            await self._application(opened, _replayed(body, receive), answer)
        elif scope["method"] == "OPTIONS" and origins:
            await _allow_page(send, origins[0])
        else:
            await self._admit_signed(scope, receive, _without_cors(send, None))

    async def _admit_signed(self, scope: Message, receive: Receive, send: Send) -> None:
        headers: Headers = scope["headers"]
        signature = read_signature(headers, self._credentials, datetime.now(UTC))
        body = await _read(receive, _LARGEST_BODY)
        query = scope["query_string"]
        target = (scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1")
        verify(signature, self._credentials, method=scope["method"], target=target, headers=headers, body=body)
        await self._application(scope, _replayed(body, receive), send)


def _is_here(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname in _THIS_MACHINE and "@" not in host
    except ValueError:
        return False


@cache
def _operations_of_users() -> frozenset[str]:
    """Return the operations that a user pool's users call without AWS credentials, as AWS's own model has them."""
    model = botocore.session.get_session().get_service_model("cognito-idp")
    return frozenset(
        f"{_USER_POOLS}{name}" for name in model.operation_names if model.operation_model(name).auth_type == "none"
    )


def _opened(scope: Message) -> Message | None:
    """Return a request that needs no signature, without all that might make another of it; else None."""
    if scope["method"] == "GET" and _KEYS.fullmatch(scope["path"]):
        return _cleaned(scope)
    targets = [value for name, value in scope["headers"] if name == b"x-amz-target"]
    if scope["method"] != "POST" or scope["path"] != "/" or len(targets) != 1:
        return None
    if targets[0].decode("latin-1") not in _operations_of_users():
        return None
    return _cleaned(scope, (b"x-amz-target", targets[0]), (b"content-type", _JSON))


def _cleaned(scope: Message, *headers: tuple[bytes, bytes]) -> Message:
    hosts = [(name, value) for name, value in scope["headers"] if name == b"host"]
    return {**scope, "query_string": b"", "headers": [*hosts, *headers]}


async def _read(receive: Receive, most: int) -> bytes:
    """Return a request's body.

    Raises:
        SignatureError: it has more bytes than `most`.
    """
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":  # the client has gone
            raise _denied("The request has no end.")
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > most:
            raise SignatureError("RequestEntityTooLargeException", f"A request may have {most} bytes.")
        more = message.get("more_body", False)
    return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body first, and then what else comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _without_cors(send: Send, origin: str | None) -> Send:
    """Return a `send` that lets the pages of one origin, or none, read the answer, whatever MiniStack says."""

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [one for one in message["headers"] if not one[0].lower().startswith(b"access-control-")]
            if origin is not None:
                headers += _allowing(origin)
            message = {**message, "headers": headers}
        await send(message)

    return answer


def _allowing(origin: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", b"x-amzn-errortype, x-amzn-requestid"),
        (b"vary", b"Origin"),
    ]


async def _allow_page(send: Send, origin: str) -> None:
    """Answer a browser that asks whether a page may send its request."""
    headers = [
        *_allowing(origin),
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", _PAGES_HEADERS),
        (b"access-control-max-age", b"600"),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _denied(message: str) -> SignatureError:
    return SignatureError("AccessDeniedException", message)


async def _refuse(scope: Message, send: Send, refused: SignatureError) -> None:
    """Answer as AWS does, in JSON or, to those who send forms, in XML."""
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    if any(b"form-urlencoded" in kind for kind in kinds):
        kind, body = (
            b"text/xml",
            (
                f"<ErrorResponse><Error><Type>Sender</Type><Code>{refused.code}</Code>"
                f"<Message>{escape(refused.message)}</Message></Error></ErrorResponse>"
            ).encode(),
        )
    else:
        kind, body = _JSON, json.dumps({"__type": refused.code, "message": refused.message}).encode()
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-errortype", refused.code.encode()),
        # What is left of a body that was not read is not the next request.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
