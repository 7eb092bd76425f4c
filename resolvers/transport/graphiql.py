"""GraphiQL for browsers: the page, its files, and the local mode's sign-in, all served from here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from html import escape
from ipaddress import ip_address
from string import Template
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from schema.graphiql import ASSETS, manifest

ASSETS_PATH = "/graphiql"
# As a variable's value: an id that each page draws anew, one for all its tabs.
NEW_ID = "new id"
# As a caller's name: an application with an API key. No demo caller has a name with an underscore.
APPLICATION = "api_key"

# Only this server is allowed. Styles may be inline because the editor sets its colours by style elements.
_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Headers by which a proxy says for whom it asks.
_PROXIES = frozenset({"forwarded", "via", "true-client-ip", "cf-connecting-ip", "x-client-ip"})
_NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}


def page_headers(policy: str) -> Mapping[str, str]:
    """Return the headers of a page that browsers are to treat by a content security policy."""
    return {
        **_NO_SNIFFING,
        "Content-Security-Policy": policy,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
    }


_PAGE_HEADERS = page_headers(_POLICY)
_PAGE = Template("""\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>$title</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="$style">
    <script type="module" src="$main"></script>
  </head>
  <body>
    <div id="page" $data></div>
  </body>
</html>
""")


@dataclass(frozen=True, slots=True)
class Example:
    """A tab that the page opens at a first visit.

    Args:
        query: the operation.
        variables: its variables; `NEW_ID` and `id_of` stand for what only the page knows.
        caller: the demo caller who asks, or `APPLICATION`; "" for nobody.
    """

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    caller: str = ""


def id_of(caller: str) -> str:
    """Return what stands for the id of a demo caller, as a variable's value."""
    return f"id of {caller}"


class GraphiQL:
    """The page at `/graphql`.

    Args:
        title: the app's name.
        examples: the tabs that it opens at a first visit.
        sign_in: for each demo caller a function that mints a token; empty on AWS.
        api_key: the key of applications on a local server; None if the app's rules admit none.
    """

    def __init__(
        self,
        title: str,
        examples: Sequence[Example] = (),
        sign_in: Mapping[str, Callable[[], str]] | None = None,
        api_key: str | None = None,
    ) -> None:
        self._proofs: dict[str, Callable[[], Mapping[str, str]]] = {
            name: partial(_signed_in, mint) for name, mint in (sign_in or {}).items()
        }
        if api_key is not None:
            self._proofs[APPLICATION] = lambda: {"apiKey": api_key}
        self._page = _page(title, examples, " ".join(self._proofs))

    async def page(self, _request: Request) -> Response:
        """Return the page."""
        return HTMLResponse(self._page, headers=_PAGE_HEADERS)

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the page's files and, in local mode, of the sign-in."""
        files = Mount(ASSETS_PATH, _Immutable(directory=ASSETS))
        return [files, Route("/local/token/{name}", self._token)] if self._proofs else [files]

    async def _token(self, request: Request) -> Response:
        """Return a token or the API key, to programs on this machine only and not to other sites' pages."""
        name = request.path_params["name"]
        proof = self._proofs.get(name)
        if proof is None or not _is_local(request):
            return JSONResponse({"message": "Not Found"}, status_code=404)
        return JSONResponse({"username": name, **proof()}, headers={"Cache-Control": "no-store"})


def _signed_in(mint: Callable[[], str]) -> Mapping[str, str]:
    return {"token": mint()}


class _Immutable(StaticFiles):
    """Files that may be cached for ever, because their names change with their content."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        response = super().file_response(*args, **options)
        response.headers.update({**_NO_SNIFFING, "Cache-Control": "public, max-age=31536000, immutable"})
        return response


def _page(title: str, examples: Sequence[Example], members: str) -> str:
    files = {name: f"{ASSETS_PATH}/{file}" for name, file in manifest()["entries"].items()}
    data = {
        "editor-worker": files["editor.worker"],
        "graphql-worker": files["graphql.worker"],
        "json-worker": files["json.worker"],
        "members": members,
        "examples": orjson.dumps([asdict(example) for example in examples]).decode(),
    }
    attributes = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
    return _PAGE.substitute(title=escape(title), style=files["style"], main=files["main"], data=attributes)


def _is_local(request: Request) -> bool:
    """Return whether client and host are this machine; a foreign host name may resolve to it.

    A reverse proxy on this machine makes everybody a client from here: it is told by what it adds to requests or,
    like nginx unless told otherwise, by an old version of HTTP, which no browser and no curl speaks.
    """
    return (
        request.client is not None
        and _is_loopback(request.client.host)
        and _is_loopback(request.url.hostname or "")
        and request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
        and "origin" not in request.headers
        and request.scope.get("http_version") != "1.0"
        and not any(map(_is_of_proxies, request.headers))
    )


def _is_of_proxies(header: str) -> bool:
    return header in _PROXIES or header.startswith(("x-forwarded", "x-real-"))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
