"""/v1/alerts: which alerts there are, how each stands at this moment, and their acknowledgement."""

import base64
import binascii
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.notifier.adapters import queries
from services.notifier.adapters.acknowledging import SqlAcknowledging
from services.notifier.adapters.alert_pages import STANDING, AlertFilter, AlertState, alert_page, alert_with
from services.notifier.adapters.documents import alert_document, told_document
from services.notifier.adapters.web.requests import RefusedError, for_programs, json_of, json_response, text_of
from services.notifier.domain.matchers import nodes_named, responsible_named, subtree, unit_named
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.silence_requests import AUTHOR_CHARACTERS
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import AlertKind
from shared.runtime.clock import Clock
from shared.runtime.problems import Problem

DEFAULT_LIMIT: Final = 100
MOST: Final = 1_000
_FILTERS: Final = frozenset({"unit", "node", "kind", "state", "responsible_unit", "cursor", "limit"})
_Word = TypeVar("_Word", bound=StrEnum)


class AlertsApi:
    """The endpoints of alerts."""

    def __init__(
        self, engine: AsyncEngine, catalog: Catalog, clock: Clock, acknowledging: SqlAcknowledging, token: str | None
    ) -> None:
        self._engine = engine
        self._catalog = catalog
        self._clock = clock
        self._acknowledging = acknowledging
        self._token = token

    def routes(self) -> list[Route]:
        """Return the routes; an id holds slashes."""
        token = self._token
        return [
            Route("/v1/alerts", for_programs(self.get_page, token), methods=["GET"]),
            Route(
                "/v1/alerts/{alert_id:path}/acknowledge",
                for_programs(self.acknowledge, token),
                methods=["POST", "DELETE"],
            ),
            Route("/v1/alerts/{alert_id:path}", for_programs(self.get_one, token), methods=["GET"]),
        ]

    async def get_page(self, request: Request) -> Response:
        """Answer one page of alerts by the filters of the query, with a cursor when there are more."""
        limit = _limit_of(request)
        asked, after = self._filter(request), _after(request.query_params.get("cursor"))
        views = await alert_page(self._engine, asked, self._clock.now(), after=after, limit=limit + 1)
        more = len(views) > limit
        views = views[:limit]
        return json_response(
            {
                "alerts": [alert_document(self._catalog, view) for view in views],
                "next_cursor": _cursor(views[-1].alert.id) if more else None,
            }
        )

    async def get_one(self, request: Request) -> Response:
        """Answer one alert with all that was told of it."""
        return json_response(await self._document(request.path_params["alert_id"]))

    async def acknowledge(self, request: Request) -> Response:
        """Acknowledge an open alert (POST) or take that back (DELETE); answer how it stands then."""
        alert_id = request.path_params["alert_id"]
        document = await json_of(request)
        by = text_of(document, "by", required=True, most=AUTHOR_CHARACTERS)
        note = text_of(document, "note")
        await self._document(alert_id)
        change = self._acknowledging.acknowledge if request.method == "POST" else self._acknowledging.take_back
        if not await change(alert_id, by, note):
            raise RefusedError(_conflict(request.method))
        return json_response(await self._document(alert_id))

    async def _document(self, alert_id: str) -> dict[str, Any]:
        view = await alert_with(self._engine, alert_id, self._clock.now())
        story = await queries.story(self._engine, alert_id)
        if view is None or story is None:
            raise RefusedError(Problem(404, "unknown_alert", "There is no such alert", "GET /v1/alerts lists them."))
        told = [told_document(self._catalog, line, view.alert.key.unit) for line in story.lines]
        return alert_document(self._catalog, view) | {"told": told}

    def _filter(self, request: Request) -> AlertFilter:
        unknown = sorted(set(request.query_params) - _FILTERS)
        if unknown:
            raise RefusedError(_bad_query(unknown[0], "is not known", f"Use only {', '.join(sorted(_FILTERS))}."))
        catalog, today = self._catalog, self._clock.now().astimezone(VIET_NAM).date()
        states = _words(request, "state", AlertState)
        units = _union(request, "unit", lambda text: subtree(catalog, unit_named(catalog, text, today)))
        return AlertFilter(
            states=STANDING if states is None else states,
            units=units,
            nodes=_union(request, "node", lambda text: nodes_named(catalog, text, today, units)),
            kinds=_words(request, "kind", AlertKind),
            responsible_units=_union(request, "responsible_unit", lambda text: responsible_named(catalog, text)),
        )


def _union(request: Request, name: str, find: Callable[[str], Iterable[str]]) -> frozenset[str] | None:
    values = request.query_params.getlist(name)
    return frozenset(found for value in values for found in find(value)) if values else None


def _words(request: Request, name: str, words: type[_Word]) -> frozenset[_Word] | None:
    values = request.query_params.getlist(name)
    try:
        return frozenset(words(value) for value in values) if values else None
    except ValueError:
        known = ", ".join(words)
        raise RefusedError(_bad_query(name, f"is none of {known}", f"Use one of {known}.")) from None


def _limit_of(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST):
        raise RefusedError(_bad_query("limit", f"is no number from 1 to {MOST}", "Leave it out, or give a number."))
    return int(text)


def _cursor(alert_id: str) -> str:
    return base64.urlsafe_b64encode(alert_id.encode()).decode()


def _after(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        after = base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        after = "\x00"
    if "\x00" in after:
        raise RefusedError(_bad_query("cursor", "is none of ours", "Send next_cursor of the page before."))
    return after


def _bad_query(name: str, detail: str, remedy: str) -> Problem:
    return Problem(400, "invalid_query", "The query cannot be used", remedy, detail=f"{name} {detail}")


def _conflict(method: str) -> Problem:
    if method == "POST":
        return Problem(409, "not_open", "The alert has ended", "Nothing is left to be acknowledged.")
    return Problem(409, "not_acknowledged", "The alert is not acknowledged", "Nothing is left to be taken back.")
