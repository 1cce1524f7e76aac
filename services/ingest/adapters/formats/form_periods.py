"""The period of a table, found where its form says: a labelled cell, the lines above, or the request. Never guessed."""

import datetime as dt
from collections.abc import Iterator
from itertools import islice
from typing import Final

from services.ingest.adapters.formats.form_cells import period_of
from services.ingest.adapters.formats.form_rows import SheetContext
from services.ingest.adapters.formats.sheet_grids import Grid
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.domain.errors import MalformedBodyError, UnsupportedRequestError
from services.ingest.domain.faults import RefusedError
from services.ingest.domain.forms import GridCell, Header, OddCell, shown
from services.ingest.domain.periods import parse_period
from services.ingest.domain.periods_vi import find_periods, read_period
from shared.catalog.forms import Form, PeriodPlace, header_key

_MOST_LINES: Final = 200  # texts above a table that may be its title
_HOW: Final = {
    PeriodPlace.COLUMN: "fill in its column",
    PeriodPlace.LABEL: 'write it above the table, as in "Kỳ báo cáo: 9T/2024"',
    PeriodPlace.TITLE: 'name it in the title, as in "9 THÁNG NĂM 2024"',
    PeriodPlace.REQUEST: "give the parameter `period`",
}


def context_of(grid: Grid, header: Header, wishes: Wishes, codes_as_of: dt.date | None = None) -> SheetContext:
    """Return what holds for all rows of a table; raises when the request and the table name different periods."""
    form = header.form
    asked = read_period(wishes.period) or wishes.period.strip()
    if asked and PeriodPlace.REQUEST not in form.period:
        raise UnsupportedRequestError(f"The form {form.id} takes no parameter `period`: its files say it themselves.")
    found, problem = _period_above(grid, header)
    if asked and found and PeriodPlace.COLUMN not in form.period and parse_period(asked) != parse_period(found):
        where = f"the sheet {grid.name!r}" if grid.name else "the file"
        raise MalformedBodyError(f"The request says the period {asked!r}, but {where} says {found!r}.")
    ways = " or ".join(_HOW[place] for place in form.period)
    return SheetContext(
        period=found or asked,
        no_period=f"{problem}{ways}",
        observed_at=wishes.observed_at or None,
        delete=wishes.delete,
        codes_as_of=codes_as_of,
    )


def _period_above(grid: Grid, header: Header) -> tuple[str, str]:
    """Return the period that a table says above its header, or "" and why there is none."""
    form = header.form
    if PeriodPlace.LABEL in form.period:
        labelled = _labelled(grid, header, form)
        if labelled:
            return labelled, ""
    if PeriodPlace.TITLE in form.period:
        lines = islice((text for row in grid.head[: header.row] for text in _texts(row)), _MOST_LINES)
        found = dict.fromkeys(period for line in lines for period in find_periods(line))
        if len(found) == 1:
            return next(iter(found)), ""
        if found:
            return "", f"the title names several periods ({', '.join(found)}): "
    return "", ""


def _labelled(grid: Grid, header: Header, form: Form) -> str:
    labels = {header_key(label) for label in form.period_labels}
    for row in grid.head[: header.row]:
        cells = [cell for cell in row if cell not in (None, "")]
        for position, cell in enumerate(cells):
            label, _, rest = cell.partition(":") if isinstance(cell, str) else ("", "", "")
            if header_key(label) in labels:
                after: GridCell = rest.strip() or (cells[position + 1] if position + 1 < len(cells) else "")
                return _read(after)
    return ""


def _read(cell: GridCell) -> str:
    try:
        text = period_of(cell)
    except RefusedError as refused:
        raise MalformedBodyError(
            f"The period {shown(refused.fault.value)!r} cannot be read: {refused.fault.detail}."
        ) from None
    found = () if parse_period(text) else find_periods(text)
    return found[0] if len(found) == 1 else text


def _texts(row: object) -> Iterator[str]:
    for cell in row if isinstance(row, list) else ():
        if isinstance(cell, str) and not isinstance(cell, OddCell):
            yield cell
