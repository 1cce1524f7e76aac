"""Odd cells of old XLS workbooks: errors, and formulas whose stored result is nothing, with their places."""

import struct
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from services.ingest.adapters.formats.spreadsheet_cells import ERROR_CODE, FORMULA_CODE
from services.ingest.adapters.formats.spreadsheet_formulas import OddCells

_NO_SECTOR: Final = 0xFFFFFFFA
_HEADER_FAT: Final = 109
_ENTRY: Final = 128
_STREAMS: Final = frozenset({"Workbook", "Book"})
_SMALL: Final = 4096
_FORMULA, _BOOLERR, _BOUNDSHEET, _BOF, _EOF = 0x0006, 0x0205, 0x0085, 0x0809, 0x000A
_SPECIAL: Final = b"\xff\xff"
_ERROR_RESULT, _EMPTY_RESULT = 2, 3
_ERRORS: Final = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}


def odd_xls_cells(body: bytes) -> dict[str, OddCells]:
    """Return the odd cells of each sheet of an XLS workbook, by its name; none of a file that is damaged.

    A formula without a result and one whose result is an empty text are stored alike: both are told.
    """
    try:
        stream = _workbook_stream(body)
        names = _sheet_names(stream)
        return {name: found for name, start in names.items() if (found := _odd_in_sheet(stream, start))}
    except (struct.error, IndexError, UnicodeDecodeError):
        return {}


def _workbook_stream(body: bytes) -> bytes:
    """Return the stream with the sheets out of the compound file around it."""
    size = 1 << struct.unpack_from("<H", body, 30)[0]
    (directory,) = struct.unpack_from("<I", body, 48)
    (further, further_count) = struct.unpack_from("<II", body, 68)
    fat_sectors = list(struct.unpack_from(f"<{_HEADER_FAT}I", body, 76))
    for _ in range(min(further_count, len(body) // size)):
        block = struct.unpack_from(f"<{size // 4}I", body, (further + 1) * size)
        fat_sectors += block[:-1]
        further = block[-1]
    fat: list[int] = []
    for sector in fat_sectors:
        if sector < _NO_SECTOR:
            fat += struct.unpack_from(f"<{size // 4}I", body, (sector + 1) * size)
    entries = _chain(body, fat, directory, size)
    for start in range(0, len(entries) - _ENTRY + 1, _ENTRY):
        length = struct.unpack_from("<H", entries, start + 64)[0]
        name = entries[start : start + max(0, min(length, 64) - 2)].decode("utf-16-le")
        first, extent = struct.unpack_from("<II", entries, start + 116)
        if name in _STREAMS and extent >= _SMALL:
            return _chain(body, fat, first, size)[:extent]
    return b""


def _chain(body: bytes, fat: list[int], sector: int, size: int) -> bytes:
    pieces: list[bytes] = []
    while sector < _NO_SECTOR and len(pieces) <= len(fat):
        pieces.append(body[(sector + 1) * size : (sector + 2) * size])
        sector = fat[sector]
    return b"".join(pieces)


def _records(stream: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield kind, place and length of the records from `start` to the end of their sheet."""
    depth = 0
    while start + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, start)
        depth += (kind == _BOF) - (kind == _EOF)
        yield kind, start + 4, length
        if depth <= 0:
            return
        start += 4 + length


def _sheet_names(stream: bytes) -> dict[str, int]:
    found = {}
    for kind, place, _ in _records(stream, 0):
        if kind == _BOUNDSHEET:
            start, _, _, letters, is_wide = struct.unpack_from("<IBBBB", stream, place)
            text = stream[place + 8 : place + 8 + letters * (2 if is_wide else 1)]
            found[text.decode("utf-16-le" if is_wide else "latin-1")] = start
    return found


def _odd_in_sheet(stream: bytes, start: int) -> OddCells:
    found: OddCells = defaultdict(dict)
    for kind, place, _ in _records(stream, start):
        if kind == _BOOLERR:
            row, column, _, value, is_error = struct.unpack_from("<HHHBB", stream, place)
            if is_error:
                found[row][column] = (ERROR_CODE, _ERRORS.get(value, "#ERROR"))
        elif kind == _FORMULA:
            row, column = struct.unpack_from("<HH", stream, place)
            result = stream[place + 6 : place + 14]
            if result[6:] == _SPECIAL and result[0] == _ERROR_RESULT:
                found[row][column] = (ERROR_CODE, _ERRORS.get(result[2], "#ERROR"))
            elif result[6:] == _SPECIAL and result[0] == _EMPTY_RESULT:
                found[row][column] = (FORMULA_CODE, "=")
    return found
