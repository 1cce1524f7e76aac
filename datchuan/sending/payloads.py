"""Which format a file of reports is in, and how it is cut into requests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from datchuan.errors import USAGE, CommandError

LINES_PER_REQUEST = 1_000
_NDJSON_SUFFIXES = frozenset({".ndjson", ".jsonl"})


class Format(StrEnum):
    """The formats that ingest reads."""

    EVENTS = "events"
    NDJSON = "ndjson"
    CLOUDEVENT = "cloudevent"
    CLOUDEVENTS_BATCH = "cloudevents_batch"
    DHIS2 = "dhis2"


CONTENT_TYPES = {
    Format.EVENTS: "application/json",
    Format.NDJSON: "application/x-ndjson",
    Format.CLOUDEVENT: "application/cloudevents+json",
    Format.CLOUDEVENTS_BATCH: "application/cloudevents-batch+json",
    Format.DHIS2: "application/json",
}
PATHS = dict.fromkeys(Format, "/v1/events") | {Format.DHIS2: "/api/dataValueSets"}


@dataclass(frozen=True)
class Payload:
    """One request to ingest: a whole file, or up to a thousand lines of one that start at `first_line`."""

    file: Path
    format: Format
    body: bytes
    first_line: int = 1


def read_payloads(file: Path) -> Iterator[Payload]:
    """Yield the requests that a file makes; a CommandError says why it makes none."""
    try:
        body = file.read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}", "Give a file of reports.", USAGE) from error
    format_ = detect(file.name, body)
    if format_ is None:
        raise CommandError(
            f"{file} is in no format that ingest reads",
            "Give native events (JSON or NDJSON), CloudEvents JSON, or DHIS2 dataValueSets JSON.",
            USAGE,
        )
    if format_ is not Format.NDJSON:
        yield Payload(file, format_, body)
        return
    lines = enumerate(body.splitlines(keepends=True), start=1)
    while chunk := list(islice(lines, LINES_PER_REQUEST)):
        yield Payload(file, format_, b"".join(line for _, line in chunk), chunk[0][0])


def detect(name: str, body: bytes) -> Format | None:
    """Return the format of a file by its name and content, None when it is none of ours.

    >>> detect("a.json", b'{"dataValues": []}').value, detect("b.jsonl", b"{").value, detect("c.xml", b"<a/>")
    ('dhis2', 'ndjson', None)
    """
    if Path(name).suffix.lower() in _NDJSON_SUFFIXES:
        return Format.NDJSON
    document = _parse(body.removeprefix(b"\xef\xbb\xbf"))
    if isinstance(document, dict):
        return _of_object(document)
    if isinstance(document, list):
        return Format.CLOUDEVENTS_BATCH if any(_is_cloudevent(item) for item in document) else Format.EVENTS
    if any(isinstance(_parse(line), dict) for line in body.splitlines()):
        return Format.NDJSON
    return None


def _of_object(document: dict[str, object]) -> Format:
    if "dataValues" in document:
        return Format.DHIS2
    return Format.CLOUDEVENT if _is_cloudevent(document) else Format.EVENTS


def _is_cloudevent(item: object) -> bool:
    return isinstance(item, dict) and "specversion" in item


def _parse(text: bytes) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
