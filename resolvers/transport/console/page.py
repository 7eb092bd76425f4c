"""The console for browsers: every request as it moves, on the picture of its machine; served whole from here.

The page asks the API, as apps do, with a token of whoever looks: it shows what that caller may see.
"""

from collections.abc import Iterable, Mapping
from html import escape

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from resolvers.transport.graphiql import page_headers
from schema.console import ASSETS, PAGE
from workflows.definitions import read_definitions
from workflows.drawing.statuses import STATES
from workflows.drawing.svg import draw

PATH = "/console"
ASSETS_PATH = f"{PATH}/assets"
# Only this server is allowed, and nothing that stands in the page itself.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = page_headers(_POLICY)
_FILE_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}


class Console:
    """The page at `/console`.

    Args:
        title: the app's name.
        callers: the demo callers as whom one may look, by the tokens that GraphiQL's sign-in gives; none on AWS,
            where an admin's token has to be given to the page.
    """

    def __init__(self, title: str, callers: Iterable[str] = ()) -> None:
        self._page = _page(title, callers)

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the page and of its files."""
        return [Route(PATH, self.page), Mount(ASSETS_PATH, _Files(directory=ASSETS))]

    async def page(self, _request: Request) -> Response:
        """Return the page."""
        return HTMLResponse(self._page, headers=_HEADERS)


class _Files(StaticFiles):
    """Files that browsers ask for again, because their names stay when they change."""

    def file_response(self, *args: object, **options: object) -> Response:
        response = super().file_response(*args, **options)  # type: ignore[arg-type]  # handed on as they come
        response.headers.update(_FILE_HEADERS)
        return response


def _page(title: str, callers: Iterable[str]) -> str:
    return PAGE.substitute(
        title=escape(title),
        assets=ASSETS_PATH,
        callers=escape(" ".join(callers)),
        states=escape(orjson.dumps({str(status): state for status, state in STATES.items()}).decode()),
        machines="".join(_template(name, definition) for name, definition in read_definitions().items()),
    )


def _template(name: str, definition: Mapping[str, object]) -> str:
    """Return a machine's picture as a template, of which the page makes as many as it needs."""
    picture = draw(definition, name=name, statuses=STATES, has_style=False)
    return f'<template data-machine="{escape(name)}">{picture}</template>\n'
