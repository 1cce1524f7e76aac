"""Sorts the reports of a micro-batch into new ones, replays, and ids used for something else."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from services.ingest.adapters.known_ids import KnownIds
from services.ingest.adapters.submission import Submission
from services.ingest.domain.reading import VALUE_FORMATS, Draft, Key, PayloadFormat, decode_report
from services.ingest.domain.receipts import AtomicRefusedError, Quarantined, Receipt
from shared.contracts.wire import IndicatorReported

_WITHOUT_IDS: Final = VALUE_FORMATS | {PayloadFormat.CLOUDEVENTS}


@dataclass(frozen=True, slots=True)
class Run:
    """The new reports of one request, in its order, and its receipt."""

    receipt: Receipt
    drafts: list[Draft] = field(default_factory=list)


def is_same_report(stored: str, event: IndicatorReported) -> bool:
    """Return whether a stored report says the same as a new one; numbering and later optional fields aside."""
    return msgspec.structs.replace(decode_report(stored), seq=event.seq) == event


class Fresh:
    """The reports of a batch that are new as far as this process knows, by (source, event id), in order.

    `marks` is what to remember of them once the batch is committed: a hash of the content by key.
    """

    def __init__(self, known: KnownIds, batch: Sequence[Submission]) -> None:
        self.batch = batch
        self.runs = [Run(Receipt([Quarantined.of(bad) for bad in submission.reading.bad])) for submission in batch]
        self.arrivals: list[tuple[Run, str, Draft]] = []
        self.marks: dict[Key, int] = {}
        self.known = known
        for submission, run in zip(batch, self.runs, strict=True):
            good = submission.reading.good
            if submission.reading.format in _WITHOUT_IDS:  # only their reports may lack an id of their own
                self.arrivals += [(run, draft.key[0], draft) for draft in good if draft.arrival is not None]
                good = [draft for draft in good if draft.arrival is None]
            self.add(run, good)

    @property
    def receipts(self) -> list[Receipt]:
        """A receipt for each request."""
        return [run.receipt for run in self.runs]

    @property
    def has_arrivals(self) -> bool:
        """Whether some reports still wait for the id that only the database can complete."""
        return bool(self.arrivals)

    @property
    def is_settled(self) -> bool:
        """Whether nothing has to be written: all rows are known replays."""
        return not self.marks and not self.arrivals and not any(run.receipt.quarantined for run in self.runs)

    def is_plain(self, limit: int) -> bool:
        """Whether there are only new reports that ask nothing, no more than `limit` of them."""
        return (
            0 < len(self.marks) <= limit
            and not self.arrivals
            and not any(run.receipt.quarantined for run in self.runs)
            and not any(submission.is_import for submission in self.batch)
        )

    def add(self, run: Run, drafts: Sequence[Draft]) -> None:
        """Sort reports in: new, a replay, or an id used for other content."""
        marks, new = self.marks, run.drafts.append
        current, previous = self.known.generations
        for draft in drafts:
            key, mark = draft.key, hash(draft.tail)
            before = current.get(key)
            if before is None:
                before = previous.get(key)
            if before is None:
                before = marks.get(key)
            if before is None:
                marks[key] = mark
                new(draft)
            elif before == mark:
                run.receipt.count_duplicate(draft)
            else:
                run.receipt.set_aside_reused(draft)

    def drop(self, keys: Collection[Key]) -> Iterator[tuple[Receipt, Draft, int]]:
        """Take reports out that turned out not to be new; yield each with its receipt and mark."""
        for run in self.runs:
            dropped = [draft for draft in run.drafts if draft.key in keys]
            run.drafts[:] = [draft for draft in run.drafts if draft.key not in keys]
            for draft in dropped:
                yield run.receipt, draft, self.marks.pop(draft.key)

    def count(self) -> None:
        """Count what is left as accepted; raises AtomicRefusedError when an atomic request has bad rows."""
        for submission, run in zip(self.batch, self.runs, strict=True):
            if submission.is_atomic and run.receipt.quarantined:
                raise AtomicRefusedError(run.receipt.quarantined)
            run.receipt.count_accepted(run.drafts)
