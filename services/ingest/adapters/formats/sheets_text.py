"""CSV and TSV as people save them: any usual encoding, commas, semicolons or tabs."""

import csv
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from typing import Final

from services.ingest.adapters.formats.sheet_grids import Grid
from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.forms import HEAD_ROWS, MAX_COLUMNS, GridRow

DELIMITERS: Final = (";", "\t", ",")
UTF8: Final = "utf-8"
_CP1258: Final = "cp1258"
_BOMS: Final = ((b"\xef\xbb\xbf", UTF8), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_SAMPLE: Final = 400
_LINE: Final = re.compile(r"[^\r\n]*+(?:\r\n|\n|\r)|[^\r\n]++")


def decode_text(body: bytes) -> tuple[str, str]:
    """Return a text and its encoding: by its mark, else UTF-16 by its zeros, else UTF-8, else Windows-1258."""
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return _decoded(body[len(mark) :], encoding), encoding
    sample = body[:_SAMPLE]
    if sample.count(0) * 3 > len(sample) > 0:
        encoding = "utf-16-le" if sample[1::2].count(0) > sample[0::2].count(0) else "utf-16-be"
        return _decoded(body, encoding), encoding
    try:
        return _decoded(body, UTF8), UTF8
    except MalformedBodyError:
        return unicodedata.normalize("NFC", _decoded(body, _CP1258)), _CP1258


def text_grids(text: str) -> list[Grid]:
    """Return the table of a text as each delimiter would have it, the widest first; none for an empty text."""
    if "\0" in text[: _SAMPLE * 100]:
        raise MalformedBodyError("The file is no text: it has characters with the code 0.")
    widths = {}
    problem: MalformedBodyError | None = None
    for delimiter in DELIMITERS:
        try:
            head = list(islice(_rows(text, delimiter), HEAD_ROWS))
        except MalformedBodyError as error:  # quoted cells with another delimiter between them look broken
            problem = problem or error
            continue
        widths[delimiter] = (max((len(row) for _, row in head), default=0), head)
    if problem is not None and all(width < 2 for width, _ in widths.values()):
        raise problem
    found = sorted(widths.items(), key=lambda item: -item[1][0])
    return [_grid(text, delimiter, [row for _, row in head]) for delimiter, (width, head) in found if width > 1]


def _decoded(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        raise MalformedBodyError(
            "The text is in no encoding that is read here: save it as CSV UTF-8. The old fonts of TCVN3 and VNI are "
            "not read."
        ) from None


def _grid(text: str, delimiter: str, head: list[GridRow]) -> Grid:
    # Where a cell with line breaks has moved the rows below it: from which row on, by how many lines.
    moved: list[tuple[int, int]] = []

    def rows() -> Iterator[tuple[int, GridRow]]:
        moved.clear()
        shift = 0
        for number, (line, row) in enumerate(_rows(text, delimiter)):
            if line - number - 1 != shift:
                shift = line - number - 1
                moved.append((number, shift))
            yield number, row

    def place(row: int, column: int) -> str:
        index = bisect_right(moved, row, key=itemgetter(0))
        return f"line {row + 1 + (moved[index - 1][1] if index else 0)}, column {column + 1}"

    return Grid(name=None, head=head, rows=rows, place=place, points_unclear=delimiter == ",")


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, GridRow]]:
    """Yield each row with the line on which it ends; a formula in it is text like any other."""
    # Not a StringIO: that takes four bytes for each sign of the text.
    lines = (match[0] for match in _LINE.finditer(text))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if len(row) > MAX_COLUMNS:
                raise MalformedBodyError(
                    f"Line {reader.line_num} has {len(row)} cells; {MAX_COLUMNS} are read. Is a quotation mark missing?"
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise MalformedBodyError(
            f"Line {reader.line_num} is no CSV ({error}): a quotation mark inside a cell is written twice."
        ) from None
