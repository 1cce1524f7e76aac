"""Identities of reports whose sender gives none: the same content has the same id, so a replay is a duplicate."""

import hashlib
from typing import Final

import msgspec

# JSON tells the parts and their types apart, and takes a third of the time of joining texts.
_encode: Final = msgspec.json.Encoder().encode


class Arrival(msgspec.Struct, frozen=True):
    """The identity of a report that has neither id nor time of its own.

    `key` names the fact, `value` what is said of it, both hashed. Only the journal knows how often the value of this
    key has changed, so the id is completed there: same value as last time, same id; another value, a new one.
    """

    key: str
    value: str


def content_id(*parts: object) -> str:
    """Return the hash of the parts (texts, numbers, moments): stable between processes and versions.

    >>> content_id("a", 1) == content_id("a", "1"), content_id("a", "b") == content_id("ab")
    (False, False)
    """
    return hashlib.sha256(_encode(parts)).hexdigest()


def arrival_id(source: str, arrival: Arrival, generation: int) -> str:
    """Return the id of the `generation`-th value of a key."""
    return content_id(source, arrival.key, arrival.value, generation)
