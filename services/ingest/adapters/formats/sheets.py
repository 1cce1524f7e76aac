"""Spreadsheets and CSV files by the forms of the catalog: every visible sheet whose header is that of one form."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from services.ingest.adapters.formats.form_cells import FormVocabulary
from services.ingest.adapters.formats.form_periods import context_of
from services.ingest.adapters.formats.form_persons import refuse_persons
from services.ingest.adapters.formats.form_rows import FormRows
from services.ingest.adapters.formats.form_units import FormUnits
from services.ingest.adapters.formats.sheet_grids import Grid
from services.ingest.adapters.formats.sheets_text import UTF8, decode_text, text_grids
from services.ingest.adapters.formats.spreadsheet_process import WorkbookReader
from services.ingest.adapters.formats.value_set import ValueSet, Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import MalformedBodyError, UnsupportedRequestError
from services.ingest.domain.forms import FormReader, Head, Header, Mismatch, choose
from services.ingest.domain.reading import Remark
from services.ingest.domain.values import Row
from shared.catalog.forms import Form
from shared.catalog.indicators import Indicator
from shared.catalog.units import AdminUnit


class SheetReader:
    """Reads workbooks and CSV files; both give the same rows."""

    def __init__(
        self,
        forms: Sequence[Form],
        indicators: Sequence[Indicator],
        workbooks: WorkbookReader | None = None,
        units: Sequence[AdminUnit] = (),
    ) -> None:
        self._readers = {form.id: FormReader(form) for form in forms}
        known = FormUnits(units)
        self._vocabularies = {form.id: FormVocabulary(form, indicators, known) for form in forms}
        self._workbooks = workbooks or WorkbookReader()

    async def read_workbook(self, body: bytes, wishes: Wishes, table: AliasTable) -> ValueSet:
        """Return the rows of an XLSX, XLS or ODS workbook."""
        readers, named = self._asked(wishes, table)
        grids = await self._workbooks.read(body)
        refuse_persons(grids)
        found: list[tuple[Grid, Header]] = []
        near: list[tuple[Grid, list[Mismatch]]] = []
        for grid in grids:
            if grid.hidden:
                continue
            header = choose(readers, Head(grid.head, grid.merges), grid.name, named=named)
            if isinstance(header, Header):
                found.append((grid, header))
            else:
                near.append((grid, header))
        # A sheet with numbers under known headers was meant as data: what is wrong with it must be told.
        meant = [(grid, misses) for grid, misses in near if any(miss.numbers for miss in misses)]
        if not found or meant:
            raise MalformedBodyError(_told(meant or near, readers, hidden=any(grid.hidden for grid in grids)))
        return self._values(found, wishes, table)

    async def read_text(self, body: bytes, wishes: Wishes, table: AliasTable) -> ValueSet:
        """Return the rows of a CSV or TSV file in any usual encoding."""
        readers, named = self._asked(wishes, table)
        text, encoding = decode_text(body)
        grids = text_grids(text)
        refuse_persons(grids)
        near: list[tuple[Grid, list[Mismatch]]] = []
        for grid in grids:
            header = choose(readers, Head(grid.head), None, named=named)
            if isinstance(header, Header):
                return self._values([(grid, header)], wishes, table)
            near.append((grid, header))
        near.sort(key=lambda pair: -max((miss.known for miss in pair[1]), default=0))
        raise MalformedBodyError(_told(near[:1], readers) + ("" if encoding == UTF8 else _FONTS.format(encoding)))

    def _asked(self, wishes: Wishes, table: AliasTable) -> tuple[Mapping[str, FormReader], bool]:
        """Return the forms that a file may be, and whether somebody named them."""
        names = (wishes.form,) if wishes.form else table.profile.forms
        unknown = [name for name in names if name not in self._readers]
        if unknown:
            known = ", ".join(self._readers) or "none"
            raise UnsupportedRequestError(f"The form {unknown[0][:80]!r} is not in the catalog. Its forms: {known}.")
        return ({name: self._readers[name] for name in names}, True) if names else (self._readers, False)

    def _values(self, tables: list[tuple[Grid, Header]], wishes: Wishes, words: AliasTable) -> ValueSet:
        remarks: list[Remark] = []
        codes_as_of = words.profile.codes_as_of
        readers = [
            FormRows(
                grid,
                header,
                self._vocabularies[header.form.id],
                context_of(grid, header, wishes, codes_as_of),
                remarks,
            )
            for grid, header in tables
        ]
        rows, columns, starts = array("L"), array("L"), array("L")

        def read() -> Iterator[Row]:
            for reader in readers:
                starts.append(len(rows))
                for row, number, column in reader:
                    rows.append(number)
                    columns.append(column)
                    yield row

        def locate(index: int) -> str:
            grid, _ = tables[max(0, bisect_right(starts, index) - 1)]
            return grid.place(rows[index], columns[index])

        def line(index: int) -> tuple[int, int]:
            return bisect_right(starts, index), rows[index]

        return ValueSet(rows=read(), locate=locate, remarks=remarks, line=line)


_FONTS: Final = " The file was read as {}; the old fonts of TCVN3 and VNI are not read: save it as CSV UTF-8."


def _told(
    near: Sequence[tuple[Grid, list[Mismatch]]], readers: Mapping[str, FormReader], *, hidden: bool = False
) -> str:
    """Return why no table could be read: the form that was nearest, in both languages, else which forms there are."""
    forms = ", ".join(readers) or "none"
    note = " Hidden sheets are not read." if hidden else ""
    nearest = [(misses[0], grid) for grid, misses in near if misses]
    if nearest:
        miss, grid = max(nearest, key=lambda pair: pair[0].known)
        return f"{miss.told(grid.name)} {miss.told_vi(grid.name)}"
    return f"No header is that of a form. Forms: {forms}; `datchuan template FORM` writes an empty one.{note}"
