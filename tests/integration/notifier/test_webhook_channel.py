import asyncio
import datetime as dt
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.notifier.adapters.webhook import SIGNATURE_HEADER, WebhookChannel
from services.notifier.domain.delivery import Delivery, Failed, Result, Sent
from shared.contracts.vocabulary import Channel
from shared.testing.clocks import ManualClock
from shared.testing.sockets import listening

pytestmark = pytest.mark.integration

CLOCK = ManualClock(dt.datetime(2024, 10, 15, 2, 30, tzinfo=dt.UTC))
BODY = '{"schema_version":1,"subject":"Xã Thụy Hùng"}'


class Receiver:
    """An HTTP server that gives one answer and keeps what it was sent."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.headers: dict[str, str] = {}
        self.body = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        self.body = await reader.readexactly(int(self.headers["content-length"]))
        if self.answer != "silence":
            writer.write(f"HTTP/1.1 {self.answer}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".encode())
            await writer.drain()
        else:
            await reader.read()


class Dripping:
    """An HTTP server that sends `head` at once and then a byte now and then, for ever; it counts its requests."""

    def __init__(self, head: str) -> None:
        self.head = head.encode()
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        writer.write(self.head)
        hung_up = asyncio.create_task(reader.read())
        try:
            while not hung_up.done():
                writer.write(b"x")
                await writer.drain()
                await asyncio.wait({hung_up}, timeout=0.05)
        finally:
            hung_up.cancel()
            await asyncio.gather(hung_up, return_exceptions=True)


class Flooding:
    """An HTTP server whose answer has no end; it counts the bytes that were taken from it."""

    def __init__(self) -> None:
        self.taken = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b"x" * 1_000)
            await writer.drain()
            self.taken += 1_000


@asynccontextmanager
async def receiver(answer: str = "200 OK") -> AsyncIterator[tuple[Receiver, str]]:
    found = Receiver(answer)
    async with listening(found.serve) as port:
        yield found, f"http://127.0.0.1:{port}/tin"


def a_delivery(address: str) -> Delivery:
    return Delivery(
        id="d1",
        channel=Channel.WEBHOOK,
        address=address,
        message_id="<d1@x>",
        references=(),
        subject="",
        body="",
        payload=BODY,
        created_at=CLOCK.now(),
        attempts=1,
    )


async def send(address: str, secret_file: Path | None = None, timeout_seconds: float = 2) -> Result:
    channel = WebhookChannel({address: None if secret_file is None else str(secret_file)}, 2, timeout_seconds, CLOCK)
    try:
        return await channel.send(a_delivery(address))
    finally:
        await channel.close()


async def test_the_receiver_can_check_who_sent_the_request_and_when(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("bí mật\n", encoding="utf-8")

    async with receiver() as (found, address):
        result = await send(address, secret)

    timestamp = int(CLOCK.now().timestamp())
    expected = hmac.new("bí mật".encode(), f"{timestamp}.{BODY}".encode(), hashlib.sha256).hexdigest()
    assert result == Sent("200 ok")
    assert found.headers[SIGNATURE_HEADER.lower()] == f"t={timestamp},v1={expected}"
    assert found.headers["idempotency-key"] == "d1"
    assert found.body.decode() == BODY


async def test_without_a_secret_the_request_is_not_signed() -> None:
    async with receiver() as (found, address):
        await send(address)

    assert SIGNATURE_HEADER.lower() not in found.headers


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        pytest.param("500 Internal Server Error", False, id="500"),
        pytest.param("503 Service Unavailable", False, id="503"),
        pytest.param("429 Too Many Requests", False, id="429"),
        pytest.param("410 Gone", True, id="410"),
        pytest.param("401 Unauthorized", True, id="401"),
        pytest.param("302 Found", True, id="302"),
    ],
)
async def test_an_answer_is_a_refusal_for_good_or_for_now(answer: str, permanent: bool) -> None:
    async with receiver(answer) as (_found, address):
        result = await send(address)

    assert result == Failed(permanent, f"{answer[:3]} ok")


async def test_a_receiver_that_does_not_answer_is_tried_again() -> None:
    """AM TestWebhookTimeout: every call has its own time, after which the next try is due."""
    async with receiver("silence") as (_found, address):
        result = await send(address, timeout_seconds=0.3)

    assert isinstance(result, Failed)
    assert not result.permanent


async def test_a_receiver_that_drips_its_headers_is_given_up_within_the_timeout_and_tried_again() -> None:
    dripping = Dripping("HTTP/1.1 200 OK\r\nX-Slow: ")
    async with listening(dripping.serve) as port, asyncio.timeout(2):
        result = await send(f"http://127.0.0.1:{port}/", timeout_seconds=0.3)

    assert isinstance(result, Failed)
    assert not result.permanent
    assert dripping.requests == 1


async def test_a_receiver_that_drips_its_text_has_answered_by_its_status() -> None:
    dripping = Dripping("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    async with listening(dripping.serve) as port, asyncio.timeout(2):
        result = await send(f"http://127.0.0.1:{port}/", timeout_seconds=0.3)

    assert isinstance(result, Sent)
    assert result.reply.startswith("200 x")


async def test_no_more_of_an_answer_is_read_than_is_kept() -> None:
    flooding = Flooding()
    async with listening(flooding.serve) as port, asyncio.timeout(5):
        result = await send(f"http://127.0.0.1:{port}/", timeout_seconds=4)

    assert result == Sent("200 " + "x" * 500)
    assert flooding.taken < 50_000_000


async def test_a_receiver_that_is_away_is_tried_again() -> None:
    async with receiver() as (_found, address):
        pass

    result = await send(address)

    assert isinstance(result, Failed)
    assert not result.permanent


@pytest.mark.parametrize("address", ["http://x.example:port/", "ftp://x.example/", "no address"])
async def test_an_address_that_is_none_is_a_dead_letter(address: str) -> None:
    result = await send(address)

    assert isinstance(result, Failed)
    assert result.permanent


async def test_a_secret_that_cannot_be_read_waits_for_the_operator(tmp_path: Path) -> None:
    async with receiver() as (found, address):
        result = await send(address, tmp_path / "nothing")

    assert isinstance(result, Failed)
    assert not result.permanent
    assert found.body == b""
