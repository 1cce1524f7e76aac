"""Whatever bytes come: a format, an upload, or one of our refusals, and never anything else."""

import contextlib
import gzip
import io
import zipfile
from collections.abc import AsyncIterator, Callable

from hypothesis import example, given
from hypothesis import strategies as st

from services.ingest.adapters.formats.detecting import DHIS2_ACCEPTED, SENDABLE, check_format, detect, detect_among
from services.ingest.adapters.web.bodies import BodyReader
from services.ingest.adapters.web.memory import BodyMemory
from services.ingest.domain.errors import IngestError

LIMIT = 20_000
FORM = "multipart/form-data; boundary=b"
PIECES = st.sampled_from(
    [
        b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b'"dataValues"', b'"resourceType":"Patient"', b'"specversion"',
        b"<", b"<!--", b"-->", b"<?", b"?>", b"<!DOCTYPE", b"<adx", b"<GIAMDINHHS>", b"PK\x03\x04", b"PK\x01\x02",
        b"PK\x05\x06", b"\x1f\x8b\x08", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\0", b"mimetype", b"xl/", b"\n",
        b"dataelement,period", b";", b"--b\r\n", b"--b--", b"\r\n\r\n", b'Content-Disposition: form-data; name="file"',
    ]
)  # fmt: skip
BODIES = st.lists(PIECES | st.binary(max_size=20), max_size=40).map(b"".join)


def a_zip(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", content)
    return file.getvalue()


FOLDS: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": gzip.compress, "zip": a_zip}


async def pieces(body: bytes, cut: int) -> AsyncIterator[bytes]:
    yield body[:cut]
    yield body[cut:]


@given(BODIES, st.sampled_from(["", "application/json", "text/csv", "application/xml", "\0"]))
@example(b'{"\xed\xa0\x80":', "")
def test_every_beginning_has_a_format_or_is_refused(head: bytes, content_type: str) -> None:
    with contextlib.suppress(IngestError):
        assert detect(content_type, "a.b", head) in SENDABLE
    with contextlib.suppress(IngestError):
        assert detect_among(DHIS2_ACCEPTED, content_type, head) in SENDABLE
    for format_ in SENDABLE:
        with contextlib.suppress(IngestError):
            assert check_format(format_, head) is format_


@given(BODIES, st.integers(0, 100), st.sampled_from(sorted(FOLDS)), st.booleans(), st.integers(0, 200))
async def test_every_body_is_an_upload_or_is_refused(
    content: bytes, cut: int, fold: str, is_form: bool, damage: int
) -> None:
    body = FOLDS[fold](content)
    if damage < len(body):
        body = body[:damage] + bytes([body[damage] ^ 0x41]) + body[damage + 1 :]
    memory = BodyMemory(10 * LIMIT)
    headers = {"content-type": FORM if is_form else ""}

    with contextlib.suppress(IngestError):
        async with BodyReader(LIMIT, memory, 10).read_upload(pieces(body, cut), headers, "hmis") as upload:
            assert sum(len(file.body) for file in upload.files) <= LIMIT
    assert memory.held == 0
