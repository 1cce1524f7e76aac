"""Checks of what stands around a body: foldings, forms, and the telling of its format."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from typing import Final

from services.ingest.adapters.formats.detecting import (
    DHIS2_ACCEPTED,
    FHIR_ACCEPTED,
    SENDABLE,
    check_format,
    detect,
    detect_among,
)
from services.ingest.adapters.web.bodies import BodyReader
from services.ingest.adapters.web.import_parameters import ImportParameters
from services.ingest.adapters.web.memory import BodyMemory
from services.ingest.adapters.web.recognizing import declared_format, format_of, with_binary_event
from services.ingest.domain.errors import IngestError
from tests.fuzz.envelopes import BOUNDARY
from tests.fuzz.fuzzing import BrokenError

_LIMIT: Final = 2 * 1024 * 1024


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    size = max(1, len(body) // 3)
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def _upload(body: bytes, headers: Mapping[str, str]) -> Hashable:
    memory = BodyMemory(10 * _LIMIT)
    ways: list[Hashable] = []
    try:
        async with BodyReader(_LIMIT, memory, 60).read_upload(_pieces(body), headers, "hmis") as upload:
            if sum(len(file.body) for file in upload.files) > _LIMIT:
                raise BrokenError("an upload is larger than its limit")
            with_binary_event({"ce-id": "1", "ce-type": "x"}, upload) if len(upload.files) == 1 else None
            for file in upload.files:
                file.name.encode()
                ways += [_format(format_of, file, ImportParameters()), len(upload.fields)]
                ways += [_format(declared_format, DHIS2_ACCEPTED, file)]
    except IngestError as error:
        ways.append((type(error).__name__, str(error)[:25]))
    if memory.held:
        raise BrokenError("memory is held when all is over")
    return tuple(ways)


def _format(tell: Callable[..., Hashable], *arguments: object) -> Hashable:
    try:
        found = tell(*arguments)
    except IngestError as error:
        return type(error).__name__, str(error)[:25]
    if found not in SENDABLE:
        raise BrokenError("a format is told that nobody may send")
    return found


def check_folded(body: bytes) -> Hashable:
    """Unfold a body, by itself and by its content encoding."""
    return asyncio.run(_upload(body, {})), asyncio.run(_upload(body, {"content-encoding": "gzip"}))


def check_form(body: bytes) -> Hashable:
    """Read a form."""
    return asyncio.run(_upload(body, {"content-type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}))


def check_head(body: bytes) -> Hashable:
    """Tell the format of a body: content type and file name stand in its first two lines."""
    media, name, head = (*body.split(b"\n", 2), b"", b"")[:3]
    said, file = media.decode("latin-1"), name.decode("utf-8", "replace")
    ways = [_format(detect, said, file, head)]
    ways += [_format(detect_among, among, said, head) for among in (DHIS2_ACCEPTED, FHIR_ACCEPTED)]
    ways += [_format(check_format, format_, head) for format_ in SENDABLE]
    return tuple(ways)
