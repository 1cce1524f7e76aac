"""The mailbox: messages committed in PostgreSQL that stay there until their consumer has handled them.

The producer puts a row in the transaction of its facts; the consumer takes it out in the transaction of its own. That
is the idempotency: no waiting row means that the message has already been handled. Redis only carries copies.

A consumer that writes its state behind keeps the row as its redo log: handled, no longer waiting, and removed once
nothing in it is needed any more.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, DateTime, Index, LargeBinary, MetaData, Text, func, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel


class MessagingTable(SQLModel):
    """Base of the tables of the schema `messaging`."""

    metadata = MetaData(schema="messaging")


def _moment() -> "Column[dt.datetime]":
    return Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())


def _payload() -> "Column[bytes]":
    # Already dense JSON that is written once and read back rarely: compressing it would only cost time.
    return Column(LargeBinary, nullable=False, info={"storage": "external"})


class Mailbox(MessagingTable, table=True):
    """A message that its consumer has not handled yet, or (`handled_at`) still needs in case it is restored."""

    __table_args__ = (
        Index("mailbox_waiting", "stream", "created_at", postgresql_where=text("handled_at IS NULL")),
        Index("mailbox_handled", "stream", postgresql_where=text("handled_at IS NOT NULL")),
    )

    message_id: str = Field(sa_column=Column(Text, primary_key=True))
    stream: str = Field(sa_column=Column(Text, nullable=False))
    payload: bytes = Field(sa_column=_payload())
    created_at: dt.datetime = Field(sa_column=_moment())
    handled_at: dt.datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class DeadLetter(MessagingTable, table=True):
    """A message that no consumer could handle, kept with the reason."""

    __tablename__ = "dead_letter"

    message_id: str = Field(sa_column=Column(Text, primary_key=True))
    stream: str = Field(sa_column=Column(Text, nullable=False))
    payload: bytes = Field(sa_column=_payload())
    reason: str = Field(sa_column=Column(Text, nullable=False))
    attempts: int
    failed_at: dt.datetime = Field(sa_column=_moment())


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way out: its stream, its id and its encoded body."""

    stream: str
    message_id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Buried:
    """A message that could not be handled, and why."""

    stream: str
    message_id: str
    payload: bytes
    reason: str
    attempts: int = 1


# For producers that put it into a statement of their own, with the parameters of `put_parameters`.
PUT = (
    "INSERT INTO messaging.mailbox (message_id, stream, payload) "
    "SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:streams AS text[]), CAST(:payloads AS bytea[])) "
    "ON CONFLICT (message_id) DO NOTHING"
)
_PUT = text(PUT)
_CLAIM = text(
    "DELETE FROM messaging.mailbox WHERE message_id = ANY(CAST(:ids AS text[])) AND handled_at IS NULL "
    "RETURNING message_id"
)
# For a consumer that claims in a statement of its own.
CLAIM_AND_KEEP = (
    "UPDATE messaging.mailbox SET handled_at = clock_timestamp() "
    "WHERE message_id = ANY(CAST(:claimed AS text[])) AND handled_at IS NULL RETURNING message_id"
)
_CLAIM_AND_KEEP = text(CLAIM_AND_KEEP)
_HANDLED = text("SELECT payload FROM messaging.mailbox WHERE stream = :stream AND handled_at IS NOT NULL")
_FORGET = text("DELETE FROM messaging.mailbox WHERE message_id = ANY(CAST(:ids AS text[])) AND handled_at IS NOT NULL")
_BURY = text(
    "WITH gone AS (DELETE FROM messaging.mailbox WHERE message_id = ANY(CAST(:ids AS text[]))) "
    "INSERT INTO messaging.dead_letter (message_id, stream, payload, reason, attempts) "
    "SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:streams AS text[]), CAST(:payloads AS bytea[]), "
    "CAST(:reasons AS text[]), CAST(:attempts AS integer[])) ON CONFLICT (message_id) DO NOTHING"
)
_REQUEUE = text(
    "WITH back AS (DELETE FROM messaging.dead_letter WHERE message_id = ANY(CAST(:ids AS text[])) "
    "RETURNING message_id, stream, payload) "
    "INSERT INTO messaging.mailbox (message_id, stream, payload) SELECT * FROM back "
    "ON CONFLICT (message_id) DO NOTHING RETURNING message_id"
)


async def put(connection: AsyncConnection, messages: Sequence[Outgoing]) -> None:
    """Add the messages to the mailbox inside the caller's transaction."""
    if not messages:
        return
    await connection.execute(_PUT, put_parameters(messages))


def put_parameters(messages: Sequence[Outgoing]) -> dict[str, list[str] | list[bytes]]:
    """Return the parameters of `PUT`."""
    return {
        "ids": [message.message_id for message in messages],
        "streams": [message.stream for message in messages],
        "payloads": [message.payload for message in messages],
    }


async def claim(connection: AsyncConnection, message_ids: Sequence[str]) -> frozenset[str]:
    """Take the messages out of the mailbox and return the ids that were there: only those are still to be handled."""
    if not message_ids:
        return frozenset()
    # One lock order for all claimers: two transactions that share messages wait instead of deadlocking.
    rows = await connection.execute(_CLAIM, {"ids": sorted(set(message_ids))})
    return frozenset(rows.scalars())


async def claim_and_keep(connection: AsyncConnection, message_ids: Sequence[str]) -> frozenset[str]:
    """Claim the messages as `claim` does, but keep their rows as a redo log until `forget`."""
    if not message_ids:
        return frozenset()
    rows = await connection.execute(_CLAIM_AND_KEEP, {"claimed": sorted(set(message_ids))})
    return frozenset(rows.scalars())


async def handled(connection: AsyncConnection, stream: str) -> list[bytes]:
    """Return the payloads of the messages of a stream that were claimed, kept and not forgotten yet."""
    return list((await connection.execute(_HANDLED, {"stream": stream})).scalars())


async def forget(connection: AsyncConnection, message_ids: Sequence[str]) -> None:
    """Remove kept messages that no restored consumer would need."""
    if message_ids:
        await connection.execute(_FORGET, {"ids": sorted(set(message_ids))})


async def bury(connection: AsyncConnection, dead: Sequence[Buried]) -> None:
    """Move the messages from the mailbox to the dead letters, with their reasons."""
    unique = {letter.message_id: letter for letter in dead}
    if not unique:
        return
    letters = [unique[message_id] for message_id in sorted(unique)]
    await connection.execute(
        _BURY,
        {
            "ids": [letter.message_id for letter in letters],
            "streams": [letter.stream for letter in letters],
            "payloads": [letter.payload for letter in letters],
            # PostgreSQL's text holds no NUL.
            "reasons": [letter.reason.replace("\x00", "\\0") for letter in letters],
            "attempts": [letter.attempts for letter in letters],
        },
    )


async def requeue(connection: AsyncConnection, message_ids: Sequence[str]) -> frozenset[str]:
    """Put dead letters back into the mailbox, from where the relay publishes them; return the ids moved."""
    rows = await connection.execute(_REQUEUE, {"ids": sorted(set(message_ids))})
    return frozenset(rows.scalars())
