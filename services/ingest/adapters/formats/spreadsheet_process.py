"""Reads workbooks in child processes, so that a hostile file can harm nothing but its own child."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from services.ingest.adapters.formats.sheet_grids import Grid, column_letters
from services.ingest.adapters.formats.spreadsheet_cells import (
    DATE_CODE,
    ERROR_CODE,
    SheetCells,
    WorkbookAnswer,
)
from services.ingest.domain.errors import BodyTooLargeError, MalformedBodyError
from services.ingest.domain.forms import DATE, ERROR, FORMULA, HEAD_ROWS, GridRow, OddCell

WORKER: Final = "services.ingest.adapters.formats.spreadsheet_worker"
CONCURRENT: Final = 2
TIMEOUT_SECONDS: Final = 20.0

_decode_answer: Final = msgspec.msgpack.Decoder(WorkbookAnswer).decode


def _odd_cell(code: int, data: memoryview) -> OddCell:
    kind = DATE if code == DATE_CODE else ERROR if code == ERROR_CODE else FORMULA
    return OddCell(kind, bytes(data).decode())


_decode_rows: Final = msgspec.msgpack.Decoder(list[list[Any]], ext_hook=_odd_cell).decode


class WorkbookReader:
    """Opens workbooks, a few at a time, each in a child of its own that ends with the request."""

    def __init__(self, concurrent: int = CONCURRENT, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._slots = asyncio.Semaphore(concurrent)
        self._timeout_seconds = timeout_seconds

    async def read(self, body: bytes) -> list[Grid]:
        """Return the tables of a workbook; raises MalformedBodyError or BodyTooLargeError."""
        async with self._slots:
            output = await self._run(body)
        answer = _decode_answer(output)
        if answer.error:
            raise (BodyTooLargeError if answer.too_large else MalformedBodyError)(answer.error)
        return [_grid(sheet) for sheet in answer.sheets]

    async def _run(self, body: bytes) -> bytes:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            WORKER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
        try:
            async with asyncio.timeout(self._timeout_seconds):
                output, _ = await child.communicate(body)
        except TimeoutError:
            raise BodyTooLargeError("The file takes too long to read: send fewer rows in one file.") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode != 0:
            raise BodyTooLargeError(
                "The file cannot be read within the limits of memory and time: it is damaged, or its cells lie too far "
                "apart. Copy the table into a new file and send that."
            )
        return output


def _grid(sheet: SheetCells) -> Grid:
    def rows() -> Iterator[tuple[int, GridRow]]:
        number = 0
        for chunk in sheet.chunks:
            for row in _decode_rows(chunk):
                yield number, row
                number += 1

    def place(row: int, column: int) -> str:
        return f"{sheet.name}!{column_letters(column)}{row + 1}"

    head = [row for _, row in zip(range(HEAD_ROWS), (cells for _, cells in rows()), strict=False)]
    return Grid(name=sheet.name, head=head, rows=rows, place=place, merges=sheet.merges, hidden=sheet.hidden)
