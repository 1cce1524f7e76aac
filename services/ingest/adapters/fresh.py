"""Sorts the reports of a micro-batch into new ones, replays, and ids used for something else."""

from collections.abc import Sequence
from typing import Final

import msgspec

from services.ingest.adapters.known_ids import Key, KnownIds
from services.ingest.adapters.submission import Submission
from services.ingest.domain.reading import Draft
from services.ingest.domain.receipts import Quarantined, Receipt
from shared.contracts.wire import IndicatorReported, encode

# Every report is encoded once, with `seq` 0; its number is put in place of the 0 when the journal gives one.
SEQ_HEAD: Final = b'{"seq":'
_UNNUMBERED: Final = len(SEQ_HEAD) + 1

_decode_report: Final = msgspec.json.Decoder(IndicatorReported).decode


class Entry(msgspec.Struct, gc=False):
    """A report on its way into the journal: `tail` is its JSON after the number, `mark` a hash of that."""

    receipt: Receipt
    draft: Draft
    tail: bytes
    mark: int


def is_same_report(stored: str, event: IndicatorReported) -> bool:
    """Return whether a stored report says the same as a new one; numbering and later optional fields aside."""
    return msgspec.structs.replace(_decode_report(stored), seq=event.seq) == event


class Fresh:
    """The reports of a batch that are new as far as this process knows, by (source, event id), in order.

    `marks` is what to remember of them once the batch is committed.
    """

    def __init__(self, known: KnownIds, batch: Sequence[Submission]) -> None:
        self.batch = batch
        self.receipts = [
            Receipt(
                quarantined=[Quarantined.of(bad) for bad in submission.reading.bad],
                stamp=submission.received_at.isoformat().encode("ascii"),
            )
            for submission in batch
        ]
        self.arrivals: list[tuple[Receipt, str, Draft]] = []
        self._known = known
        self._entries: dict[Key, Entry] = {}
        self.marks: dict[Key, int] = {}
        for submission, receipt in zip(batch, self.receipts, strict=True):
            for draft in submission.reading.good:
                if draft.arrival is None:
                    self.add(receipt, draft)
                else:
                    self.arrivals.append((receipt, submission.source, draft))

    @property
    def has_arrivals(self) -> bool:
        """Whether some reports still wait for the id that only the database can complete."""
        return bool(self.arrivals)

    @property
    def is_settled(self) -> bool:
        """Whether nothing has to be written: all rows are known replays."""
        return not self._entries and not self.arrivals and not any(receipt.quarantined for receipt in self.receipts)

    @property
    def entries(self) -> list[Entry]:
        """The new reports, in order."""
        return list(self._entries.values())

    def add(self, receipt: Receipt, draft: Draft) -> None:
        """Sort one report in: new, a replay, or an id used for other content."""
        event = draft.event
        tail = encode(event)[_UNNUMBERED:]
        mark = hash(tail)
        key = (event.source, event.event_id)
        before = self._known.mark_of(key)
        if before is None:
            before = self.marks.setdefault(key, mark)
            if key not in self._entries:
                self._entries[key] = Entry(receipt, draft, tail, mark)
                return
        if before == mark:
            receipt.count_duplicate(draft)
        else:
            receipt.set_aside_reused(draft)

    def keys(self) -> list[Key]:
        """Return the keys of the new reports."""
        return list(self._entries)

    def drop(self, key: Key) -> Entry:
        """Take a report out that turned out not to be new."""
        del self.marks[key]
        return self._entries.pop(key)

    def count(self) -> None:
        """Count what is left as accepted."""
        for entry in self._entries.values():
            entry.receipt.count_accepted(entry.draft)
