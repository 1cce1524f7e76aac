"""Other services through Apprise, to a real HTTP server by its json:// scheme."""

import asyncio
import datetime as dt
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.notifier.adapters.apprise_services import MISSING, AppriseChannel
from services.notifier.domain.apprise_places import ApprisePlace, apprise_places
from services.notifier.domain.delivery import Delivery, Failed, Result, Sent
from shared.catalog.dispatches import Address
from shared.contracts.vocabulary import Channel
from shared.testing.sockets import listening

pytestmark = [
    pytest.mark.integration,
    # What the library's own plugins import.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

TOKEN = "bi-mat-0123456789"


class Service:
    """An HTTP server that gives the answers it is told, then the last one for ever; it keeps what it was sent."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers) or ["200 OK"]
        self.sent: list[dict[str, str]] = []
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].split("\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        self.requests += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "silence":
            await reader.read()
            return
        if answer.startswith("200"):
            self.sent.append(body)
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def service(*answers: str) -> AsyncIterator[tuple[Service, str]]:
    found = Service(*answers)
    async with listening(found.serve) as port:
        yield found, f"json://127.0.0.1:{port}/{TOKEN}"


def a_delivery(place: str) -> Delivery:
    return Delivery(
        id="d1",
        channel=Channel.APPRISE,
        address=place,
        message_id="<d1@x>",
        references=(),
        subject="[Đạt Chuẩn] Xã Thụy Hùng",
        body="Kính gửi: Bảo hiểm xã hội huyện <b>",
        payload="",
        created_at=dt.datetime(2024, 10, 15, tzinfo=dt.UTC),
        attempts=1,
    )


async def send(place: ApprisePlace, *, times: int = 1, timeout_seconds: float = 10) -> list[Result]:
    channel = AppriseChannel([place], 1, timeout_seconds)
    try:
        return [await channel.send(a_delivery(place.name)) for _ in range(times)]
    finally:
        await channel.close()


async def test_a_message_reaches_the_service_as_text_in_vietnamese() -> None:
    async with service() as (found, url):
        results = await send(ApprisePlace("d/bhxh#1", url=url))

    assert results == [Sent("taken by 1 service(s)")]
    assert [(body["title"], body["message"]) for body in found.sent] == [
        ("[Đạt Chuẩn] Xã Thụy Hùng", "Kính gửi: Bảo hiểm xã hội huyện <b>")
    ]


async def test_a_service_that_refuses_is_tried_again_and_its_secret_stands_nowhere() -> None:
    async with service("503 Service Unavailable") as (found, url):
        (result,) = await send(ApprisePlace("d/bhxh#1", url=url))

    assert isinstance(result, Failed)
    assert not result.permanent
    assert "503" in result.reply
    assert TOKEN not in result.reply
    assert found.requests == 1


async def test_a_service_that_does_not_answer_is_given_up_in_time_and_tried_again() -> None:
    async with service("silence") as (_found, url):
        (result,) = await send(ApprisePlace("d/bhxh#1", url=f"{url}?rto=1"), timeout_seconds=0.3)

    assert result == Failed(permanent=False, reply="no answer within 0.3 s")


async def test_of_the_urls_in_a_file_those_that_took_the_message_do_not_get_it_again(tmp_path: Path) -> None:
    async with service() as (good, good_url), service("500 Oh", "200 OK") as (bad, bad_url):
        (tmp_path / "urls").write_text(f"# Zalo của huyện\n{good_url}\n\n{bad_url}\n", encoding="utf-8")
        results = await send(ApprisePlace("d/bhxh#file", url_file=str(tmp_path / "urls")), times=2)

    assert isinstance(results[0], Failed)
    assert results[1] == Sent("taken by 2 service(s)")
    assert (good.requests, bad.requests, len(bad.sent)) == (1, 2, 1)


async def test_a_file_that_is_missing_or_empty_waits_for_the_operator(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nothing\n")

    (missing,) = await send(ApprisePlace("d/bhxh#file", url_file=str(tmp_path / "nothing")))
    (empty,) = await send(ApprisePlace("d/bhxh#file", url_file=str(tmp_path / "empty")))

    assert isinstance(missing, Failed)
    assert isinstance(empty, Failed)
    assert (missing.permanent, empty.permanent) == (False, False)
    assert "holds no URL" in empty.reply


async def test_a_url_that_no_service_has_is_a_dead_letter_that_does_not_show_it() -> None:
    (result,) = await send(ApprisePlace("d/bhxh#1", url=f"nothing://{TOKEN}"))

    assert isinstance(result, Failed)
    assert result.permanent
    assert TOKEN not in result.reply


async def test_a_place_that_the_catalog_no_longer_has_is_a_dead_letter() -> None:
    channel = AppriseChannel([], 1, 1)
    result = await channel.send(a_delivery("d/bhxh#1"))
    await channel.close()

    assert isinstance(result, Failed)
    assert result.permanent


async def test_without_the_library_messages_wait_and_the_remedy_is_said() -> None:
    """In a Python of its own that cannot find the library, and needs it for nothing else."""
    program = (
        "import sys, asyncio; sys.path[:] = [p for p in sys.path if 'site-packages' not in p] + sys.path\n"
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'apprise' else real(name, *a)\n"
        "from services.notifier.adapters.apprise_services import AppriseChannel\n"
        "channel = AppriseChannel([], 1, 1)\n"
        "result = asyncio.run(channel.send(None))\n"
        "print(result.permanent, result.concerns_all, result.reply, 'apprise' in sys.modules)"
    )
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate()

    assert out.decode().strip() == f"False True {MISSING} False"


def test_a_place_is_named_by_its_unit_and_never_by_its_url() -> None:
    address = Address(
        dispatch="d", unit="bhxh", commune="06208", apprise=(f"json://x/{TOKEN}", "json://y"), apprise_file="/run/urls"
    )

    places = apprise_places(address)

    assert [place.name for place in places] == ["d/bhxh/06208#1", "d/bhxh/06208#2", "d/bhxh/06208#file"]
