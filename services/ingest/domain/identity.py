"""Identities of reports whose sender gives none: the same content has the same id, so a replay is a duplicate."""

import datetime as dt
import hashlib
from typing import Final

import msgspec

# JSON tells the parts and their types apart, and takes a third of the time of joining texts.
_encode: Final = msgspec.json.Encoder().encode


class Arrival(msgspec.Struct, frozen=True):
    """The identity of a report that has neither id nor time of its own.

    `key` names the fact, `numerator` and `denominator` are what is said of either half, None for a half that is not
    spoken of; what has no halves stands in both. Only the journal knows what was last said of this key and how often it
    has changed, so the id is completed there: the same as last time is a replay; anything else has a new id, also when
    it was said once before. Without a time of its own it holds from when it was received.
    """

    key: str
    numerator: str | None
    denominator: str | None
    received_at: dt.datetime


def content_id(*parts: object) -> str:
    """Return the hash of the parts (texts, numbers, moments): stable between processes and versions.

    >>> content_id("a", 1) == content_id("a", "1"), content_id("a", "b") == content_id("ab")
    (False, False)
    """
    return hashlib.sha256(_encode(parts)).hexdigest()


def arrival_id(source: str, arrival: Arrival, generation: int) -> str:
    """Return the id of the `generation`-th thing said of a key."""
    return content_id(source, arrival.key, arrival.numerator, arrival.denominator, generation)
