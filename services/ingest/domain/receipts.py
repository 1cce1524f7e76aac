"""Receipts: what became of the rows of one request."""

from collections.abc import Sequence
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

    quarantined: list[Quarantined] = field(default_factory=list)
    accepted: int = 0
    duplicates: int = 0
    accepted_rows: int = 0
    duplicate_rows: int = 0
    deleted_rows: int = 0
    request_id: int = 0

    def count_duplicate(self, draft: Draft) -> None:
        """Count a report that the journal already has."""
        self.duplicates += 1
        self.duplicate_rows += 1 if draft.mate == NO_MATE else 2

    def count_accepted(self, drafts: Sequence[Draft]) -> None:
        """Count the reports that enter the journal."""
        self.accepted += len(drafts)
        self.accepted_rows += len(drafts)
        for draft in [draft for draft in drafts if draft.deleted or draft.mate != NO_MATE]:
            rows = 1 if draft.mate == NO_MATE else 2
            self.accepted_rows += rows - 1
            self.deleted_rows += rows if draft.deleted else 0

    def set_aside_reused(self, draft: Draft) -> None:
        """Set a report aside whose id another report has already taken."""
        event_id = draft.key[1]
        fault = Fault(QuarantineReason.ID_REUSED, "id", event_id[:100], "first used for other content")
        self.quarantined.append(Quarantined(draft.row, event_id, fault, draft.raw, draft.mate))
