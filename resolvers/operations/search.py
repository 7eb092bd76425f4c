"""The search for services, as a GraphQL field.

It reads an index, newest first: the category's, or that of all services. What a search looks for is tested here on
the rows that the index gives; a page reads a bounded number of them, so it may be short and still have a next one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

import strawberry

from models import tables
from models.identifiers import folded
from models.limits import fixed_limit
from models.storage.store import Item, Page, ReadPage, Store
from resolvers.context import caller_of
from resolvers.mirror.authorization import admits
from resolvers.mirror.filtered_pages import FilteredPage, position_keys
from resolvers.mirror.paging import PageTokens, limit_of, question
from resolvers.operations.fields import optional_text, query_type
from schema.amplify.bounds import TEXTS
from schema.amplify.fields import Arguments
from schema.amplify.keys import Finder
from schema.amplify.resolver import AnyInfo
from schema.amplify.rules import Operation
from schema.errors import InvalidInputError, UnauthorizedError
from schema.operations.search import ServiceSearchResult
from schema.types import CATALOGUE

_LONGEST_QUERY = fixed_limit(200, "characters of a search", topic="pages, filters and searches", code="BadRequest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a search looks for.

    Args:
        words: folded; each must occur in the title, the description or a tag.
        tags: folded; the service must have all of them.
        longest: the largest `hourlyDuration`; None if any will do.
        least_rating: the least rating of the provider; None if any will do.
    """

    words: Collection[str]
    tags: Collection[str]
    longest: float | None
    least_rating: float | None

    def is_met_by(self, item: Item) -> bool:
        """Return whether a service is meant, whoever provides it."""
        fields = CATALOGUE.models["Service"].fields
        title, description, tags, duration = (
            fields[name].decode(item.get(name)) for name in ("title", "description", "tags", "hourlyDuration")
        )
        if self.longest is not None and duration > self.longest:
            return False
        tags = [folded(tag) for tag in tags or () if tag is not None]
        texts = [folded(title or ""), folded(description or ""), *tags] if self.words else ()
        return all(tag in tags for tag in self.tags) and all(any(w in text for text in texts) for w in self.words)


class SearchQueries:
    """The query that searches services.

    Args:
        store: the tables.
        tokens: makes and reads `nextToken`.
    """

    def __init__(self, store: Store, tokens: PageTokens) -> None:
        self._store = store
        self._tokens = tokens

    async def search_services(  # noqa: PLR0913 — as many as the app's schema gives it
        self,
        info: AnyInfo,
        *,
        query: str | None = strawberry.UNSET,
        category: str | None = strawberry.UNSET,
        min_rating: float | None = strawberry.UNSET,
        max_hourly_duration: float | None = strawberry.UNSET,
        tags: list[str | None] | None = strawberry.UNSET,
        is_active: bool | None = strawberry.UNSET,
        limit: int | None = strawberry.UNSET,
        next_token: str | None = strawberry.UNSET,
    ) -> ServiceSearchResult:
        """Services, newest first, with all words of `query` and all `tags`; active ones unless it says no."""
        caller = caller_of(info)
        if not admits(caller, CATALOGUE.models["Service"], Operation.READ):
            raise UnauthorizedError.of(info)
        given = {
            "query": query,
            "category": category,
            "minRating": min_rating,
            "maxHourlyDuration": max_hourly_duration,
            "tags": tags,
            "isActive": is_active,
            "limit": limit,
        }
        arguments = {name: value for name, value in given.items() if value is not strawberry.UNSET}
        asked = question(info, caller.sub, arguments)
        start_key = self._tokens.open(next_token, asked) if next_token else None
        page = await self._read(arguments, start_key)
        is_whole = start_key is None and page.last_key is None
        return ServiceSearchResult(
            items=page.items,  # type: ignore[arg-type]  # rows, which the service's fields decode
            next_token=None if page.last_key is None else self._tokens.seal(page.last_key, asked),
            total=len(page.items) if is_whole else None,
        )

    async def _read(self, arguments: Arguments, start_key: Item | None) -> Page:
        """Return a page of the services that are meant."""
        category, is_active = arguments.get("category"), arguments.get("isActive")
        index, value = tables.Service.byTypename, "Service"
        if category:
            index, value = tables.Service.byCategory, category
        query = partial(
            self._store.query,
            tables.Service,
            index,
            value,
            filter=tables.Service.isActive == (is_active is not False),
            forward=False,
        )
        matching = partial(self._matching, query, _wanted(arguments))
        page = FilteredPage(matching, position_keys(CATALOGUE.models["Service"], Finder.of_index(index)))
        return await page.read(limit=limit_of(arguments), start_key=start_key)

    async def _matching(self, query: ReadPage, wanted: Wanted, *, limit: int, start_key: Item | None) -> Page:
        """Read a page of the index; return it with the services that are meant only."""
        page = await query(limit=limit, start_key=start_key)
        items = [item for item in page.items if wanted.is_met_by(item)]
        if wanted.least_rating is not None:
            items = await self._rated(items, wanted.least_rating)
        return replace(page, items=items)

    async def _rated(self, items: Sequence[Item], least: float) -> list[Item]:
        """Return the services whose providers have a rating; the providers are read in batches."""
        providers = list(dict.fromkeys(item["userId"]["S"] for item in items))
        rows = await self._store.batch_get([(tables.User, provider) for provider in providers])
        rating = CATALOGUE.models["User"].fields["rating"].decode
        enough = {row["id"]["S"] for row in rows if row is not None and (rating(row.get("rating")) or 0) >= least}
        return [item for item in items if item["userId"]["S"] in enough]


def _wanted(arguments: Arguments) -> Wanted:
    """Return what a search looks for.

    Raises:
        InvalidInputError: the query or the tags are too long.
    """
    text = optional_text("query", arguments.get("query"), _LONGEST_QUERY)
    tags = [tag for tag in arguments.get("tags") or () if tag is not None]
    if (problem := TEXTS.problem(tags)) is not None:
        raise InvalidInputError(f"tags: {problem}", field="tags")
    return Wanted(
        words=folded(text or "").split(),
        tags=[folded(tag) for tag in tags],
        longest=arguments.get("maxHourlyDuration"),
        least_rating=arguments.get("minRating"),
    )


def queries(store: Store, tokens: PageTokens) -> type:
    """Return the query that searches services, as a Strawberry type."""
    resolvers = SearchQueries(store, tokens)
    return query_type("SearchQueries", {resolvers.search_services: ServiceSearchResult | None})
