"""What became of the rows of files that were sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

MOST_CONFLICTS: Final = 100


@dataclass(frozen=True)
class Tally:
    """Counts of rows, which add up to `rows`; `conflicts` explain the first of those that were not taken.

    `remarks` say what is odd about rows that were taken, `problem` why a whole file was refused, `forecast` what a dry
    run would change.
    """

    rows: int = 0
    accepted: int = 0
    updated: int = 0
    deleted: int = 0
    duplicates: int = 0
    stale: int = 0
    quarantined: int = 0
    refused: int = 0
    conflicts: tuple[dict[str, Any], ...] = ()
    conflicts_omitted: int = 0
    remarks: tuple[dict[str, Any], ...] = ()
    problem: str = ""
    forecast: dict[str, Any] = field(default_factory=dict)

    def __add__(self, other: "Tally") -> "Tally":
        conflicts = self.conflicts + other.conflicts
        return Tally(
            **{name: getattr(self, name) + getattr(other, name) for name in COUNTS},
            conflicts=conflicts[:MOST_CONFLICTS],
            conflicts_omitted=self.conflicts_omitted + other.conflicts_omitted + len(conflicts[MOST_CONFLICTS:]),
            remarks=(self.remarks + other.remarks)[:MOST_CONFLICTS],
            problem=self.problem or other.problem,
            forecast=_both(self.forecast, other.forecast),
        )

    @property
    def journaled(self) -> int:
        """How many rows entered the journal: new ones, corrections, deletions, and those that came too late."""
        return self.accepted + self.updated + self.deleted + self.stale

    @property
    def counts(self) -> dict[str, int]:
        """The counts by their names, that of all rows first."""
        return {name: getattr(self, name) for name in COUNTS}

    def moved(self, lines: int) -> "Tally":
        """Return the tally of a piece of a file that begins after so many lines: its places become the file's."""
        if not lines:
            return self
        return Tally(**{**vars(self), "conflicts": tuple(_moved(conflict, lines) for conflict in self.conflicts)})


COUNTS: Final = tuple(known.name for known in fields(Tally) if known.type in (int, "int"))[:8]


def tally_of(document: Mapping[str, Any]) -> Tally:
    """Return the tally of a report on one file, as ingest answers it.

    >>> tally_of({"rows": 2, "accepted": 1, "quarantined": 1}).journaled
    1
    """
    counts: dict[str, Any] = {name: int(document.get(name) or 0) for name in COUNTS}
    return Tally(
        **counts,
        conflicts=tuple(document.get("conflicts") or ()),
        conflicts_omitted=int(document.get("conflicts_omitted") or 0),
        remarks=tuple(document.get("remarks") or ()),
        forecast=document.get("forecast") or {},
    )


def dhis2_tally(document: Mapping[str, Any]) -> Tally:
    """Return the tally of an answer to DHIS2 data values, a WebMessage around an ImportSummary."""
    summary = document["response"]
    count = {name: int(value) for name, value in summary["importCount"].items()}
    others: dict[str, Any] = {
        name: int(summary.get(name, 0)) for name in ("duplicates", "stale", "quarantined", "refused")
    }
    return Tally(
        rows=sum(count.values()),
        accepted=count["imported"],
        updated=count["updated"],
        deleted=count["deleted"],
        **others,
        conflicts=tuple(summary.get("conflicts", ()))[:MOST_CONFLICTS],
    )


def _moved(conflict: dict[str, Any], lines: int) -> dict[str, Any]:
    place = str(conflict.get("place", ""))
    word, _, number = place.partition(" ")
    return {**conflict, "place": f"line {int(number) + lines}"} if word == "line" and number.isdigit() else conflict


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    if not one or not other:
        return one or other
    lists = {name: [*one.get(name, ()), *other.get(name, ())] for name in ("verdicts", "alerts")}
    notes = {name: other.get(name) or one.get(name, "") for name in ("note", "note_vi")}
    counts = {name: one.get(name, 0) + other.get(name, 0) for name in ("omitted", "alerts_omitted")}
    return {**other, **lists, **notes, **counts}
