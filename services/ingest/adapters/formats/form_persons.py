"""Refuses workbooks and texts with columns about single persons, and says where: in our words, never in theirs."""

from collections.abc import Sequence
from typing import Final

from services.ingest.adapters.formats.sheet_grids import Grid, column_letters
from services.ingest.domain.errors import PatientLevelDataError
from services.ingest.domain.forms import GridRow, shown
from services.ingest.domain.privacy import plain_letters, refuse_personal_columns

# How the heads of the commonest columns are told, the accents that the comparison drops put back.
_HEADS: Final = (
    "Họ và tên", "Họ tên", "Họ tên bệnh nhân", "Tên bệnh nhân", "Tên người bệnh", "Họ và tên trẻ", "Họ tên trẻ",
    "Ngày sinh", "Năm sinh", "Ngày tháng năm sinh", "CCCD", "Số CCCD", "CMND", "Số CMND", "Số định danh",
    "Số định danh cá nhân", "Mã thẻ", "Mã thẻ BHYT", "Số thẻ BHYT", "Số thẻ bảo hiểm y tế", "Mã BHXH", "Số BHXH",
    "Mã số BHXH", "Mã bệnh nhân", "Mã BN", "Mã LK",
)  # fmt: skip


def refuse_persons(grids: Sequence[Grid]) -> None:
    """Raise PatientLevelDataError, naming sheet and column, when any table has the header of a list of persons."""
    for grid in grids:
        for row in grid.head:
            try:
                refuse_personal_columns([cell for cell in row if isinstance(cell, str) and cell])
            except PatientLevelDataError:
                raise PatientLevelDataError(f"{_sheet(grid)}{_column(row)}: data of single persons.") from None


def _sheet(grid: Grid) -> str:
    if not grid.name:
        return ""
    return f"Sheet {shown(grid.name)!r}{' (hidden)' if grid.hidden else ''}, "


def _column(row: GridRow) -> str:
    for index, cell in enumerate(row):
        if isinstance(cell, str) and _is_personal(cell):
            head = next((head for head in _HEADS if _same(head, cell)), "")
            return f"column {head!r}" if head else f"column {column_letters(index)}"
    return "a column"


def _is_personal(cell: str) -> bool:
    try:
        refuse_personal_columns([cell, cell])
    except PatientLevelDataError:
        return True
    return False


def _same(head: str, cell: str) -> bool:
    return plain_letters(head) == plain_letters(cell)
