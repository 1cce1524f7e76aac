"""Small workbooks of the three kinds, and damages inside of their zip, where a damage outside would only break it."""

import io
import zipfile
from collections.abc import Sequence
from random import Random
from typing import Any, Final

import xlsxwriter
import xlwt

from tests.fuzz.mutations import mutate
from tests.fuzz.other_documents import form_rows
from tests.fuzz.words import sometimes
from tests.unit.ingest.sheet_files import ods


def _xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    stored = io.BytesIO()
    book = xlsxwriter.Workbook(stored, {"in_memory": True, "strings_to_urls": False})
    sheet = book.add_worksheet("BHYT")
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            sheet.write(number, column, value)
    book.close()
    return stored.getvalue()


def _xls(rows: Sequence[Sequence[Any]]) -> bytes:
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("Sheet1")
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            sheet.write(number, column, value)
    stored = io.BytesIO()
    book.save(stored)
    return stored.getvalue()


def _in_zip(random: Random, body: bytes) -> bytes:
    """Damage one of the parts of a workbook, and fold it again."""
    stored = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as new:
        chosen = random.choice([entry.filename for entry in old.infolist() if entry.filename.endswith(".xml")])
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry.filename, mutate(random, content, ()) if entry.filename == chosen else content)
    return stored.getvalue()


WORKBOOKS: Final = (_xlsx, _xls, ods)


def workbook(random: Random) -> bytes:
    """Return a workbook with a form, half of them damaged inside."""
    kind = random.choice(WORKBOOKS)
    body = kind(form_rows(random))
    return _in_zip(random, body) if kind is not _xls and sometimes(random, 0.5) else body
