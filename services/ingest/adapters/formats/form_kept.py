"""What the quarantine keeps of a cell of a form: enough to find it and to see what is wrong, and nothing else."""

from collections.abc import Sequence
from typing import Final

import msgspec

from services.ingest.adapters.formats.form_noise import cell_at
from services.ingest.domain.faults import shorten
from services.ingest.domain.forms import NUMBER_COLUMNS, GridCell, GridRow, Header, OddCell
from shared.catalog.forms import Column, Holds

_IDENTITY: Final = frozenset(
    {Holds.COMMUNE_CODE, Holds.COMMUNE_NAME, Holds.PERIOD, Holds.INDICATOR, Holds.SEX, Holds.SECTOR}
)
_NUMBERS: Final = NUMBER_COLUMNS - {Holds.MEASURE}


def kept_cells(header: Header, place: str, row: GridRow, wrong: Sequence[int]) -> bytes:
    """Return as JSON what says which fact the wrong cells belong to, and the numbers of that fact.

    Never a column that is ignored or unknown: people write names and card numbers there. No retry would take it.
    """
    columns = [(at, column) for at, column in header.columns if column.holds is not Holds.IGNORED and at < len(row)]
    measured = {_measure(column) for index, column in columns if index in wrong and column.holds in NUMBER_COLUMNS}
    cells = {
        column.title: _shown(cell_at(row, index))
        for index, column in columns
        if index in wrong
        or column.holds in _IDENTITY
        or (column.holds in NUMBER_COLUMNS and _measure(column) in measured)
    }
    return msgspec.json.encode({"form": header.form.id, "place": place, "cells": cells})


def _measure(column: Column) -> tuple[object, ...]:
    return () if column.holds in _NUMBERS else (column.indicator, column.sex, column.sector)


def _shown(cell: GridCell) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.text if isinstance(cell, OddCell) else "" if cell is None else shorten(cell)
