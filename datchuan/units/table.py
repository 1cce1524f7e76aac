"""A CSV file of units: its columns by name, its rows with their line numbers, and what is wrong with them."""

import csv
import datetime as dt
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from datchuan.errors import USAGE, CommandError
from shared.contracts.vocabulary import UnitLevel

CODE_DIGITS: Final = {UnitLevel.PROVINCE: 2, UnitLevel.DISTRICT: 3, UnitLevel.COMMUNE: 5}
_DELIMITERS: Final = (";", "\t", ",")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file, from 1, and its cells by column, stripped and in NFC; a missing column is ""."""

    line: int
    cells: dict[str, str]

    def get(self, column: str) -> str:
        """Return the text of a column."""
        return self.cells.get(column, "")


@dataclass(slots=True)
class Findings:
    """Everything that is wrong with a file, gathered so that it can be mended at once."""

    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, what: str, remedy: str) -> None:
        """Note what is wrong in a line, and what to do."""
        self.found.append((line, f"line {line}: {what}; {remedy}"))

    def lines(self) -> list[str]:
        """Return all findings in the order of their lines."""
        return [text for _, text in sorted(self.found)]


def check_code(line: int, column: str, code: str, level: UnitLevel, findings: Findings) -> bool:
    """Return whether a code has the digits of its level; notes one that has not. Codes with letters are not judged."""
    digits = CODE_DIGITS[level]
    if not code.isdigit() or len(code) == digits:
        return True
    remedy = f"{level.value} codes have {digits} digits"
    if len(code) < digits:
        remedy += f": did a spreadsheet take the zeros of {code.zfill(digits)}? Export the column as text"
    findings.add(line, f"{column} = {code} has {len(code)} digits", remedy)
    return False


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file: the names of its columns in small letters, and its rows."""

    name: str
    columns: frozenset[str]
    rows: tuple[Row, ...]


def read_table(path: Path, findings: Findings) -> Table:
    """Return a CSV file in UTF-8 (with or without BOM), separated by commas, semicolons or tabs.

    Raises CommandError when it cannot be read at all; rows of a wrong length are noted in `findings`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CommandError(f"{path} cannot be read ({reason})", "Name a CSV file.", USAGE) from error
    try:
        text = unicodedata.normalize("NFC", content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CommandError(f"{path}: line {line} is not UTF-8", "Save the file as CSV UTF-8.", USAGE) from error
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        return _read(path.name, reader, findings)
    except csv.Error as error:
        raise CommandError(
            f"{path}: line {reader.line_num}: {error}", "Correct the quotes of this line.", USAGE
        ) from error


class _Reader(Protocol):
    """What the csv module reads with: it exports no name for it."""

    line_num: int

    def __iter__(self) -> "_Reader": ...

    def __next__(self) -> list[str]: ...


def _read(name: str, reader: _Reader, findings: Findings) -> Table:
    columns = [cell.strip().casefold() for cell in next(reader, [])]
    rows = []
    for cells in reader:
        line = reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
            findings.add(
                line, f"has {len(cells)} cells, the header {len(columns)}", "quote the cells that hold a separator"
            )
            continue
        rows.append(Row(line, {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if column}))
    return Table(name, frozenset(columns) - {""}, tuple(rows))


def need(table: Table, columns: Collection[str]) -> None:
    """Raise a CommandError when a table lacks columns."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise CommandError(f"{table.name} has no column {', '.join(missing)}", "Add it to the header.", USAGE)


def day_in(row: Row, column: str, findings: Findings) -> dt.date | None:
    """Return the day in a cell, None when it is empty; notes one that is no day."""
    text = row.get(column)
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        findings.add(row.line, f"{column} = {text} is no day", "write it as 2025-07-01")
        return None
