"""A delivery: one message to one address, stored as rendered before it is sent, and what a channel answers."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from shared.contracts.vocabulary import Channel


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
class Draft:
    """A delivery to be stored: the rendered message and the ledger entries that it carries."""

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


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored delivery that is being sent."""

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


@dataclass(frozen=True, slots=True)
class Sent:
    """The receiver took the message; its reply is kept as proof."""

    reply: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The message was not taken: for good, or for now."""

    permanent: bool
    reply: str


Result = Sent | Failed
