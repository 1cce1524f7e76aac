"""/v1/silences: which there are, asking for one, and ending one."""

import datetime as dt

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.notifier.adapters.documents import silence_document
from services.notifier.adapters.silence_store import SqlSilences, new_silence_id, silence_with, silences
from services.notifier.adapters.web.requests import RefusedError, for_programs, json_of, json_response, text_of
from services.notifier.domain.matchers import unit_named
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.silence_requests import AUTHOR_CHARACTERS, REASON_CHARACTERS, wanted_silence
from shared.catalog.catalog import Catalog
from shared.runtime.clock import Clock
from shared.runtime.problems import Problem

_UNKNOWN = Problem(404, "unknown_silence", "There is no such silence", "GET /v1/silences lists them.")
_OVER = Problem(409, "silence_over", "The silence has ended already", "GET /v1/silences?ended=true says when.")


class SilencesApi:
    """The endpoints of silences; `longest` is how long one may last."""

    def __init__(
        self,
        engine: AsyncEngine,
        catalog: Catalog,
        clock: Clock,
        store: SqlSilences,
        longest: dt.timedelta,
        token: str | None,
    ) -> None:
        self._engine = engine
        self._catalog = catalog
        self._clock = clock
        self._store = store
        self._longest = longest
        self._token = token

    def routes(self) -> list[Route]:
        """Return the routes."""
        token = self._token
        return [
            Route("/v1/silences", for_programs(self.get_list, token), methods=["GET"]),
            Route("/v1/silences", for_programs(self.post, token), methods=["POST"]),
            Route("/v1/silences/{silence_id}", for_programs(self.get_one, token), methods=["GET"]),
            Route("/v1/silences/{silence_id}", for_programs(self.delete, token), methods=["DELETE"]),
        ]

    async def get_list(self, request: Request) -> Response:
        """Answer the silences that last or are to come, with ?ended=true the others too; ?unit= names one unit."""
        now = self._clock.now()
        name = request.query_params.get("unit")
        unit = None if name is None else unit_named(self._catalog, name, now.astimezone(VIET_NAM).date()).id
        found = await silences(self._engine, now, unit=unit, ended=request.query_params.get("ended") == "true")
        return json_response({"silences": [silence_document(self._catalog, line, now) for line in found]})

    async def get_one(self, request: Request) -> Response:
        """Answer one silence, whatever its state."""
        return await self._answer(request.path_params["silence_id"])

    async def post(self, request: Request) -> Response:
        """Grant a silence; it holds from now on, or from its start."""
        document = await json_of(request)
        wanted = wanted_silence(document, self._catalog, new_silence_id(), self._clock.now(), self._longest)
        await self._store.add([wanted])
        return await self._answer(wanted.silence.id, status=201)

    async def delete(self, request: Request) -> Response:
        """End a silence; `by` and `reason` stand in the body, or in the query for those who cannot send one."""
        document = dict(request.query_params) | await json_of(request, required=False)
        by = text_of(document, "by", required=True, most=AUTHOR_CHARACTERS)
        reason = text_of(document, "reason", most=REASON_CHARACTERS)
        silence_id = request.path_params["silence_id"]
        if not await self._store.end(silence_id, by, reason):
            known = await silence_with(self._engine, silence_id, self._clock.now())
            raise RefusedError(_UNKNOWN if known is None else _OVER)
        return await self._answer(silence_id)

    async def _answer(self, silence_id: str, status: int = 200) -> Response:
        now = self._clock.now()
        found = await silence_with(self._engine, silence_id, now)
        if found is None:
            raise RefusedError(_UNKNOWN)
        return json_response(silence_document(self._catalog, found, now), status)
