"""What passes between the HTTP side and the journal: a request to store, and what became of its rows."""

import datetime as dt
from dataclasses import dataclass

from services.ingest.domain.reading import Reading
from services.ingest.domain.receipts import Receipt
from shared.runtime.mailbox import Outgoing


@dataclass(frozen=True, slots=True)
class Submission:
    """One request that was read and is to be stored. `source` is the one of the token.

    `is_import` asks which of its reports are corrections or stale; `is_atomic` wants all of its rows or none.
    `request_id` is that of the stored request whose further rows these are, 0 for one of its own. `file_name` is
    that of the file as sent, without its folders, "" when nothing says it.
    """

    source: str
    content_type: str
    body: bytes
    received_at: dt.datetime
    reading: Reading
    is_import: bool = False
    is_atomic: bool = False
    request_id: int = 0
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class Committed:
    """One committed transaction: a receipt for each request, and the messages to publish."""

    receipts: list[Receipt]
    messages: list[Outgoing]
