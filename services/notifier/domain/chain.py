"""The chain of sealed blocks of the audit: how lines and blocks are hashed, and what breaks the chain."""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

GENESIS = "0" * 64
DIGEST_BYTES = 32


class Fault(StrEnum):
    """What is wrong with a line or a block."""

    CHANGED = "changed"
    DELETED = "deleted"
    INSERTED = "inserted"
    BLOCK_CHANGED = "block_changed"
    BLOCK_MISSING = "block_missing"
    UNKNOWN_HASH = "unknown_hash"


@dataclass(frozen=True, slots=True)
class SealedLine:
    """One line of the audit as it is stored."""

    id: int
    xid: int
    at: dt.datetime
    kind: str
    alert_id: str | None
    delivery_id: str | None
    actor: str
    details: str


@dataclass(frozen=True, slots=True)
class Block:
    """One block as it is stored; `digests` are those of its lines, DIGEST_BYTES each, in the order of (xid, id)."""

    number: int
    after_id: int
    first_id: int
    last_id: int
    from_xid: int
    to_xid: int
    rows: int
    sealed_at: dt.datetime
    previous: str
    digests: bytes
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """The place where the chain does not hold: a block, and the line where one can be named."""

    fault: Fault
    block: int
    line: int | None = None
    after_line: int | None = None


def text_of(line: SealedLine) -> str:
    """Return a line as it is hashed: a JSON array, written by PostgreSQL and by Python alike."""
    values = (
        line.id,
        line.xid,
        utc_text(line.at),
        line.kind,
        line.alert_id,
        line.delivery_id,
        line.actor,
        line.details,
    )
    return json.dumps(values, ensure_ascii=False)


def digest_of(line: SealedLine) -> bytes:
    """Return the SHA-256 of a line."""
    return hashlib.sha256(text_of(line).encode()).digest()


def head_of(block: Block) -> str:
    """Return a block as it is hashed: a JSON array, at its end the hash of all its digests.

    So a chain can be followed by the heads alone, without the digests of blocks that do not matter.
    """
    values = (
        *(block.number, block.after_id, block.first_id, block.last_id, block.from_xid, block.to_xid, block.rows),
        *(utc_text(block.sealed_at), block.previous, hashlib.sha256(block.digests).hexdigest()),
    )
    return json.dumps(values, ensure_ascii=False)


def hash_of(block: Block) -> str:
    """Return the SHA-256 of a block's head, in hexadecimal."""
    return hashlib.sha256(head_of(block).encode()).hexdigest()


def utc_text(moment: dt.datetime) -> str:
    """Return a moment as it is hashed.

    >>> utc_text(dt.datetime(2024, 10, 15, 1, 5, 0, 25, dt.timezone(dt.timedelta(hours=7))))
    '2024-10-14T18:05:00.000025Z'
    """
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def broken_link(block: Block, before: Block | None) -> Break | None:
    """Return what is wrong with a block itself or with its place after the block before it."""
    number, previous = (before.number, before.hash) if before else (0, GENESIS)
    if block.number != number + 1:
        return Break(Fault.BLOCK_MISSING, number + 1)
    if block.previous != previous or block.hash != hash_of(block):
        return Break(Fault.BLOCK_CHANGED, block.number)
    return None


def broken_line(block: Block, lines: Sequence[SealedLine]) -> Break | None:
    """Return the first line of a block that is not what was sealed; `lines` are those that stand in its place now."""
    sealed = [block.digests[start : start + DIGEST_BYTES] for start in range(0, len(block.digests), DIGEST_BYTES)]
    found = [digest_of(line) for line in lines]
    if found == sealed:
        return None
    place = next((n for n, pair in enumerate(zip(found, sealed, strict=False)) if pair[0] != pair[1]), None)
    if place is None:
        place = min(len(found), len(sealed))
    before = lines[place - 1].id if place else None
    if place >= len(found) or found[place] in set(sealed[place:]):
        return Break(Fault.DELETED, block.number, after_line=before)
    if place >= len(sealed) or sealed[place] in set(found[place:]):
        return Break(Fault.INSERTED, block.number, lines[place].id, before)
    return Break(Fault.CHANGED, block.number, lines[place].id, before)
