"""Entries of a Redis stream as a consumer sees them: raw bytes, so that one bad entry spoils no other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from faststream.message import StreamMessage
from faststream.redis.message import FAKE_CONSUMER, BatchStreamMessage, RedisBatchStreamMessage, bDATA_KEY
from faststream.redis.parser import BinaryMessageFormatV1


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its place in the stream, the id of the message it carries, and the message's body."""

    entry_id: bytes
    message_id: str
    payload: bytes


_LONGEST_ID = 200


def to_entry(stream: str, entry_id: bytes, fields: Mapping[bytes, bytes]) -> Entry:
    """Unwrap FastStream's envelope; what carries none is kept whole, for the dead letters."""
    fallback = f"{stream}/{entry_id.decode()}"  # two streams may give the same id in the same millisecond
    data = fields.get(bDATA_KEY)
    if data is None:
        return Entry(entry_id, fallback, repr(dict(fields)).encode())
    try:
        body, headers = BinaryMessageFormatV1.parse(data)
        message_id = str(headers.get("message_id") or headers.get("correlation_id") or "")
    except (ValueError, AttributeError):
        return Entry(entry_id, fallback, data)
    return Entry(entry_id, message_id if _is_storable(message_id) else fallback, body)


def _is_storable(message_id: str) -> bool:
    """Tell whether an id can be the key of a dead letter: foreign headers may hold anything."""
    return 0 < len(message_id) <= _LONGEST_ID and message_id.isascii() and message_id.isprintable()


def to_entries(stream: str, raw: Iterable[tuple[bytes, Mapping[bytes, bytes] | None]]) -> list[Entry]:
    """Unwrap the entries of an answer of Redis; entries deleted meanwhile come without fields and are skipped."""
    return [to_entry(stream, entry_id, fields) for entry_id, fields in raw if fields]


async def parse_batch(message: BatchStreamMessage) -> RedisBatchStreamMessage:
    """Be FastStream's parser: keep the raw batch, look into nothing."""
    return RedisBatchStreamMessage(raw_message=message, body=b"", consumer=FAKE_CONSUMER, group=None)


async def decode_batch(message: StreamMessage[Any]) -> list[Entry]:
    """Be FastStream's decoder: give the handler the batch's entries."""
    raw = message.raw_message
    return to_entries(raw["channel"], zip(raw["message_ids"], raw["data"], strict=True))
