"""The data values of a table whose form is known: one for each cell that holds a number."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from services.ingest.adapters.formats.form_cells import (
    FormVocabulary,
    commune_code,
    evidence_of,
    moment_of,
    number_cell,
    period_of,
    text_of,
)
from services.ingest.adapters.formats.form_kept import kept_cells
from services.ingest.adapters.formats.form_noise import DataRow, NoiseFilter, cell_at, without_tail
from services.ingest.adapters.formats.form_remarks import FormRemarks
from services.ingest.adapters.formats.form_remedies import FormRemedies
from services.ingest.adapters.formats.sheet_grids import Grid
from services.ingest.domain.faults import Fault, RefusedError, refuse
from services.ingest.domain.forms import NUMBER_COLUMNS, GridCell, GridRow, Header
from services.ingest.domain.native import Evidence
from services.ingest.domain.numbers_vi import Style, is_empty, read_count
from services.ingest.domain.periods import parse_period
from services.ingest.domain.reading import Remark
from services.ingest.domain.values import BadValue, DataValue, Row
from shared.catalog.forms import Column, Holds, NumberStyle
from shared.catalog.profiles import PercentUnit
from shared.contracts.vocabulary import MeasureKind, QuarantineReason, Stage

Placed = tuple[Row, int, int]

_EVIDENCE: Final = frozenset(
    {Holds.EVIDENCE_URI, Holds.EVIDENCE_SHA256, Holds.EVIDENCE_NOTE, Holds.ISSUED_ON, Holds.VALID_UNTIL}
)
_SAID: Final = (Holds.INDICATOR, Holds.SEX, Holds.SECTOR, Holds.OBSERVED_AT, Holds.DELETED, Holds.STAGE)
_VALUE: Final = "value"


class SheetContext(msgspec.Struct, frozen=True):
    """What holds for every row of a table: the period found above it, and what request and profile say."""

    period: str = ""
    no_period: str = ""
    observed_at: str | None = None
    delete: bool = False
    codes_as_of: dt.date | None = None


class _RowFacts(msgspec.Struct):
    """What a row says beside its numbers."""

    code: str
    name: str
    period: str
    indicator: str | None
    sex: str | None
    sector: str | None
    observed_at: str | None
    deleted: bool
    stage: Stage | None
    evidence: Evidence | None


class FormRows:
    """Reads the rows of one table by the header that was found in it."""

    def __init__(
        self,
        grid: Grid,
        header: Header,
        vocabulary: FormVocabulary,
        context: SheetContext,
        remarks: list[Remark] | None = None,
    ) -> None:
        self._grid, self._header, self._words, self._context = grid, header, vocabulary, context
        is_plain = header.form.numbers is NumberStyle.PLAIN
        self._style = Style.PLAIN if is_plain else Style.UNCLEAR if grid.points_unclear else Style.VI
        self._at: dict[Holds, int] = {
            column.holds: index for index, column in header.columns if column.holds is not Holds.IGNORED
        }
        self._numbers = {index: column for index, column in header.columns if column.holds in NUMBER_COLUMNS}
        self._code, self._name = self._at.get(Holds.COMMUNE_CODE, -1), self._at.get(Holds.COMMUNE_NAME, -1)
        self._said = [holds for holds in _SAID if holds in self._at]
        self._has_evidence = any(holds in _EVIDENCE for holds in self._at)
        self._remarks = FormRemarks(grid, [] if remarks is None else remarks)
        self._remedies = FormRemedies(header.form, vocabulary, self._style)
        self._merged = self._merged_texts()
        self._last_period = ("", "")
        self._good_period = ""
        heads = grid.head[header.row : header.row + header.height]
        self._width = max(map(len, heads), default=0)

    def __iter__(self) -> Iterator[Placed]:
        noise = NoiseFilter(self._header, self._words, self._remarks)
        for row, number, numbers in without_tail(self._data(noise), noise, self._remarks):
            yield from self._too_long(row, number) if self._is_too_long(row) else self._read(row, number, numbers)
        self._remarks.tell()

    def _data(self, noise: NoiseFilter) -> Iterator[DataRow]:
        """Yield the rows under the header that may be data, and those too long to say."""
        first = self._header.row + self._header.height
        heads = [tuple(row) for row in self._grid.head[self._header.row : first]]
        carried: dict[int, tuple[int, GridCell]] = {}
        for number, cells in self._grid.rows():
            if number < first or tuple(cells) in heads or (number == first and noise.are_labels(cells)):
                continue
            row = self._filled(number, cells, carried) if self._merged else cells
            if self._is_too_long(row):
                yield row, number, []
                continue
            numbers = [index for index in self._numbers if index < len(row) and not _says_nothing(row[index])]
            is_data = not noise.drops(number, row, numbers)
            if len(numbers) < len(self._numbers) and (is_data or noise.is_commune(row)):
                self._note_marks(row, number)
            if is_data:
                yield row, number, numbers

    def _is_too_long(self, row: GridRow) -> bool:
        width = self._width
        return self._grid.name is None and len(row) > width and (self._grid.points_unclear or any(row[width:]))

    def _note_marks(self, row: GridRow, number: int) -> None:
        """Note the cells of a row of data in which "-" or "…" stands where a number belongs."""
        for index in self._numbers:
            cell = cell_at(row, index)
            if isinstance(cell, str) and cell.strip() and is_empty(cell):
                self._remarks.read_as_empty(number, index, cell)

    def _merged_texts(self) -> dict[int, list[tuple[int, int]]]:
        """Return, by their first row, the merged cells that say something for several rows: column and last row."""
        texts = {index for holds, index in self._at.items() if holds not in NUMBER_COLUMNS}
        found: dict[int, list[tuple[int, int]]] = {}
        for (top, left), (bottom, _) in self._grid.merges:
            if bottom > top >= self._header.row + self._header.height and left in texts:
                found.setdefault(top, []).append((left, bottom))
        return found

    def _filled(self, number: int, cells: GridRow, carried: dict[int, tuple[int, GridCell]]) -> GridRow:
        """Return a row with the text of the merged cells that reach down to it."""
        for column, last in self._merged.get(number, ()):
            carried[column] = (last, cells[column] if column < len(cells) else None)
        row = list(cells)
        for column, (last, cell) in carried.items():
            if number <= last and column < len(row) and row[column] in (None, ""):
                row[column] = cell
        return row

    def _too_long(self, row: GridRow, number: int) -> Iterator[Placed]:
        width = self._width
        detail = "the row has more cells than the header: put a number with a comma in quotes"
        fault = Fault(QuarantineReason.WRONG_TYPE, "row", f"{len(row)} cells, the header has {width}", detail)
        # Its cells stand under the wrong headers, so none of them is kept.
        yield BadValue(self._remedies.add(fault), self._kept((), number, width, ())), number, width

    def _read(self, row: GridRow, number: int, numbers: list[int]) -> Iterator[Placed]:
        try:
            facts = self._facts(row)
        except RefusedError as refused:
            wrong = numbers or [max(self._code, 0)]
            bad = BadValue(self._remedies.add(refused.fault), self._kept(row, number, wrong[0], wrong))
            for index in wrong:
                yield bad, number, index
            return
        if not numbers:
            yield from self._deletions(row, number, facts)
        for index in numbers:
            try:
                value: Row = self._value(row[index], self._numbers[index], facts)
            except RefusedError as refused:
                column = self._numbers[index]
                fault = self._remedies.of_cell(refused.fault, row[index], column, facts.indicator)
                value = BadValue(fault, self._kept(row, number, index, (index,)))
            yield value, number, index

    def _facts(self, row: GridRow) -> _RowFacts:
        at, context = self._at, self._context
        code = commune_code(cell_at(row, self._code))
        name_cell = cell_at(row, self._name)
        name = name_cell.strip() if isinstance(name_cell, str) else text_of(name_cell, "commune")
        if not code and not name:
            raise refuse(QuarantineReason.MISSING_FIELD, "commune", "", "numbers stand in a row without code and name")
        period = (self._period(cell_at(row, at[Holds.PERIOD])) if Holds.PERIOD in at else "") or context.period
        if not period:
            raise refuse(QuarantineReason.MISSING_FIELD, "period", "", context.no_period)
        if period != self._good_period:
            if parse_period(period) is None:
                raise refuse(QuarantineReason.BAD_PERIOD, "period", period)
            self._good_period = period
        self._words.units.check(self._header.form, code, name, period, context.codes_as_of)
        facts = _RowFacts(code, name, period, None, None, None, context.observed_at, context.delete, None, None)
        for holds in self._said:
            self._note(facts, holds, row[at[holds]] if at[holds] < len(row) else None)
        if self._has_evidence:
            facts.evidence = evidence_of({holds: cell_at(row, at[holds]) for holds in _EVIDENCE if holds in at})
        return facts

    def _period(self, cell: GridCell) -> str:
        """Return the period of a row; the rows of a file have few, so the last one is remembered."""
        if not isinstance(cell, str):
            return period_of(cell)
        if cell != self._last_period[0]:
            self._last_period = (cell, period_of(cell))
        return self._last_period[1]

    def _note(self, facts: _RowFacts, holds: Holds, cell: GridCell) -> None:
        """Add what one cell says of its whole row."""
        words, context = self._words, self._context
        if holds is Holds.INDICATOR:
            facts.indicator = words.indicator(cell)
        elif holds is Holds.SEX:
            facts.sex = words.group(cell, "sex")
        elif holds is Holds.SECTOR:
            facts.sector = words.group(cell, "sector")
        elif holds is Holds.OBSERVED_AT:
            facts.observed_at = moment_of(cell, "observed_at") or context.observed_at
        elif holds is Holds.DELETED:
            facts.deleted = words.flag(cell) or context.delete
        else:
            facts.stage = words.stage(cell)

    def _value(self, cell: GridCell, column: Column, facts: _RowFacts) -> DataValue:
        if column.holds is Holds.MEASURE:
            indicator, role = column.indicator or "", column.role or ""
            sex, sector = column.sex and column.sex.value, column.sector and column.sector.value
        else:
            indicator, role, sex, sector = facts.indicator or "", column.holds.value, facts.sex, facts.sector
        number: int | float | bool
        if role != _VALUE:
            number = read_count(number_cell(cell), self._style)
        else:
            is_fraction = column.unit is PercentUnit.FRACTION
            number = self._words.value(cell, indicator, self._style, is_fraction=is_fraction)
            if isinstance(number, bool) and column.holds is Holds.MEASURE:
                sex = sector = None
        return _data_value(facts, indicator, role, (sex, sector), number)

    def _deletions(self, row: GridRow, number: int, facts: _RowFacts) -> Iterator[Placed]:
        """Yield what a row takes back that names a fact and no number."""
        place = self._at[Holds.DELETED]
        if not facts.deleted:
            return
        measures = self._words.indicators[facts.indicator or ""].measures if facts.indicator else ()
        is_single = MeasureKind.BOOLEAN not in measures or len(measures) == 1
        if not measures or not is_single:
            fault = Fault(
                QuarantineReason.NO_MEASURE, _VALUE, "", "repeat the number that is taken back: it could be two"
            )
            yield BadValue(self._remedies.add(fault), self._kept(row, number, place, (place,))), number, place
            return
        roles = ("numerator", "denominator") if MeasureKind.RATIO in measures else (_VALUE,)
        for role in roles:
            yield _data_value(facts, facts.indicator or "", role, (facts.sex, facts.sector), None), number, place

    def _kept(self, row: GridRow, number: int, column: int, wrong: Sequence[int]) -> bytes:
        return kept_cells(self._header, self._grid.place(number, column), row, wrong)


def _data_value(
    facts: _RowFacts, indicator: str, role: str, group: tuple[str | None, str | None], number: float | bool | None
) -> DataValue:
    return DataValue(
        org_unit=facts.code,
        org_unit_name=facts.name,
        period=facts.period,
        indicator=indicator,
        role=role,
        sex=group[0],
        sector=group[1],
        value=number,
        observed_at=facts.observed_at,
        deleted=facts.deleted,
        stage=facts.stage,
        evidence=facts.evidence,
    )


def _says_nothing(cell: GridCell) -> bool:
    if not isinstance(cell, str):
        return cell is None
    return not cell or is_empty(cell)
