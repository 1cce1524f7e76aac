"""What a sender should know of cells and rows of a form that were passed over: one remark for each kind and table."""

from typing import Final

from services.ingest.adapters.formats.sheet_grids import Grid
from services.ingest.domain.faults import shorten
from services.ingest.domain.reading import MAX_REMARKS, Remark

_NAMED: Final = 10


class FormRemarks:
    """Collects, while a table is read, what was passed over; `tell` adds the remarks to those of the file."""

    def __init__(self, grid: Grid, remarks: list[Remark]) -> None:
        self._grid = grid
        self._remarks = remarks
        self._marks: dict[str, None] = {}
        self._empty = _Places()
        self._totals = _Places()
        self._below = _Places()
        self._total_names: list[str] = []

    def read_as_empty(self, row: int, column: int, mark: str) -> None:
        """Note a cell whose mark was read as nothing."""
        self._empty.add(row, column)
        self._marks[mark.strip()] = None

    def pass_total(self, row: int, column: int, name: str) -> None:
        """Note a row with numbers that was passed over because it is the sum of others."""
        self._totals.add(row, column)
        if len(self._total_names) < _NAMED:
            self._total_names.append(shorten(name.strip()))

    def pass_below(self, row: int, column: int) -> None:
        """Note a row without numbers below the table; what it says is the name of a person, mostly, and not told."""
        self._below.add(row, column)

    def tell(self) -> None:
        """Add the remarks of this table."""
        if self._empty.count:
            marks, where = " ".join(self._marks), self._empty.told(self._grid)
            self._add(
                self._empty,
                f"{self._empty.count} cells with {marks!r} were read as empty: {where}. Write 0 where nothing was "
                f"counted.",
                f"{self._empty.count} ô ghi «{marks}» được coi là ô trống: {where}. Nếu kết quả là không có thì ghi 0.",
            )
        if self._totals.count:
            names, where = ", ".join(self._total_names), self._totals.told(self._grid)
            self._add(
                self._totals,
                f"Rows passed over as sums of others: {self._totals.count} ({names}), at {where}.",
                f"{self._totals.count} dòng được coi là dòng tổng, không đọc ({names}): {where}.",
            )
        if self._below.count:
            where = self._below.told(self._grid)
            self._add(
                self._below,
                f"Rows without a number passed over below the table: {self._below.count}, at {where}.",
                f"{self._below.count} dòng dưới bảng, không có số liệu, không được đọc: {where}.",
            )

    def _add(self, places: "_Places", text: str, text_vi: str) -> None:
        if len(self._remarks) < MAX_REMARKS:
            self._remarks.append(Remark(self._grid.place(*places.first[0]), text, text_vi))


class _Places:
    """How many places there are, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[tuple[int, int]] = []

    def add(self, row: int, column: int) -> None:
        self.count += 1
        if len(self.first) < _NAMED:
            self.first.append((row, column))

    def told(self, grid: Grid) -> str:
        places = ", ".join(grid.place(row, column) for row, column in self.first)
        return f"{places}, …" if self.count > len(self.first) else places
