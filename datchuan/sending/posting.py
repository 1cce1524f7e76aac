"""Sends reports to a running ingest and reads what became of them."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from datchuan.errors import as_sentence
from datchuan.sending.payloads import CONTENT_TYPES, PATHS, Format, Payload

LONGEST_WAIT_SECONDS = 10.0
_MOST_ERRORS = 100


class PostingError(Exception):
    """Ingest did not take a request; the text says why and what to do."""


@dataclass(frozen=True)
class Tally:
    """What became of rows: accepted, known already, or set aside; `errors` explains the first of the last."""

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    errors: tuple[dict[str, Any], ...] = field(default=())

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.rows + other.rows,
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            self.quarantined + other.quarantined,
            (self.errors + other.errors)[:_MOST_ERRORS],
        )


class Sender:
    """Posts to one ingest with one token; waits out an outage of some 16 seconds, because a replay does no harm."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._token = token
        self._has_answered = False

    async def post(self, payload: Payload) -> Tally:
        """Send one request and return what became of its rows."""
        answer = await self._post(PATHS[payload.format], CONTENT_TYPES[payload.format], payload.body)
        if payload.format is Format.DHIS2:
            return dhis2_tally(answer)
        return events_tally(answer, payload.first_line - 1)

    async def post_dhis2(self, document: dict[str, Any]) -> Tally:
        """Send one DHIS2 dataValueSets document and return what became of its rows."""
        body = json.dumps(document, ensure_ascii=False).encode()
        return dhis2_tally(await self._post(PATHS[Format.DHIS2], CONTENT_TYPES[Format.DHIS2], body))

    async def _post(self, path: str, content_type: str, body: bytes) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        wait = 0.25
        while True:
            try:
                answer = await self._client.post(path, content=body, headers=headers)
            except httpx.TransportError as error:
                # One that has answered before is restarting; one that never did is not there.
                if not self._has_answered or wait > LONGEST_WAIT_SECONDS:
                    raise PostingError(_unreachable(self._client, error)) from error
            else:
                self._has_answered = True
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or wait > LONGEST_WAIT_SECONDS:
                    break
            await asyncio.sleep(wait)
            wait *= 2
        return read_answer(answer)


def read_answer(answer: httpx.Response) -> dict[str, Any]:
    """Return the report in an answer; PostingError when the request was refused as a whole."""
    try:
        document = answer.json()
    except ValueError:
        document = {}
    if not isinstance(document, dict):
        document = {}
    set_aside = document.get("quarantined") or document.get("response", {}).get("rejectedIndexes")
    if answer.is_success or set_aside:
        return document
    detail = document.get("detail") or document.get("message") or document.get("title") or answer.reason_phrase
    remedy = document.get("remedy", "")
    raise PostingError(f"ingest refused the request ({answer.status_code}): {as_sentence(detail)} {remedy}".strip())


def events_tally(document: dict[str, Any], lines_before: int = 0) -> Tally:
    """Return the tally of an answer to native events; line numbers become those of the whole file."""
    errors = []
    for error in document.get("errors", ()):
        shift = lines_before if error.get("row_kind") == "line" else 0
        errors.append({**error, "row": error.get("row", 0) + shift})
    counts = {name: int(document.get(name, 0)) for name in ("accepted", "duplicates", "quarantined")}
    return Tally(rows=sum(counts.values()), errors=tuple(errors), **counts)


def dhis2_tally(document: dict[str, Any]) -> Tally:
    """Return the tally of a DHIS2 ImportSummary, in which a duplicate counts as updated."""
    summary = document["response"]
    counts = {name: int(count) for name, count in summary["importCount"].items()}
    return Tally(
        rows=sum(counts.values()),
        accepted=counts["imported"] + counts["deleted"],
        duplicates=counts["updated"],
        quarantined=counts["ignored"],
        errors=tuple(summary.get("conflicts", ()))[:_MOST_ERRORS],
    )


def _unreachable(client: httpx.AsyncClient, error: httpx.TransportError) -> str:
    cause = as_sentence(str(error) or type(error).__name__)
    return f"ingest at {client.base_url} does not answer: {cause} Is `datchuan up` running?"
