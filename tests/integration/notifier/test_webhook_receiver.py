"""The example receiver of docs/examples, as a process, taking what the webhook channel sends."""

import asyncio
import datetime as dt
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.notifier.adapters.webhook import SIGNATURE_HEADER, WebhookChannel, sign
from services.notifier.domain.delivery import Delivery, Failed, Result, Sent
from shared.contracts.vocabulary import Channel
from shared.runtime.clock import SystemClock
from shared.testing.clocks import ManualClock

pytestmark = pytest.mark.integration

PROGRAM = Path(__file__).parents[3] / "docs/examples/webhook_receiver.py"
SECRET = "bí mật chung"
NOT_TAKEN = "401 the signature is missing or wrong, or the clocks differ by more than 5 minutes"


@dataclass
class Receiver:
    """The running program: where it listens, its secret and what it has stored."""

    url: str
    secret_file: Path
    database: Path

    def stored(self) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute("SELECT id, subject FROM message ORDER BY id").fetchall()

    async def send(self, number: int = 1, clock_off: dt.timedelta = dt.timedelta()) -> Result:
        clock = ManualClock(SystemClock().now() + clock_off)
        channel = WebhookChannel({self.url: str(self.secret_file)}, 1, 5, clock)
        try:
            return await channel.send(a_delivery(self.url, number))
        finally:
            await channel.close()

    async def post(self, body: bytes, **headers: str | bytes) -> tuple[int, str]:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            raw = [(k.encode(), v.encode() if isinstance(v, str) else v) for k, v in headers.items()]
            answer = await client.post(self.url, content=body, headers=raw)
            return answer.status_code, answer.text


def a_body(number: int = 1) -> str:
    return json.dumps({"schema_version": 1, "id": f"d{number}", "subject": "Xã Thụy Hùng"}, ensure_ascii=False)


def a_delivery(url: str, number: int) -> Delivery:
    return Delivery(
        id=f"d{number}",
        channel=Channel.WEBHOOK,
        address=url,
        message_id=f"<d{number}@x>",
        references=(),
        subject="",
        body="",
        payload=a_body(number),
        created_at=dt.datetime(2024, 10, 15, tzinfo=dt.UTC),
        attempts=1,
    )


def signed_now(body: bytes, number: int = 1) -> dict[str, str]:
    timestamp = int(SystemClock().now().timestamp())
    return {SIGNATURE_HEADER: sign(SECRET.encode(), timestamp, body), "Idempotency-Key": f"d{number}"}


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    secret_file, database = tmp_path / "secret", tmp_path / "inbox.db"
    secret_file.write_text(f"{SECRET}\n", encoding="utf-8")
    with (tmp_path / "log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROGRAM), "--port", "0", "--database", str(database)),
            env={"DATCHUAN_WEBHOOK_SECRET_FILE": str(secret_file)},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(20):
            line = (await child.stdout.readline()).decode()
        yield Receiver(f"http://{line.strip().rpartition(' ')[2]}/tin", secret_file, database)
    finally:
        child.kill()
        await child.communicate()


async def test_a_message_is_stored_before_it_is_answered_and_once_however_often_it_comes(receiver: Receiver) -> None:
    results = [await receiver.send(1), await receiver.send(1), await receiver.send(2)]

    assert results == [Sent("200 stored"), Sent("200 known already"), Sent("200 stored")]
    assert receiver.stored() == [("d1", "Xã Thụy Hùng"), ("d2", "Xã Thụy Hùng")]


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_message_signed_by_a_clock_that_is_off_is_refused(receiver: Receiver, minutes: int) -> None:
    """Also what an eavesdropper sends again later."""
    assert await receiver.send(clock_off=dt.timedelta(minutes=minutes)) == Failed(permanent=True, reply=NOT_TAKEN)
    assert receiver.stored() == []


async def test_a_message_that_was_changed_on_the_way_is_refused(receiver: Receiver) -> None:
    headers = signed_now(a_body().encode())

    status, _ = await receiver.post(a_body().replace("Thụy", "Tân").encode(), **headers)

    assert (status, receiver.stored()) == (401, [])


async def test_a_message_sent_again_under_another_key_is_refused(receiver: Receiver) -> None:
    body = a_body().encode()
    await receiver.post(body, **signed_now(body))

    status, _ = await receiver.post(body, **(signed_now(body) | {"Idempotency-Key": "d2"}))

    assert (status, receiver.stored()) == (422, [("d1", "Xã Thụy Hùng")])


@pytest.mark.parametrize(
    "header", ["", "t=,v1=", "t=abc,v1=00", "v1=00", "t=1728955800", "t=" + "9" * 5000, "t=٣,v1=ff"]
)
async def test_a_message_without_a_signature_is_refused(receiver: Receiver, header: str) -> None:
    status, _ = await receiver.post(a_body().encode(), **{SIGNATURE_HEADER: header.encode()})

    assert (status, receiver.stored()) == (401, [])


async def test_a_message_that_cannot_be_stored_now_is_tried_again(receiver: Receiver) -> None:
    with closing(sqlite3.connect(receiver.database)) as connection:
        connection.execute("DROP TABLE message")

    result = await receiver.send()

    assert isinstance(result, Failed)
    assert not result.permanent
    assert result.reply.startswith("503 cannot be stored now")
