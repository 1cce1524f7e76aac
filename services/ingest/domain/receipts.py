"""Receipts: what became of the rows of one request."""

from dataclasses import dataclass, field

import msgspec

from services.ingest.domain.faults import Fault
from services.ingest.domain.reading import NO_MATE, BadRow, Draft
from shared.contracts.vocabulary import QuarantineReason


class Quarantined(msgspec.Struct):
    """One row set aside, with its number in the quarantine."""

    row: int
    event_id: str | None
    fault: Fault
    raw: bytes
    mate: int = NO_MATE
    quarantine_id: int = 0

    @staticmethod
    def of(bad: BadRow) -> "Quarantined":
        """Return a bad row, not numbered yet."""
        return Quarantined(bad.row, bad.event_id, bad.fault, bad.raw, bad.mate)


@dataclass(slots=True)
class Receipt:
    """What became of the rows of one request. A report made of two rows counts twice in `..._rows`."""

    accepted: int = 0
    duplicates: int = 0
    accepted_rows: int = 0
    duplicate_rows: int = 0
    deleted_rows: int = 0
    quarantined: list[Quarantined] = field(default_factory=list)
    request_id: int = 0
    stamp: bytes = b""

    def count_duplicate(self, draft: Draft) -> None:
        """Count a report that the journal already has."""
        self.duplicates += 1
        self.duplicate_rows += 1 if draft.mate == NO_MATE else 2

    def count_accepted(self, draft: Draft) -> None:
        """Count a report that enters the journal."""
        rows = 1 if draft.mate == NO_MATE else 2
        self.accepted += 1
        self.accepted_rows += rows
        if draft.event.deleted:
            self.deleted_rows += rows

    def set_aside_reused(self, draft: Draft) -> None:
        """Set a report aside whose id another report has already taken."""
        event = draft.event
        fault = Fault(QuarantineReason.ID_REUSED, "id", event.event_id[:100], "first used for other content")
        self.quarantined.append(Quarantined(draft.row, event.event_id, fault, draft.raw, draft.mate))
