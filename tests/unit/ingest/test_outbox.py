"""The short queue before Redis: what finds no place in it is left to the relay, never forgotten."""

import asyncio

from pydantic import SecretStr

from services.ingest.adapters.outbox import Outbox
from shared.runtime.broker import create_broker
from shared.runtime.mailbox import Outgoing
from shared.runtime.publisher import Publisher


def messages(stream: str, count: int) -> list[Outgoing]:
    return [Outgoing(stream, f"{stream}-{number}", b"") for number in range(count)]


async def test_what_finds_no_place_is_left_to_the_relay_stream_by_stream() -> None:
    publisher = Publisher(create_broker(SecretStr("redis://nowhere")))
    outbox = Outbox(publisher)

    outbox.put(messages("a", 150))
    assert not publisher.gates
    outbox.put(messages("b", 70))

    assert [(gate.stream, gate.left, gate.is_behind) for gate in publisher.gates] == [("b", 20, True)]
    outbox.put(messages("a", 3))
    assert publisher.gate("a").left == 3


async def test_what_had_a_place_goes_to_the_relay_as_well_once_a_later_one_had_none() -> None:
    publisher = Publisher(create_broker(SecretStr("redis://nowhere")))
    outbox = Outbox(publisher)
    outbox.put(messages("a", 230))
    stop = asyncio.Event()
    stop.set()

    await outbox.run(stop)

    assert publisher.gate("a").left == 230
