"""The dry run of `datchuan import`: rows are checked as ingest would check them, and nothing is sent."""

import json
from collections.abc import Sequence

from datchuan.errors import USAGE, CommandError
from datchuan.sending.payloads import Format, Payload
from datchuan.sending.posting import Tally, dhis2_tally, events_tally
from services.ingest.adapters.formats import cloudevents, native_body
from services.ingest.adapters.formats.dhis2 import decode_data_value_set
from services.ingest.adapters.intake import Intake, Reader, alias_tables
from services.ingest.adapters.submission import Committed, Submission
from services.ingest.adapters.web.answers import events_response
from services.ingest.adapters.web.dhis2_summary import summary_response
from services.ingest.domain.errors import IngestError
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.reading import PayloadFormat
from services.ingest.domain.receipts import Quarantined, Receipt
from services.ingest.domain.tokens import ANY_SOURCE, Grant
from shared.catalog.catalog import Catalog
from shared.runtime.clock import Clock

_READERS: dict[Format, tuple[PayloadFormat, Reader]] = {
    Format.EVENTS: (PayloadFormat.NATIVE_JSON, native_body.read_json),
    Format.NDJSON: (PayloadFormat.NDJSON, native_body.read_ndjson),
    Format.CLOUDEVENT: (PayloadFormat.CLOUDEVENTS, cloudevents.read_structured),
    Format.CLOUDEVENTS_BATCH: (PayloadFormat.CLOUDEVENTS, cloudevents.read_batch),
}


class _Counter:
    """Counts what would be stored. It has no journal, so it cannot tell a duplicate."""

    async def submit(self, submission: Submission) -> Receipt:
        """Return the receipt of a submission that nobody stores."""
        receipt = Receipt(quarantined=[Quarantined.of(bad) for bad in submission.reading.bad])
        receipt.count_accepted(submission.reading.good)
        return receipt


async def _commit_nothing(submissions: Sequence[Submission]) -> Committed:
    return Committed([Receipt() for _ in submissions], [])


class Rehearsal:
    """Reads payloads as ingest would and says what would become of their rows."""

    def __init__(self, catalog: Catalog, clock: Clock, source: str) -> None:
        self._grant = Grant(source, frozenset({ANY_SOURCE}))
        self._intake = Intake(Normalizer(catalog), alias_tables(catalog), _Counter(), _commit_nothing, clock)

    async def post(self, payload: Payload) -> Tally:
        """Return what would become of the rows of one request."""
        try:
            return await self._read(payload)
        except IngestError as error:
            raise CommandError(f"{payload.file}: {error}", "Nothing was sent.", USAGE) from error

    async def _read(self, payload: Payload) -> Tally:
        if payload.format is Format.DHIS2:
            request = decode_data_value_set(payload.body)
            receipt = await self._intake.take_data_values(self._grant, request, payload.body, "", dry_run=False)
            answer = summary_response(receipt, complete_date=request.complete_date, dry_run=True)
            return dhis2_tally(json.loads(bytes(answer.body)))
        format_, read = _READERS[payload.format]
        reading, receipt = await self._intake.take_events(self._grant, format_, read, payload.body, "")
        return events_tally(json.loads(bytes(events_response(reading, receipt).body)), payload.first_line - 1)
