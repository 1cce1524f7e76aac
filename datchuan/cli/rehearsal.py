"""The dry run without an ingest: rows are checked as it would check them, but nobody knows what is known already."""

import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Final

from datchuan.sending.pieces import Piece
from datchuan.sending.tallies import Tally, tally_of
from services.ingest.adapters.formats.detecting import check_format, detect
from services.ingest.adapters.formats.readers import all_readers
from services.ingest.adapters.intake import Import, Intake, alias_tables
from services.ingest.adapters.parts import Imports
from services.ingest.adapters.submission import Committed, Submission
from services.ingest.adapters.web.import_parameters import ImportParameters, read_import_parameters
from services.ingest.adapters.web.import_report import answer_on
from services.ingest.adapters.web.problems import problem_of
from services.ingest.domain.errors import IngestError
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.receipts import Quarantined, Receipt
from services.ingest.domain.report import ImportReport
from services.ingest.domain.tokens import ANY_SOURCE, Grant
from shared.catalog.catalog import Catalog
from shared.runtime.clock import Clock

_IN_MEMORY: Final = 16 * 1024 * 1024


class _Counter:
    """Counts what would be stored. It has no journal, so it cannot tell a duplicate."""

    async def submit(self, submission: Submission) -> Receipt:
        """Return the receipt of a submission that nobody stores."""
        receipt = Receipt(quarantined=[Quarantined.of(bad) for bad in submission.reading.bad])
        receipt.count_accepted(submission.reading.good)
        return receipt

    async def rehearse(self, submissions: Sequence[Submission]) -> Committed:
        """Return the receipts of submissions that nobody stores."""
        return Committed([await self.submit(submission) for submission in submissions], [])


class _LocalBody:
    """A file of this machine as a large body."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to `end`."""
        self._content.seek(start)
        return self._content.read(end - start)

    @contextmanager
    def mapped(self) -> Iterator[mmap.mmap]:
        """Yield the file as bytes that are read when they are looked at."""
        with mmap.mmap(self._content.fileno(), 0, access=mmap.ACCESS_READ) as body:
            yield body


class Rehearsal:
    """Reads files as ingest would and says what would become of their rows."""

    def __init__(self, catalog: Catalog, clock: Clock, source: str) -> None:
        self._grant = Grant(source, frozenset({ANY_SOURCE}))
        counter = _Counter()
        readers = all_readers(catalog)
        intake = Intake(Normalizer(catalog), alias_tables(catalog), readers, counter, counter.rehearse, clock)
        self._imports = Imports(intake.take, lambda: None)

    async def send(
        self, piece: Piece, asked: Mapping[str, str], on_bytes: Callable[[int], None] = lambda _: None
    ) -> Tally:
        """Return what would become of the rows of one request."""
        on_bytes(piece.end - piece.start)
        try:
            report = await self._take(piece, read_import_parameters(asked.items()))
        except IngestError as error:
            problem = problem_of(error)
            return Tally(problem=f"{problem.detail} {problem.remedy}".strip())
        return tally_of(answer_on(report, piece.item.name).body).moved(piece.lines_before)

    async def _take(self, piece: Piece, asked: ImportParameters) -> ImportReport:
        item, head = piece.item, piece.item.head()
        format_ = detect("", item.name, head) if asked.format is None else check_format(asked.format, head)
        is_large = piece.end - piece.start > _IN_MEMORY and item.content is not None
        prepared = Import(
            format=format_,
            body=b"" if is_large else b"".join(piece.chunks()),
            wishes=asked.wishes(item.name),
            dry_run=True,
            atomic=asked.atomic,
            large=_LocalBody(item.content) if is_large and item.content is not None else None,
        )
        return await self._imports.take(self._grant, prepared)
