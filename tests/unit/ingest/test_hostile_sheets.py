"""Workbooks that mean harm: each is answered in seconds, in a sentence, and only its child process suffers."""

import asyncio
import resource
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.adapters.formats.sheets import SheetReader
from services.ingest.adapters.formats.spreadsheet_process import WorkbookReader
from services.ingest.adapters.formats.value_set import ValueReader, Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import BodyTooLargeError, IngestError, MalformedBodyError
from shared.testing.polling import until
from tests.unit.ingest.sheet_files import BHYT_HEAD, CATALOG, in_part, numbers, ods, read, rezip, xls, xlsx
from tests.unit.ingest.test_sheets import DONG_DANG

GOOD = xlsx((*BHYT_HEAD, DONG_DANG))
SHEET = "xl/worksheets/sheet1.xml"


def spoilt(part: str, old: bytes, new: bytes) -> bytes:
    return in_part(part, old, new, GOOD)


LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">'.encode() for n in range(9)
) + b"]>"  # fmt: skip
ODS = ods((*BHYT_HEAD, DONG_DANG))


def seconds_of_work() -> float:
    """What this process and its children have worked; the clock of a busy machine says less."""
    uses = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def far_apart() -> bytes:
    cell = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    return spoilt(SHEET, b"</sheetData>", cell)


def lying_sizes() -> bytes:
    """A part that unpacks to 300 MB and says that it has 10 bytes."""
    body = bytearray(rezip(GOOD, **{"xl/media/x.xml": b"\0" * (300 << 20)}))
    directory = body.rindex(b"PK\x01\x02")
    body[directory + 24 : directory + 28] = struct.pack("<I", 10)
    return bytes(body)


def encrypted_zip() -> bytes:
    body = bytearray(GOOD)
    directory = body.index(b"PK\x01\x02")
    body[directory + 8] |= 1
    return bytes(body)


def many_columns_ods() -> bytes:
    cell = b'<table:table-cell office:value-type="float" office:value="1" table:number-columns-repeated="1000000000"/>'
    return in_part("content.xml", b"</table:table-row>", cell + b"</table:table-row>", ODS)


def many_rows_ods() -> bytes:
    row = (
        b'<table:table-row table:number-rows-repeated="1000000000"><table:table-cell office:value-type="float" '
        b'office:value="1"/></table:table-row></table:table>'
    )
    return in_part("content.xml", b"</table:table>", row, ODS)


def long_shared_text() -> bytes:
    """One text of 30,000 letters in 100,000 cells."""
    cells = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (n, n) for n in range(7, 100_000))
    body = spoilt(SHEET, b"</sheetData>", cells + b"</sheetData>")
    return in_part("xl/sharedStrings.xml", b"<si><t>", b"<si><t>" + b"x" * 30_000, body)


HOSTILE: list[tuple[str, Callable[[], bytes], str]] = [
    ("zip bomb", lambda: rezip(GOOD, **{"xl/media/x.bin": b"\0" * (300 << 20)}), "unpacks to more than 256 MB"),
    ("lying sizes", lying_sizes, "unpacks to more than 256 MB"),
    ("many parts", lambda: rezip(GOOD, **{f"x{n}": b"" for n in range(2_000)}), "parts; a workbook may have 2000"),
    ("nested zip", lambda: rezip(GOOD, **{"xl/embeddings/x.xlsx": GOOD}), "has another file inside"),
    ("nested gzip", lambda: rezip(GOOD, **{"xl/x.xml": b"\x1f\x8b\x08 "}), "has another file inside"),
    ("far apart", far_apart, "cells lie too far apart|reaches to row"),
    ("repeated columns", many_columns_ods, "512 columns are read"),
    ("repeated rows", many_rows_ods, "200000 rows|limits of memory"),
    ("doctype", lambda: spoilt(SHEET, b"<worksheet", b"<!DOCTYPE x><worksheet"), "document type declaration"),
    ("laughs", lambda: spoilt("xl/sharedStrings.xml", b"<sst", LAUGHS + b"<sst"), "document type declaration"),
    ("utf-16 doctype", lambda: rezip(GOOD, **{"xl/x.xml": "<!DOCTYPE x>".encode("utf-16-le")}), "document type"),
    ("truncated", lambda: GOOD[: len(GOOD) // 2], "damaged or incomplete"),
    ("cut at the end", lambda: GOOD[:-30], "damaged or incomplete"),
    ("no xml", lambda: spoilt(SHEET, b"<sheetData>", b"<<<"), "damaged"),
    ("encrypted entries", encrypted_zip, "protected by a password"),
    ("encrypted workbook", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
     "protected by a password"),
    ("ole of nothing", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 5_000, "damaged|limits of memory"),
    ("cut xls", lambda: xls((*BHYT_HEAD, DONG_DANG))[:3_000], "damaged|limits of memory"),
    ("no workbook", lambda: rezip(GOOD, lambda name, content: b"" if name == "xl/workbook.xml" else content),
     "damaged"),
    ("a zip of nothing", lambda: b"PK\x05\x06" + b"\0" * 18, "no XLSX, XLS or ODS"),
    ("html with another name", lambda: b"<html><table><tr><td>1</td></tr></table></html>", "no XLSX, XLS or ODS"),
    ("binary workbook", lambda: rezip(other_zip(), **{"xl/workbook.bin": b"x"}), "save it as .xlsx"),
    ("200 sheets", lambda: xlsx((("x",),), others=[(f"s{n}", (), False) for n in range(199)]), "has 200 sheets"),
    ("long shared text", long_shared_text, "too much|limits of memory"),
    ("wide sheet", lambda: spoilt(SHEET, b"</sheetData>", b'<row r="9"><c r="ABC9"><v>1</v></c></row></sheetData>'),
     "512 columns are read"),
]  # fmt: skip


def other_zip() -> bytes:
    stored = BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("a.txt", "x")
    return stored.getvalue()


@pytest.mark.parametrize(("make", "said"), [pytest.param(make, said, id=name) for name, make, said in HOSTILE])
def test_a_hostile_workbook_is_answered_in_seconds_and_memory_stays_bounded(
    make: Callable[[], bytes], said: str
) -> None:
    body = make()
    children = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = seconds_of_work()

    reader = WorkbookReader()
    open_ = SheetReader(CATALOG.forms, CATALOG.indicators, reader).read_workbook
    with pytest.raises(IngestError, match=said) as caught:
        asyncio.run(_all(open_, body))

    assert isinstance(caught.value, MalformedBodyError | BodyTooLargeError)
    assert seconds_of_work() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - children < 200_000, "kilobytes"


async def _all(open_: ValueReader, body: bytes) -> None:
    values = await open_(body, Wishes(), AliasTable.empty("x"))
    list(values.rows)


def test_macros_and_links_to_other_files_are_not_opened() -> None:
    macro = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 macro"
    body = rezip(GOOD, **{"xl/vbaProject.bin": macro, "xl/externalLinks/externalLink1.xml": b"<externalLink/>"})

    assert numbers(read(body)) == numbers(read(GOOD))


def test_dde_in_a_formula_is_never_asked_and_its_stored_value_is_read() -> None:
    row = (1, "06184", "TT Đồng Đăng", "=cmd|'/c calc'!A0", 5, 5, 5, "", "")

    assert numbers(read(xlsx((*BHYT_HEAD, row), result=7)))["BHYT!D6"] == 7


@pytest.fixture
def workers() -> Callable[[], list[psutil.Process]]:
    """Returns the children that began in this test: the servers of other tests are children of this process, too."""
    before = {child.pid for child in psutil.Process().children()}
    return lambda: [child for child in psutil.Process().children() if child.pid not in before]


Workers = Callable[[], list[psutil.Process]]


async def test_a_child_that_takes_too_long_is_killed(workers: Workers) -> None:
    reader = WorkbookReader(timeout_seconds=0.001)

    with pytest.raises(BodyTooLargeError, match="takes too long to read"):
        await reader.read(GOOD)

    assert not workers()


async def test_a_child_ends_with_its_request(workers: Workers) -> None:
    request = asyncio.create_task(WorkbookReader().read(GOOD))
    await until(workers)
    request.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request

    assert not workers()


async def test_no_more_than_two_children_run_at_a_time(workers: Workers) -> None:
    reader = WorkbookReader(concurrent=2)
    requests = [asyncio.create_task(reader.read(GOOD)) for _ in range(5)]
    seen: list[int] = []

    def are_done() -> bool:
        seen.append(len(workers()))
        return all(request.done() for request in requests)

    await until(are_done)

    assert 1 <= max(seen) <= 2
    assert [len(request.result()) for request in requests] == [1] * 5


async def test_a_hostile_file_leaves_the_next_one_unharmed() -> None:
    reader = WorkbookReader(concurrent=1)

    with pytest.raises(BodyTooLargeError):
        await reader.read(far_apart())

    assert [grid.name for grid in await reader.read(GOOD)] == ["BHYT"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=20))
def test_a_workbook_with_any_bytes_changed_gives_rows_or_a_refusal(changes: list[tuple[int, int]]) -> None:
    body = bytearray(GOOD)
    for place, byte in changes:
        body[place] = byte

    try:
        placed = read(b"PK\x03\x04" + bytes(body[4:]))
    except IngestError:
        return
    assert isinstance(placed, list)


def test_long_texts_where_headers_and_titles_stand_take_no_time() -> None:
    long_cells = [["tháng 1 năm " * 2_500] * 20 for _ in range(30)]
    started = seconds_of_work()

    placed = read(xlsx((*long_cells, *BHYT_HEAD[3:], (1, "06184", "x" * 30_000, "9" * 30_000 + "a", 5, 5, 5, "", ""))))

    assert seconds_of_work() - started < 5
    assert len(placed) == 4


def test_merged_cells_that_overlap_a_thousand_times_take_no_time() -> None:
    merges = b'<mergeCells count="100000">' + b'<mergeCell ref="A1:SR40"/>' * 100_000 + b"</mergeCells>"
    body = spoilt(SHEET, b"</sheetData>", b"</sheetData>" + merges)
    started = seconds_of_work()

    with pytest.raises(IngestError):
        read(body)

    assert seconds_of_work() - started < 5
