"""Sends files to a running ingest and reads what became of them."""

import asyncio
import json
import mimetypes
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Final

import httpx

from datchuan.errors import as_sentence
from datchuan.sending.pieces import Piece
from datchuan.sending.tallies import Tally, dhis2_tally, tally_of

LONGEST_WAIT_SECONDS: Final = 10.0
IMPORT_PATH: Final = "/v1/import"
_DHIS2_PATH: Final = "/api/dataValueSets"
_REFUSALS_OF_ALL: Final = frozenset({401, 403, 404, 405, 500, 502, 503, 504})

Content = Callable[[], Iterator[bytes]]


class PostingError(Exception):
    """Ingest took nothing and would take nothing else either; the text says why and what to do."""


class Sender:
    """Posts to one ingest with one token; waits out an outage of some 16 seconds, because a replay does no harm."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._token = token
        self._has_answered = False

    async def send(
        self, piece: Piece, asked: Mapping[str, str], on_bytes: Callable[[int], None] = lambda _: None
    ) -> Tally:
        """Send a file or a piece of one and return what became of its rows; a refusal of the file is its problem."""
        boundary = secrets.token_hex(16)
        name = piece.item.name.replace("\\", "_").replace('"', "_").replace("\r", "_").replace("\n", "_")
        media = mimetypes.guess_type(name)[0] or "application/octet-stream"
        before = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: {media}\r\n\r\n"
        ).encode()
        after = f"\r\n--{boundary}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(before) + piece.end - piece.start + len(after)),
        }

        def content() -> Iterator[bytes]:
            yield before
            for chunk in piece.chunks():
                yield chunk
                on_bytes(len(chunk))
            yield after

        answer = await self._post(IMPORT_PATH, content, headers, asked)
        return read_answer(answer).moved(piece.lines_before)

    async def post_dhis2(self, document: dict[str, Any]) -> Tally:
        """Send one DHIS2 dataValueSets document and return what became of its rows."""
        body = json.dumps(document, ensure_ascii=False).encode()
        answer = await self._post(_DHIS2_PATH, lambda: iter((body,)), {"Content-Type": "application/json"}, {})
        found = _document(answer)
        if answer.is_success or found.get("response", {}).get("rejectedIndexes"):
            return dhis2_tally(found)
        raise PostingError(_refusal(answer, found))

    async def _post(
        self, path: str, content: Content, headers: Mapping[str, str], asked: Mapping[str, str]
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self._token}", **headers}
        wait = 0.25
        while True:
            try:
                answer = await self._client.post(path, content=_in_turn(content), headers=sent, params=dict(asked))
            except httpx.TransportError as error:
                # One that has answered before is restarting; one that never did is not there.
                if not self._has_answered or wait > LONGEST_WAIT_SECONDS:
                    raise PostingError(_unreachable(self._client, error)) from error
            else:
                self._has_answered = True
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or wait > LONGEST_WAIT_SECONDS:
                    return answer
            await asyncio.sleep(wait)
            wait *= 2


def read_answer(answer: httpx.Response) -> Tally:
    """Return what an answer says of one file; PostingError when other files would fare no better."""
    document = _document(answer)
    if "rows" in document:
        return tally_of(document)
    if answer.status_code in _REFUSALS_OF_ALL or not document:
        raise PostingError(_refusal(answer, document))
    taken = document.get("taken") or {}
    return tally_of(taken) + Tally(problem=_why(answer, document))


def _document(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _refusal(answer: httpx.Response, document: Mapping[str, Any]) -> str:
    return f"ingest refused the request ({answer.status_code}): {_why(answer, document)}"


def _why(answer: httpx.Response, document: Mapping[str, Any]) -> str:
    why = document.get("detail") or document.get("message") or document.get("title") or answer.reason_phrase
    return f"{as_sentence(str(why))} {document.get('remedy', '')}".strip()


async def _in_turn(content: Content) -> AsyncIterator[bytes]:
    for chunk in content():
        yield chunk


def _unreachable(client: httpx.AsyncClient, error: httpx.TransportError) -> str:
    cause = as_sentence(str(error) or type(error).__name__)
    return f"ingest at {client.base_url} does not answer: {cause} Is `datchuan up` running?"
