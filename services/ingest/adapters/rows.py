"""The bytes of a batch: rows for COPY and the message for the evaluator, both from one encoding of each report."""

import io
import uuid
from collections.abc import Sequence
from typing import Final

import msgspec

from services.ingest.adapters.fresh import SEQ_HEAD, Entry
from shared.runtime.mailbox import Outgoing

JOURNAL_COLUMNS: Final = ("seq", "source", "event_id", "request_id", "row", "received_at", "event")


class NumberedRows(msgspec.Struct, frozen=True):
    """Up to 500 numbered reports: their journal rows in COPY's text format, and the message that carries them."""

    lines: list[bytes]
    message: Outgoing


def number_rows(entries: Sequence[Entry], first: int, stream: str, partition: int) -> NumberedRows:
    """Number the reports from `first` on."""
    documents: list[bytes] = []
    lines: list[bytes] = []
    for number, entry in enumerate(entries, first):
        event, receipt = entry.draft.event, entry.receipt
        document = b"%b%d%b" % (SEQ_HEAD, number, entry.tail)
        documents.append(document)
        lines.append(
            b"%d\t%b\t%b\t%d\t%d\t%b\t%b\n"
            % (
                number,
                event.source.encode(),
                event.event_id.encode(),
                receipt.request_id,
                entry.draft.row,
                receipt.stamp,
                document,
            )
        )
    message_id = str(uuid.uuid4())
    head = b'{"schema_version":1,"message_id":"%b","partition":%d,"events":[' % (message_id.encode("ascii"), partition)
    return NumberedRows(lines, Outgoing(stream, message_id, head + b",".join(documents) + b"]}"))


def copy_source(numbered: Sequence[NumberedRows]) -> io.BytesIO:
    """Return all rows as COPY reads them.

    The backslash is the only character of them that COPY takes for something else: ids and sources are printable, and
    JSON holds no raw control characters.
    """
    lines = b"".join(line for rows in numbered for line in rows.lines)
    return io.BytesIO(lines.replace(b"\\", b"\\\\") if b"\\" in lines else lines)
