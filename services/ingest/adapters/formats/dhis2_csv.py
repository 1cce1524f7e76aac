"""DHIS2 data values as CSV: a header of DHIS2's names in any order, or none and DHIS2's own order."""

import bisect
import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from services.ingest.adapters.formats.dhis2_columns import Columns, read_columns
from services.ingest.adapters.formats.dhis2_rows import RowContext, read_flag
from services.ingest.adapters.formats.value_set import ValueSet, Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.faults import RefusedError, refuse
from services.ingest.domain.values import BadValue, DataValue, Row
from shared.contracts.vocabulary import QuarantineReason

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MAX_HEADER: Final = 5_000
_MAX_KEPT_FIELDS: Final = 100
# A sheet has that many lines; reading blank ones takes the time of other senders.
_MAX_BLANK_LINES: Final = 1_048_576


async def read_csv(body: bytes, wishes: Wishes, table: AliasTable) -> ValueSet:
    """Open a file of data values."""
    if not body.strip():
        raise MalformedBodyError("The body is empty.")
    is_utf_16 = body.startswith(_UTF_16)
    if not is_utf_16 and b"\0" in body:
        line = body.count(b"\n", 0, body.index(b"\0")) + 1
        raise MalformedBodyError(f"Line {line} has a NUL byte, which no text has: send the file as UTF-8.")
    text = io.TextIOWrapper(io.BytesIO(body), "utf-16" if is_utf_16 else "utf-8-sig", newline="")
    first, skipped = _first_line(text)
    columns = read_columns(first, wishes, has_period=bool(wishes.period or table.profile.default_period))
    lines = _Lines()
    if columns.has_header:
        lines.number = skipped + 1
    else:
        text.seek(0)
    context = RowContext.of({}, wishes, table)
    return ValueSet(rows=_rows(text, columns, context, lines), locate=lambda row: f"line {lines.line_of(row)}")


class _Lines:
    """The lines at which rows begin: one for one, save where blank lines or line breaks in a field shift them."""

    def __init__(self) -> None:
        self.number = 0
        self._rows: list[int] = []
        self._shifts: list[int] = []
        self._shift = 0

    def note(self, row: int, line: int) -> None:
        """Remember the line of a row."""
        if line - row != self._shift:
            self._shift = line - row
            self._rows.append(row)
            self._shifts.append(self._shift)

    def line_of(self, row: int) -> int:
        """Return the line of a row that was read."""
        at = bisect.bisect_right(self._rows, row) - 1
        return row + (self._shifts[at] if at >= 0 else 0)


def _first_line(text: io.TextIOWrapper) -> tuple[str, int]:
    """Return the first line that is not blank, and how many were before it."""
    try:
        for skipped in range(_MAX_HEADER):
            line = text.readline(_MAX_HEADER)
            if len(line) == _MAX_HEADER:
                raise MalformedBodyError(f"The first line is longer than {_MAX_HEADER} characters.")
            if line.strip():
                return line, skipped
            if not line:
                break
    except UnicodeError:
        raise _no_text() from None
    raise MalformedBodyError("The file has no line that is not blank.")


def _no_text() -> MalformedBodyError:
    return MalformedBodyError("The file is not UTF-8: save it as UTF-8 and send it again.")


def _rows(text: io.TextIOWrapper, columns: Columns, context: RowContext, lines: _Lines) -> Iterator[Row]:
    """Read row after row: the hot loop. `lines` says how many lines were read before."""
    before = lines.number
    reader = csv.reader(text, delimiter=columns.delimiter, strict=True, skipinitialspace=True)
    width, row, ended, blank = columns.width, 0, 0, 0
    try:
        for fields in reader:
            line, ended = ended + 1, reader.line_num
            if not any(fields):
                blank += 1
                if blank > _MAX_BLANK_LINES:
                    raise MalformedBodyError(f"The file has more than {_MAX_BLANK_LINES} blank lines.")
                continue
            lines.note(row, before + line)
            row += 1
            try:
                yield _value(fields, width, columns, context)
            except RefusedError as refused:
                yield BadValue(refused.fault, msgspec.json.encode(fields[:_MAX_KEPT_FIELDS]))
    except csv.Error as error:
        raise MalformedBodyError(
            f"The row that begins in line {before + ended + 1} cannot be read: {error}. Is a quotation mark not closed?"
        ) from None
    except UnicodeError:
        raise _no_text() from None


def _value(fields: list[str], width: int, columns: Columns, context: RowContext) -> DataValue:
    count = len(fields)
    if count > width and any(fields[width:]):
        detail = f"the row has {count} fields, more than the {width} columns"
        raise refuse(QuarantineReason.WRONG_TYPE, "", fields[width], detail)
    fields += [""] * (width + 1 - count)
    fields[width] = ""
    element, period, unit, option, attribute, value, updated, deleted, created = columns.pick(fields)
    return context.value(
        element,
        period,
        unit,
        option,
        attribute,
        value,
        updated or created,
        read_flag("deleted", deleted) if deleted else False,
        _categories(fields, columns.categories) if columns.categories else None,
    )


def _categories(fields: Sequence[str], columns: dict[str, int]) -> dict[str, str] | None:
    return {name: fields[index] for name, index in columns.items() if fields[index]} or None
