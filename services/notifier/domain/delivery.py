"""A delivery: one message to one address, stored as rendered before it is sent, and what a channel answers."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.contracts.vocabulary import Channel

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class DeliveryStatus(StrEnum):
    """How far a delivery has come; `sent` and `dead` are its ends.

    An operator ends a dead one: `replaced` when its news waits again for another delivery, `discarded` when not.
    """

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    RETRY = "retry"
    DEAD = "dead"
    REPLACED = "replaced"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """A delivery to be stored: the rendered message and the ledger entries that it carries.

    `report_id` names the consolidated report whose workbook goes with it.
    """

    id: str
    channel: Channel
    address: str
    message_id: str
    references: tuple[str, ...]
    subject: str
    body: str
    payload: str
    created_at: dt.datetime
    entry_ids: tuple[int, ...]
    failure: str | None = None
    report_id: str | None = None
    html: str = ""


@dataclass(frozen=True, slots=True)
class Lanes:
    """How many deliveries of one lane are sent at once, how many of each are being sent now, and where it was last.

    Lanes behind `after`, in the order of their names, are looked at first.
    """

    per_lane: int = 1_000_000
    busy: Mapping[str, int] = field(default_factory=dict)
    after: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored delivery that is being sent. `lane` is what it shares with others: a mail's domain, else the address."""

    id: str
    channel: Channel
    address: str
    message_id: str
    references: tuple[str, ...]
    subject: str
    body: str
    payload: str
    created_at: dt.datetime
    attempts: int
    attachments: tuple[Attachment, ...] = ()
    html: str = ""
    lane: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The receiver took the message; its reply is kept as proof."""

    reply: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The message was not taken: for good, or for now. `concerns_all`: nor would any other of its channel be."""

    permanent: bool
    reply: str
    concerns_all: bool = False


Result = Sent | Failed
