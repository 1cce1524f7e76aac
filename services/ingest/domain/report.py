"""The report on an import: what became of every row. Each face of it (ours, DHIS2's, FHIR's) is made of this one."""

from collections.abc import Sequence
from typing import Final

import msgspec

from services.ingest.domain.forecast import Forecast, together
from services.ingest.domain.reading import MAX_REMARKS, PayloadFormat, Reading, Remark
from services.ingest.domain.receipts import Quarantined, Receipt
from services.ingest.domain.remedies import REMEDIES

MAX_CONFLICTS: Final = 100


class Conflict(msgspec.Struct, frozen=True):
    """One row that could not be taken, or several that make one report: where, what is wrong, and what to do.

    `place` is in the words of the format (row, cell, XPath, FHIRPath), `places` that of every row. `quarantine_id` is 0
    when nothing was kept (a dry run, an atomic import). `raw` is the row as the quarantine keeps it.
    """

    rows: tuple[int, ...]
    places: tuple[str, ...]
    event_id: str | None
    code: str
    field: str
    value: str
    detail: str
    remedy: str
    remedy_vi: str
    quarantine_id: int
    raw: bytes

    @property
    def row(self) -> int:
        """The first row."""
        return self.rows[0]

    @property
    def place(self) -> str:
        """Where the first row stands."""
        return self.places[0]


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of rows, which add up to `rows`, and the first conflicts.

    `accepted` rows are new, `updated` rows correct what was known, `deleted` rows take it back; `duplicates` were
    known, `stale` ones are journaled but older than what is known; `quarantined` ones were set aside; `refused` ones
    were not kept at all, because an atomic import had a conflict. `forecast` is what a dry run would change. `remarks`
    are warnings: nothing was refused for them.
    """

    format: PayloadFormat
    source: str
    dry_run: bool = False
    atomic: bool = False
    rows: int = 0
    accepted: int = 0
    updated: int = 0
    deleted: int = 0
    duplicates: int = 0
    stale: int = 0
    quarantined: int = 0
    refused: int = 0
    conflicts: tuple[Conflict, ...] = ()
    conflicts_omitted: int = 0
    rejected_rows: tuple[int, ...] = ()
    complete_date: str | None = None
    forecast: Forecast | None = None
    remarks: tuple[Remark, ...] = ()

    @property
    def is_taken(self) -> bool:
        """Whether any row was taken or was known, or there was nothing to take."""
        return not self.rows or self.rows > self.quarantined + self.refused

    def __add__(self, other: "ImportReport") -> "ImportReport":
        """Return the report on two parts of one body."""
        conflicts = self.conflicts + other.conflicts
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        return msgspec.structs.replace(
            self,
            **counts,
            conflicts=conflicts[:MAX_CONFLICTS],
            conflicts_omitted=self.conflicts_omitted + other.conflicts_omitted + max(0, len(conflicts) - MAX_CONFLICTS),
            rejected_rows=self.rejected_rows + other.rejected_rows,
            complete_date=self.complete_date or other.complete_date,
            remarks=(self.remarks + other.remarks)[:MAX_REMARKS],
            forecast=together(self.forecast, other.forecast),
        )


_COUNTS: Final = ("rows", "accepted", "updated", "deleted", "duplicates", "stale", "quarantined", "refused")


def counts_of(report: ImportReport) -> dict[str, int]:
    """Return the counts of a report by their names, that of all rows first."""
    return {name: getattr(report, name) for name in _COUNTS}


def make_report(
    source: str, reading: Reading, receipt: Receipt, *, dry_run: bool = False, atomic: bool = False
) -> ImportReport:
    """Return the report on rows that were committed or rehearsed."""
    told = _tell(source, reading, receipt.quarantined, is_kept=not dry_run)
    return msgspec.structs.replace(
        told,
        dry_run=dry_run,
        atomic=atomic,
        accepted=receipt.accepted_rows - receipt.deleted_rows - receipt.updated_rows - receipt.stale_rows,
        updated=receipt.updated_rows,
        deleted=receipt.deleted_rows,
        duplicates=receipt.duplicate_rows + reading.repeated_rows,
        stale=receipt.stale_rows,
        quarantined=receipt.quarantined_rows,
        remarks=tuple(reading.remarks[:MAX_REMARKS]),
    )


def refuse_all(source: str, reading: Reading, bad: Sequence[Quarantined], *, dry_run: bool = False) -> ImportReport:
    """Return the report on an atomic import that had conflicts: nothing of it was kept."""
    told = _tell(source, reading, bad, is_kept=False)
    return msgspec.structs.replace(told, dry_run=dry_run, atomic=True, refused=reading.rows)


def _tell(source: str, reading: Reading, bad: Sequence[Quarantined], *, is_kept: bool) -> ImportReport:
    """Return what every report says: what was read, and the conflicts."""
    bad = sorted(bad, key=lambda row: row.row)
    return ImportReport(
        format=reading.format,
        source=source,
        rows=reading.rows,
        conflicts=_conflicts(reading, bad[:MAX_CONFLICTS], dry_run=not is_kept),
        conflicts_omitted=max(0, len(bad) - MAX_CONFLICTS),
        rejected_rows=tuple(sorted({row for item in bad for row in (item.row, *item.mates)})),
        complete_date=reading.complete_date,
    )


def _conflicts(reading: Reading, bad: Sequence[Quarantined], *, dry_run: bool) -> tuple[Conflict, ...]:
    return tuple(_conflict(reading, row, 0 if dry_run else row.quarantine_id) for row in bad)


def _conflict(reading: Reading, bad: Quarantined, quarantine_id: int) -> Conflict:
    fault, rows = bad.fault, (bad.row, *bad.mates)
    remedy = fault.remedy or REMEDIES[fault.reason]
    return Conflict(
        rows=rows,
        places=tuple(reading.place(row) for row in rows),
        event_id=bad.event_id,
        code=fault.reason.value,
        field=fault.field,
        value=fault.value,
        detail=fault.detail,
        remedy=remedy.en,
        remedy_vi=remedy.vi,
        quarantine_id=quarantine_id,
        raw=bad.raw,
    )
