"""Files as they are sent: folded or not, alone or in a form, within limits of size and memory."""

import asyncio
import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator

import pytest

from services.ingest.adapters.web.bodies import BodyReader
from services.ingest.adapters.web.memory import BodyMemory
from services.ingest.adapters.web.spool import Spool
from services.ingest.adapters.web.uploads import SentFile, Upload
from services.ingest.domain.errors import (
    BodyTooLargeError,
    IngestError,
    MalformedBodyError,
    SlowBodyError,
    UnsupportedFormatError,
)

LIMIT = 1_000_000
FORM = {"content-type": "multipart/form-data; boundary=AaB03x"}


async def chunks(body: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


async def read(
    body: bytes, headers: dict[str, str] | None = None, size: int = 65_536, spool: Spool | None = None
) -> Upload:
    memory = BodyMemory(10 * LIMIT)
    try:
        reader = BodyReader(LIMIT, memory, 10, spool)
        async with reader.read_upload(chunks(body, size), headers or {}, "hmis") as upload:
            return upload
    finally:
        assert memory.held == 0


async def read_one(body: bytes, headers: dict[str, str] | None = None) -> SentFile:
    (file,) = (await read(body, headers)).files
    return file


def a_zip(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def a_bomb(size: int, said: int | None = None) -> bytes:
    """A zip of one file of zeros, made without the room that it unfolds to; `said` is the size that it states."""
    folder = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = folder.compress(bytes(1_000_000)) + folder.flush(zlib.Z_FULL_FLUSH)
    data = block * (size // 1_000_000) + folder.flush()
    name = b"a.csv"
    common = struct.pack("<HHHHHIII", 20, 0, 8, 0, 33, 0, len(data), size if said is None else said)
    local = b"PK\x03\x04" + common + struct.pack("<HH", len(name), 0) + name + data
    entry = b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name
    return local + entry + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(local), 0)


def a_form(*parts: tuple[str, bytes], end: bytes = b"--AaB03x--\r\n") -> bytes:
    return b"".join(b"--AaB03x\r\n%s\r\n\r\n%s\r\n" % (head.encode(), body) for head, body in parts) + end


def a_file(name: str, content: bytes, content_type: str = "text/csv") -> tuple[str, bytes]:
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: {content_type}'
    return head, content


def a_field(name: str, value: bytes) -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{name}"', value


async def test_a_body_is_a_file_without_a_name() -> None:
    file = await read_one(b"abc", {"content-type": "text/csv"})

    assert (file.body, file.content_type, file.name, file.large) == (b"abc", "text/csv", "", None)


@pytest.mark.parametrize("content_type", ["application/gzip", "application/zip", "application/json", ""])
async def test_a_gzip_or_a_zip_of_one_file_is_unfolded_whatever_it_is_called(content_type: str) -> None:
    headers = {"content-type": content_type}

    assert (await read_one(gzip.compress(b"abc"), headers)).body == b"abc"
    unfolded = await read_one(a_zip(**{"values.json": b"{}"}), headers)

    assert (unfolded.body, unfolded.name) == (b"{}", "values.json")
    assert unfolded.content_type == ("application/json" if content_type == "application/json" else "")


async def test_what_a_system_adds_to_a_zip_is_no_file() -> None:
    body = a_zip(**{"a/": b"", "a/v.csv": b"1", "__MACOSX/a/._v.csv": b"x", "a/.DS_Store": b"x"})

    assert (await read_one(body)).body == b"1"


async def test_a_workbook_is_no_archive() -> None:
    body = a_zip(**{"[Content_Types].xml": b"x", "xl/workbook.xml": b"y"})

    assert (await read_one(body)).body == body


async def test_what_came_with_a_content_encoding_is_not_unfolded_again() -> None:
    twice = gzip.compress(gzip.compress(b"abc"))

    assert (await read_one(twice, {"content-encoding": "gzip"})).body == gzip.compress(b"abc")
    assert (await read_one(twice)).body == gzip.compress(b"abc")


def an_encrypted_zip() -> bytes:
    body = bytearray(a_zip(a=b"1"))
    body[6] |= 1
    body[body.index(b"PK\x01\x02") + 8] |= 1
    return bytes(body)


def a_zip_with_lzma() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"1")
    return file.getvalue()


def a_wrong_checksum() -> bytes:
    body = bytearray(a_zip(a=b"1"))
    at = body.index(b"PK\x01\x02") + 16
    body[at : at + 4] = b"\1\2\3\4"
    return bytes(body)


@pytest.mark.parametrize(
    ("body", "error", "text"),
    [
        pytest.param(a_zip(a=b"1", b=b"2"), UnsupportedFormatError, "datchuan import", id="two files"),
        pytest.param(a_zip(), UnsupportedFormatError, "holds 0 files", id="no file"),
        pytest.param(a_zip(**{f"f{n}": b"" for n in range(300)}), UnsupportedFormatError, "hundreds", id="300 files"),
        pytest.param(an_encrypted_zip(), UnsupportedFormatError, "password", id="encrypted"),
        pytest.param(a_zip_with_lzma(), UnsupportedFormatError, "unusual", id="LZMA"),
        pytest.param(a_zip(a=b"1" * 100)[:-10], MalformedBodyError, "broken", id="cut off"),
        pytest.param(a_zip(a=b"1" * 100)[:20], MalformedBodyError, "broken", id="only a beginning"),
        pytest.param(a_wrong_checksum(), MalformedBodyError, "broken", id="wrong checksum"),
        pytest.param(gzip.compress(b"abc")[:-3], MalformedBodyError, "cut off", id="gzip cut off"),
        pytest.param(a_zip(a=bytes(LIMIT + 1)), BodyTooLargeError, "larger", id="a zip over the limit"),
        pytest.param(gzip.compress(bytes(LIMIT + 1)), BodyTooLargeError, "larger", id="a gzip over the limit"),
        pytest.param(a_bomb(300_000_000), BodyTooLargeError, "larger", id="a bomb"),
    ],
)
async def test_a_folded_file_that_cannot_be_unfolded_is_refused(
    body: bytes, error: type[IngestError], text: str
) -> None:
    with pytest.raises(error, match=text):
        await read(body)


@pytest.mark.parametrize("said", [0, 10, 4_294_967_294])
async def test_a_bomb_of_4_gigabytes_is_refused_whatever_size_it_states(said: int) -> None:
    body = a_bomb(4_294_000_000, said)
    assert len(body) < 5_000_000

    with pytest.raises((MalformedBodyError, BodyTooLargeError)):
        await read(body, spool=Spool(5_000_000, 20_000_000, BodyMemory(LIMIT)))


@pytest.mark.parametrize("size", [1, 7, 65_536])
async def test_a_form_gives_its_files_and_fields_however_it_is_cut(size: int) -> None:
    form = a_form(
        a_field("period", b"2024-09"),
        a_file("C:\\reports\\b\xe1.csv", b"a;b\r\n--AaB03\r\n"),
        a_file("v.csv.gz", gzip.compress(b"1,2"), "application/gzip"),
        a_file("empty.csv", b""),
    )

    upload = await read(form, FORM, size)

    assert upload.is_form
    assert upload.fields == {"period": "2024-09"}
    assert [(file.name, file.body, file.content_type) for file in upload.files] == [
        ("bá.csv", b"a;b\r\n--AaB03\r\n", "text/csv"),
        ("v.csv", b"1,2", ""),
        ("empty.csv", b"", "text/csv"),
    ]


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        pytest.param(a_form(a_file("a", b"1"), end=b""), FORM, MalformedBodyError, id="cut off between parts"),
        pytest.param(a_form(a_file("a", b"1"))[:-30], FORM, MalformedBodyError, id="cut off in a part"),
        pytest.param(b"", FORM, MalformedBodyError, id="empty"),
        pytest.param(b"nonsense", FORM, MalformedBodyError, id="no form"),
        pytest.param(a_form(a_field("period", b"2024")), FORM, MalformedBodyError, id="no file"),
        pytest.param(a_form(*[a_file("a", b"1")] * 21), FORM, MalformedBodyError, id="21 files"),
        pytest.param(
            a_form(*[a_field(f"f{n}", b"") for n in range(21)], a_file("a", b"1")), FORM, MalformedBodyError,
            id="21 fields",
        ),
        pytest.param(a_form(a_field("form", b"x" * 1_001)), FORM, MalformedBodyError, id="a long field"),
        pytest.param(
            a_form(a_field("form", b"a"), a_field("form", b"b")), FORM, MalformedBodyError, id="a field twice"
        ),
        pytest.param(a_form(("X: " + "x" * 5_000, b"1")), FORM, MalformedBodyError, id="a long header"),
        pytest.param(a_form(("X: 1\r\n" * 10 + "X: 1", b"1")), FORM, MalformedBodyError, id="many headers"),
        pytest.param(a_form(("Content-Type: text/csv", b"1")), FORM, MalformedBodyError, id="a part without a name"),
        pytest.param(
            a_form((f"{a_file('a', b'')[0]}\r\nContent-Transfer-Encoding: base64", b"MQ==")), FORM, MalformedBodyError,
            id="base64",
        ),
        pytest.param(a_form(a_file("a", b"1")), {"content-type": "multipart/form-data"}, MalformedBodyError,
                     id="no boundary"),
        pytest.param(a_form(a_file("a", b"1")), {"content-type": "multipart/form-data; boundary=" + "x" * 300},
                     MalformedBodyError, id="a long boundary"),
        pytest.param(a_form(a_file("a", bytes(LIMIT))), FORM, BodyTooLargeError, id="too large"),
        pytest.param(a_form(a_file("a.zip", a_bomb(50_000_000))), FORM, BodyTooLargeError, id="a bomb among them"),
        pytest.param(b"\r\n" * LIMIT, FORM, BodyTooLargeError, id="lines without end"),
    ],
)  # fmt: skip
async def test_a_form_that_is_none_is_refused(body: bytes, headers: dict[str, str], error: type[IngestError]) -> None:
    with pytest.raises(error):
        await read(body, headers)


async def test_a_form_that_does_not_come_in_time_is_refused_and_its_memory_given_back() -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield a_form(a_file("a", b"1" * 1_000), end=b"")
        await asyncio.Event().wait()

    memory = BodyMemory(LIMIT)
    with pytest.raises(SlowBodyError):
        async with BodyReader(LIMIT, memory, 0.02).read_upload(stalled(), FORM, "hmis"):
            pass
    assert memory.held == 0


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip"])
async def test_another_content_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(UnsupportedFormatError):
        await read(b"x", {"content-encoding": encoding})


async def test_files_beyond_the_memory_of_a_body_go_to_the_spool_folded_or_not() -> None:
    content = bytes(range(256)) * 8_000
    disk = BodyMemory(100_000_000)
    spool = Spool(LIMIT, 10 * LIMIT, disk)
    form = a_form(a_file("a", content), a_file("b.gz", gzip.compress(content)), a_file("c.zip", a_zip(c=content)))
    reader = BodyReader(LIMIT, BodyMemory(10 * LIMIT), 10, spool)

    async with reader.read_upload(chunks(form, 65_536), FORM, "hmis") as upload:
        assert [file.name for file in upload.files] == ["a", "b", "c"]
        for file in upload.files:
            assert file.large is not None
            assert file.large.read(0, file.large.size) == content
            assert file.head == content[: len(file.head)]
        assert disk.held >= 3 * len(content)
    assert disk.held == 0


async def test_a_zip_in_the_spool_is_unfolded_from_there() -> None:
    content = bytes(range(256)) * 8_000
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.csv", content)
    spool = Spool(LIMIT, 10 * LIMIT, BodyMemory(100_000_000))
    reader = BodyReader(LIMIT, BodyMemory(10 * LIMIT), 10, spool)

    async with reader.read_file(chunks(file.getvalue(), 65_536), {}, "hmis") as sent:
        assert sent.large is not None
        assert (sent.name, sent.large.read(0, sent.large.size)) == ("a.csv", content)
