"""Receipts: what became of the rows of one request."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from services.ingest.domain.errors import IngestError
from services.ingest.domain.faults import Fault
from services.ingest.domain.reading import BadRow, Draft
from shared.contracts.vocabulary import QuarantineReason


class Quarantined(msgspec.Struct):
    """One row set aside, with its number in the quarantine."""

    row: int
    event_id: str | None
    fault: Fault
    raw: bytes
    mates: tuple[int, ...] = ()
    quarantine_id: int = 0

    @staticmethod
    def of(bad: BadRow) -> "Quarantined":
        """Return a bad row, not numbered yet."""
        return Quarantined(bad.row, bad.event_id, bad.fault, bad.raw, bad.mates)


@dataclass(slots=True)
class Receipt:
    """What became of the rows of one request. A report made of several rows counts that often in `..._rows`."""

    quarantined: list[Quarantined] = field(default_factory=list)
    accepted: int = 0
    duplicates: int = 0
    accepted_rows: int = 0
    duplicate_rows: int = 0
    deleted_rows: int = 0
    updated_rows: int = 0
    stale_rows: int = 0
    request_id: int = 0

    @property
    def quarantined_rows(self) -> int:
        """How many rows were set aside."""
        return sum(1 + len(bad.mates) for bad in self.quarantined)

    def count_duplicate(self, draft: Draft) -> None:
        """Count a report that the journal already has."""
        self.duplicates += 1
        self.duplicate_rows += 1 + len(draft.mates)

    def count_accepted(self, drafts: Sequence[Draft]) -> None:
        """Count the reports that enter the journal."""
        self.accepted += len(drafts)
        self.accepted_rows += len(drafts)
        for draft in [draft for draft in drafts if draft.deleted or draft.mates]:
            self.accepted_rows += len(draft.mates)
            self.deleted_rows += 1 + len(draft.mates) if draft.deleted else 0

    def set_aside_reused(self, draft: Draft) -> None:
        """Set a report aside whose id another report has already taken."""
        event_id = draft.key[1]
        fault = Fault(QuarantineReason.ID_REUSED, "id", event_id[:100], "first used for other content")
        self.quarantined.append(Quarantined(draft.row, event_id, fault, draft.raw, draft.mates))


class AtomicRefusedError(IngestError):
    """Rows of an atomic import could not be taken, so nothing of it was stored."""

    def __init__(self, quarantined: Sequence[Quarantined]) -> None:
        super().__init__("Rows of an atomic import could not be taken, so nothing of it was stored.")
        self.quarantined = quarantined
