"""A small DHIS2: the reading half of its Web API as documented for 2.40 to 2.43, over HTTP, with faults on order."""

import asyncio
import base64
import datetime as dt
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from shared.embedded.ports import free_port
from shared.testing.polling import until

USER, PASSWORD, TOKEN = "poller", "s3cret:Word", "d2pat_5xVA12xyUbWNedQxy4ohH77WlxRGVvZZ1151814092"
LOGIN_PAGE = b"<!DOCTYPE html><html><body><form action='/login'></form></body></html>"
Fault = Callable[[Request], Awaitable[Response | None]]
Key = tuple[str, str, str, str]


@dataclass
class Value:
    """One stored value; `committed` says whether others can see it already."""

    value: str
    last_updated: dt.datetime
    deleted: bool = False
    committed: bool = True


@dataclass
class Dhis2:
    """The instance: its data, its clock, and what it does wrong next.

    `tree` names the children of each organisation unit, `data_sets` the data elements of each set.
    """

    clock: dt.datetime = dt.datetime(2024, 10, 15, 5, 0, tzinfo=dt.UTC)
    version: str = "2.42.1"
    data_sets: dict[str, set[str]] = field(default_factory=lambda: {"DsHealth001": {"Cards", "People", "Paper"}})
    tree: dict[str, list[str]] = field(default_factory=lambda: {"P1": ["D1"], "D1": ["C1", "C2", "T1", "W1"]})
    values: dict[Key, Value] = field(default_factory=dict)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    wants_period: bool = False
    gzips: bool = True
    sends_date: bool = True
    before_answer: Callable[[], None] | None = None
    port: int = 0

    @property
    def url(self) -> str:
        """The address of the instance, with a context path as real ones have."""
        return f"http://127.0.0.1:{self.port}/dhis"

    def put(self, element: str, unit: str, value: str | None, option: str = "Male", period: str = "202409") -> Value:
        """Store a value now; None deletes it. Deleted values stay with their flag, as in DHIS2."""
        key = (element, period, unit, option)
        known = self.values.get(key)
        text = value if value is not None else (known.value if known else "0")
        stored = self.values[key] = Value(text, self.clock, deleted=value is None)
        return stored

    def advance(self, seconds: float) -> None:
        """Let time pass here."""
        self.clock += dt.timedelta(seconds=seconds)

    async def answer(self, request: Request) -> Response:
        """Answer one request; a fault on order comes first."""
        if self.faults:
            wrong = await self.faults.pop(0)(request)
            if wrong is not None:
                return self._dated(wrong)
        if not _is_known(request.headers.get("authorization", "")):
            return self._dated(message(401, "Unauthorized", code="E1002"))
        path = request.url.path.removeprefix("/dhis/api/")
        if path == "dataValueSets":
            return self._dated(self._data_value_sets(request))
        return self._dated(self._metadata(path))

    def _dated(self, response: Response) -> Response:
        if self.sends_date and "date" not in response.headers:
            response.headers["date"] = format_datetime(self.clock, usegmt=True)
        return response

    def _metadata(self, path: str) -> Response:
        kind, _, uid = path.partition("/")
        if path == "me":
            return JSONResponse({"username": USER, "displayName": "Poller"})
        if path == "system/info":
            return JSONResponse({"version": self.version, "serverDate": moment(self.clock)})
        if kind == "dataSets" and uid in self.data_sets:
            return JSONResponse({"id": uid, "name": f"Set {uid}"})
        if kind == "organisationUnits" and uid in self._units():
            children = [{"id": child} for child in self.tree.get(uid, [])]
            return JSONResponse({"id": uid, "name": f"Unit {uid}", "children": children})
        return message(404, f"{kind} with id {uid} could not be found.", code="E1005")

    def _data_value_sets(self, request: Request) -> Response:
        query = {name: request.query_params.getlist(name) for name in request.query_params}
        self.asked.append(query)
        refusal = self._refuse(query)
        if refusal is not None:
            return refusal
        rows = self._select(query)
        if self.before_answer is not None:
            self.before_answer()
        limit = int(query["limit"][0]) if "limit" in query else None
        body = msgspec.json.encode(self._head(query, rows[:limit]) if rows else {})
        if self.gzips and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(gzip.compress(body), media_type="application/json", headers={"content-encoding": "gzip"})
        return Response(body, media_type="application/json")

    def _refuse(self, query: dict[str, list[str]]) -> Response | None:
        has_times = "lastUpdated" in query or "lastUpdatedDuration" in query
        has_periods = "period" in query or {"startDate", "endDate"} <= query.keys()
        if not query.get("dataSet") or set(query["dataSet"]) - self.data_sets.keys():
            return message(409, "At least one data element, data set or data element group must be specified", "E2001")
        if not has_periods and (self.wants_period or not has_times):
            text = "At least one period, start/end dates, last updated or last updated duration must be specified"
            return message(409, text, "E2002")
        if "period" in query and "startDate" in query:
            return message(409, "Both periods and start/end date cannot be specified", "E2003")
        if not query.get("orgUnit") or set(query["orgUnit"]) - self._units():
            return message(409, "At least one organisation unit or organisation unit group must be specified", "E2006")
        if "limit" in query and int(query["limit"][0]) < 0:
            return message(409, f"Limit cannot be less than zero: `{query['limit'][0]}`", "E2009")
        return None

    def _select(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        since = dt.datetime.fromisoformat(query["lastUpdated"][0]) if "lastUpdated" in query else None
        elements = set().union(*(self.data_sets[name] for name in query["dataSet"]))
        units = set(query["orgUnit"])
        if query.get("children") == ["true"]:
            units = set().union(*(self._branch(unit) for unit in units))
        with_deleted = query.get("includeDeleted") == ["true"]
        return [
            row_of(key, value)
            for key, value in self.values.items()
            if value.committed and key[0] in elements and key[2] in units
            if since is None or value.last_updated >= since
            if with_deleted or not value.deleted
        ]

    def _head(self, query: dict[str, list[str]], rows: list[dict[str, Any]]) -> dict[str, Any]:
        """What all rows share stands above them when one unit without children was asked for, as in 2.43."""
        head: dict[str, Any] = {}
        if len(query["dataSet"]) == 1:
            head["dataSet"] = query["dataSet"][0]
        if len(query["orgUnit"]) == 1 and query.get("children") != ["true"]:
            head["orgUnit"] = query["orgUnit"][0]
            rows = [{name: value for name, value in row.items() if name != "orgUnit"} for row in rows]
        return head | {"dataValues": rows}

    def _units(self) -> set[str]:
        return self.tree.keys() | {child for children in self.tree.values() for child in children}

    def _branch(self, unit: str) -> set[str]:
        return {unit}.union(*(self._branch(child) for child in self.tree.get(unit, [])))


def row_of(key: Key, value: Value) -> dict[str, Any]:
    """A row of dataValueSets, as DHIS2 writes it."""
    element, period, unit, option = key
    row: dict[str, Any] = {
        "dataElement": element,
        "period": period,
        "orgUnit": unit,
        "categoryOptionCombo": option,
        "attributeOptionCombo": "HllvX50cXC0",
        "value": value.value,
        "storedBy": "someone",
        "created": moment(value.last_updated),
        "lastUpdated": moment(value.last_updated),
        "followup": False,
    }
    return row | {"deleted": True} if value.deleted else row


def moment(at: dt.datetime) -> str:
    """A moment as DHIS2 writes it."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}+0000"


def message(status: int, text: str, code: str = "", **headers: str) -> Response:
    """DHIS2's WebMessage."""
    words = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}
    content = {"httpStatus": words.get(status, "Error"), "httpStatusCode": status, "status": "ERROR", "message": text}
    return JSONResponse(content | ({"errorCode": code} if code else {}), status, headers)


def answering(response: Callable[[], Response]) -> Fault:
    """A fault that is a wrong answer."""

    async def fault(_: Request) -> Response | None:
        return response()

    return fault


def hanging(reached: asyncio.Event, released: asyncio.Event) -> Fault:
    """A fault that is no answer until it is released; `reached` is set when a request waits."""

    async def fault(_: Request) -> Response | None:
        reached.set()
        await released.wait()
        return None

    return fault


def cut_off() -> Response:
    """An answer whose connection ends within the JSON."""
    return StreamingResponse(
        _pieces(b'{"dataValues":[{"dataElement":"Pa', end=True),
        media_type="application/json",
        headers={"content-length": "4000"},
    )


def dripping() -> Response:
    """An answer that never ends, some bytes at a time."""
    return StreamingResponse(_pieces(b'{"dataValues":[', end=False), media_type="application/json")


async def _pieces(first: bytes, *, end: bool) -> AsyncIterator[bytes]:
    yield first
    while not end:
        await asyncio.sleep(0.02)  # the sender's slowness, not the test's patience
        yield b" "


def _is_known(authorization: str) -> bool:
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return authorization in (f"Basic {basic}", f"ApiToken {TOKEN}")


@asynccontextmanager
async def running(instance: Dhis2) -> AsyncIterator[Dhis2]:
    """Serve an instance on a free port of this machine."""
    instance.port = free_port()
    app = Starlette(routes=[Route("/{path:path}", instance.answer)])
    config = uvicorn.Config(
        app, port=instance.port, log_config=None, date_header=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())  # without its signal handlers: they are the test's own
    try:
        await until(lambda: server.started, what="the server")
        yield instance
    finally:
        server.should_exit = server.force_exit = True
        await serving
