"""The tables of the schema `ingest`: raw requests, the journal, the quarantine, tokens, arrivals."""

import datetime as dt
from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlmodel import Field, SQLModel

# Numbers are handed out in blocks of this size, so that a batch costs no round trip of its own.
BLOCK_SIZE: Final = 10_000

metadata = MetaData(schema="ingest")
JOURNAL_SEQUENCE: Final = Sequence("journal_seq", increment=BLOCK_SIZE, metadata=metadata)
REQUEST_SEQUENCE: Final = Sequence("request_seq", increment=BLOCK_SIZE, metadata=metadata)


def _text(*, nullable: bool = False) -> "Column[str]":
    return Column(Text, nullable=nullable)


def _text_or_nothing() -> "Column[str]":
    return Column(Text, nullable=False, server_default="")


def _key() -> "Column[str]":
    """Return a text that is only ever compared for being the same: by its bytes, whatever the database's language."""
    return Column(Text(collation="C"), nullable=False)


def _moment(*, nullable: bool = False) -> "Column[dt.datetime]":
    return Column(DateTime(timezone=True), nullable=nullable)


def _number() -> "Column[int]":
    return Column(BigInteger, nullable=False)


class IngestTable(SQLModel):
    """Base of the tables of this service."""

    metadata = metadata


class Request(IngestTable, table=True):
    """One HTTP request of which at least one row was accepted or set aside, with its raw body."""

    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    source: str = Field(sa_column=_text())
    received_at: dt.datetime = Field(sa_column=_moment())
    format: str = Field(sa_column=_text())
    content_type: str = Field(sa_column=_text())
    file_name: str = Field(sa_column=_text_or_nothing())
    rows: int
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False, info={"storage": "external"}))


class Journal(IngestTable, table=True):
    """One accepted report. `event` is the normalized report as JSON; (`request_id`, `row`) leads to the raw text.

    The key begins with the id, which differs sooner than the source: fewer bytes are compared. `seq` has no index: it
    is unique by its sequence, nobody looks a report up by it, and it would cost as much as the key.
    """

    __table_args__ = (PrimaryKeyConstraint("event_id", "source"),)

    seq: int = Field(sa_column=_number())
    source: str = Field(sa_column=_key())
    event_id: str = Field(sa_column=_key())
    request_id: int = Field(sa_column=_number())
    row: int
    event: str = Field(sa_column=_text())


class Quarantine(IngestTable, table=True):
    """One row that could not be applied. The same row sent again only raises `seen`.

    `remedy` is what to do in its very case; without it the general remedy of the reason holds.
    """

    __table_args__ = (
        UniqueConstraint("source", "digest", name="quarantine_source_digest"),
        Index("quarantine_status_last_seen_at", "status", "last_seen_at"),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    source: str = Field(sa_column=_text())
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    request_id: int = Field(sa_column=_number())
    row: int
    place: str = Field(sa_column=_text())
    format: str = Field(sa_column=_text())
    event_id: str | None = Field(sa_column=_text(nullable=True))
    reason: str = Field(sa_column=_text())
    field: str = Field(sa_column=_text())
    value: str = Field(sa_column=_text())
    detail: str = Field(sa_column=_text())
    remedy: str = Field(sa_column=_text_or_nothing())
    remedy_vi: str = Field(sa_column=_text_or_nothing())
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    received_at: dt.datetime = Field(sa_column=_moment())
    last_seen_at: dt.datetime = Field(sa_column=_moment())
    seen: int
    status: str = Field(sa_column=_text())


class Token(IngestTable, table=True):
    """An access token: only its hash, whose it is, and what it allows."""

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    name: str = Field(sa_column=_text())
    source: str = Field(sa_column=_text())
    may_send: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    created_at: dt.datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())
    )
    revoked_at: dt.datetime | None = Field(sa_column=_moment(nullable=True))


class Arrival(IngestTable, table=True):
    """What was last said of a fact whose sender gives neither id nor time, of either half, and how often it changed."""

    source: str = Field(sa_column=Column(Text, primary_key=True))
    key: str = Field(sa_column=Column(Text, primary_key=True))
    numerator: str | None = Field(sa_column=_text(nullable=True))
    denominator: str | None = Field(sa_column=_text(nullable=True))
    received_at: dt.datetime = Field(sa_column=_moment())
    generation: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("1")))


class Poll(IngestTable, table=True):
    """How far a poll of a DHIS2 instance has come.

    `window_end` is where the last window ended by the server's clock, `window_end_ours` the same moment by ours;
    `scope` is a digest of what was asked for. `pending` are values on their way into the journal.
    """

    name: str = Field(sa_column=Column(Text, primary_key=True))
    scope: str = Field(sa_column=_text())
    window_end: dt.datetime | None = Field(sa_column=_moment(nullable=True))
    window_end_ours: dt.datetime | None = Field(sa_column=_moment(nullable=True))
    succeeded_at: dt.datetime | None = Field(sa_column=_moment(nullable=True))
    failed_at: dt.datetime | None = Field(sa_column=_moment(nullable=True))
    failures: int
    error: str = Field(sa_column=_text())
    due_at: dt.datetime = Field(sa_column=_moment())
    pending: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))


class Polled(IngestTable, table=True):
    """Which version of each value a poll has brought last, as digests: what a later window brings again is known."""

    poll: str = Field(sa_column=Column(Text, primary_key=True))
    fact: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    version: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Newest(IngestTable, table=True):
    """The newest moment at which imports observed a fact: tells a correction and a stale report from a new one."""

    fact: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    observed_at: dt.datetime = Field(sa_column=_moment())
