"""What a consumer makes of the entries of a stream."""

import pytest
from faststream.redis.parser import BinaryMessageFormatV1

from shared.runtime.entries import to_entries, to_entry


async def envelope(body: bytes, headers: dict[str, str], correlation_id: str = "c1") -> dict[bytes, bytes]:
    data = await BinaryMessageFormatV1.encode(
        message=body, reply_to=None, headers=headers, correlation_id=correlation_id
    )
    return {b"__data__": data}


async def test_the_body_and_the_message_id_come_out_of_the_envelope() -> None:
    entry = to_entry("s", b"1-0", await envelope(b'{"a": 1}', {"message_id": "m1"}))

    assert (entry.entry_id, entry.message_id, entry.payload) == (b"1-0", "m1", b'{"a": 1}')


async def test_without_a_message_id_the_correlation_id_stands_in() -> None:
    assert to_entry("s", b"1-0", await envelope(b"x", {})).message_id == "c1"


@pytest.mark.parametrize(
    ("fields", "payload"),
    [
        pytest.param({b"__data__": b"\xff\x00"}, b"\xff\x00", id="raw bytes"),
        pytest.param({b"__data__": b'{"data": 5}'}, b'{"data": 5}', id="JSON that looks like the old envelope"),
        pytest.param(
            {b"__data__": b'{"data": "x", "headers": [1]}'}, b'{"data": "x", "headers": [1]}', id="odd headers"
        ),
        pytest.param({b"k": b"v"}, b"{b'k': b'v'}", id="no data at all"),
    ],
)
def test_what_carries_no_envelope_is_kept_whole_under_the_name_of_its_entry(
    fields: dict[bytes, bytes], payload: bytes
) -> None:
    entry = to_entry("s", b"1-0", fields)

    assert (entry.message_id, entry.payload) == ("s/1-0", payload)


def test_entries_deleted_meanwhile_are_skipped() -> None:
    assert [entry.entry_id for entry in to_entries("s", [(b"1-0", None), (b"2-0", {b"__data__": b"x"})])] == [b"2-0"]
