import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import MappingProxyType
from typing import Any

import pytest

from services.notifier.adapters.mail import MailChannel
from services.notifier.adapters.mail_server import SmtpServer
from services.notifier.domain.delivery import XLSX, Attachment, Delivery, Failed, Sent
from shared.contracts.vocabulary import Channel
from shared.testing.polling import until
from shared.testing.sockets import listening

pytestmark = pytest.mark.integration

FROM = "Đạt Chuẩn <datchuan@langson.example>"
HANG = "hang"
DROP = "drop"


class Script:
    """An SMTP server that answers as told; everything else it accepts. It counts its connections."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self.answers = answers
        self.mails: list[bytes] = []
        self.connections = self.now = self.most = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.talk(reader, writer)
        finally:
            self.now -= 1

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.answers.get("connect", "220 script ESMTP").encode() + b"\r\n")
        while line := (await reader.readline()).decode().strip():
            word = line.split()[0].upper()
            answer = self.answers.get(word) or self.answers.get(line) or self.usual(word)
            if answer == HANG:
                await reader.read()
            writer.write(answer.encode() + b"\r\n")
            await writer.drain()
            if word == "DATA" and answer.startswith("354"):
                self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                if self.answers.get("mail") == DROP:
                    return
                writer.write(self.answers.get("mail", "250 kept").encode() + b"\r\n")
            elif word == "QUIT":
                return

    @staticmethod
    def usual(word: str) -> str:
        return {"DATA": "354 go on", "EHLO": "250-script\r\n250-8BITMIME\r\n250 AUTH PLAIN", "QUIT": "221 bye"}.get(
            word, "250 OK"
        )


@asynccontextmanager
async def post(
    answers: Mapping[str, str] = MappingProxyType({}),
    *,
    connections: int = 4,
    timeout_seconds: float = 5,
    user: str | None = None,
    kept_seconds: float = 30,
) -> AsyncIterator[tuple[Script, MailChannel]]:
    script = Script(answers)
    async with listening(script.serve) as port:
        password = "secret" if user else None
        server = SmtpServer("127.0.0.1", port, "none", user, password, connections, timeout_seconds)
        channel = MailChannel(server, FROM, kept_seconds)
        yield script, channel
        await channel.close()


def a_delivery(number: int = 1, **fields: Any) -> Delivery:
    known: dict[str, Any] = {
        "id": f"d{number}",
        "channel": Channel.MAIL,
        "address": "bhxh@caoloc.example",
        "message_id": f"<d{number}@langson.example>",
        "references": (),
        "subject": "[Đạt Chuẩn] Xã Thụy Hùng: chỉ tiêu 15.1",
        "body": "Kính gửi: Bảo hiểm xã hội huyện\n",
        "payload": "",
        "created_at": dt.datetime(2024, 10, 15, 2, 30, tzinfo=dt.UTC),
        "attempts": 1,
    }
    return Delivery(**(known | fields))


async def test_a_mail_arrives_with_its_headers_and_in_vietnamese() -> None:
    async with post() as (script, channel):
        result = await channel.send(a_delivery(references=("<a@x>", "<b@x>")))

    (content,) = script.mails
    mail = message_from_bytes(content, policy=policy.default)
    assert result == Sent("kept")
    assert mail["Subject"] == "[Đạt Chuẩn] Xã Thụy Hùng: chỉ tiêu 15.1"
    assert mail["Message-ID"] == "<d1@langson.example>"
    assert mail["Date"] == "Tue, 15 Oct 2024 09:30:00 +0700"
    assert (mail["In-Reply-To"], mail["References"]) == ("<b@x>", "<a@x> <b@x>")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert isinstance(mail, EmailMessage)
    assert mail.get_content().startswith("Kính gửi: Bảo hiểm xã hội huyện")


async def test_a_repeated_mail_is_the_same_to_the_byte() -> None:
    async with post() as (script, channel):
        await channel.send(a_delivery())
        await channel.send(a_delivery())

    assert script.mails[0] == script.mails[1]


async def test_a_storm_uses_no_more_connections_than_allowed() -> None:
    async with post(connections=3) as (script, channel):
        results = await asyncio.gather(*(channel.send(a_delivery(number)) for number in range(60)))

    assert all(isinstance(result, Sent) for result in results)
    assert len(script.mails) == 60
    assert (script.most, script.connections) == (3, 3)


@pytest.mark.parametrize(
    ("answers", "permanent", "reply"),
    [
        *(pytest.param({"RCPT": f"{code} no"}, True, f"{code} no", id=f"{code}") for code in (550, 551, 552, 553, 554)),
        *(pytest.param({"RCPT": f"{code} later"}, False, f"{code} later", id=f"{code}") for code in (450, 451, 452)),
        pytest.param({"RCPT": "550 no such user"}, True, "550 no such user", id="recipient refused"),
        pytest.param({"RCPT": "451 greylisted"}, False, "451 greylisted", id="recipient later"),
        pytest.param({"DATA": "554 refused"}, True, "554 refused", id="content refused"),
        pytest.param({"mail": "554 spam"}, True, "554 spam", id="content refused at the end"),
        pytest.param({"mail": "452 full"}, False, "452 full", id="later at the end"),
        pytest.param({"MAIL": "552 too big"}, True, "552 too big", id="too big"),
        pytest.param({"RCPT": "421 shutting down"}, False, "421 shutting down", id="shutting down"),
    ],
)
async def test_a_refusal_is_for_good_or_for_now(answers: dict[str, str], permanent: bool, reply: str) -> None:
    async with post(answers) as (_script, channel):
        result = await channel.send(a_delivery())

    assert result == Failed(permanent, reply)


@pytest.mark.parametrize(
    ("answers", "reply"),
    [
        pytest.param({"MAIL": "550 sender not allowed"}, "550 sender not allowed", id="our sender"),
        pytest.param({"RCPT": "530 log in first"}, "530 log in first", id="not logged in"),
        pytest.param({"connect": "554 no service"}, "554 no service", id="no service"),
        pytest.param({"connect": "421 busy"}, "421 busy", id="busy"),
    ],
)
async def test_what_would_be_said_of_any_mail_makes_no_dead_letter(answers: dict[str, str], reply: str) -> None:
    async with post(answers) as (_script, channel):
        result = await channel.send(a_delivery())

    assert result == Failed(permanent=False, reply=reply, concerns_all=True)


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({"mail": DROP}, id="drops after the content"),
        pytest.param({"RCPT": HANG}, id="hangs"),
    ],
)
async def test_a_server_that_fails_is_tried_again(answers: dict[str, str]) -> None:
    async with post(answers, timeout_seconds=0.5) as (_script, channel):
        result = await channel.send(a_delivery())

    assert isinstance(result, Failed)
    assert not result.permanent


async def test_a_server_that_is_away_is_tried_again() -> None:
    async with post() as (_script, channel):
        pass

    result = await channel.send(a_delivery())

    assert isinstance(result, Failed)
    assert not result.permanent
    assert result.reply.startswith("SMTPConnectError")


async def test_wrong_credentials_never_make_a_dead_letter() -> None:
    async with post({"AUTH": "535 bad credentials"}, user="datchuan") as (_script, channel):
        result = await channel.send(a_delivery())

    assert result == Failed(permanent=False, reply="535 bad credentials", concerns_all=True)


async def test_the_connection_is_kept_after_a_refused_recipient() -> None:
    async with post({"RCPT TO:<bad@caoloc.example>": "550 unknown"}, connections=1) as (script, channel):
        await channel.send(a_delivery(1, address="bad@caoloc.example"))
        result = await channel.send(a_delivery(2))

    assert isinstance(result, Sent)
    assert script.connections == 1


@pytest.mark.parametrize("address", ["a b@caoloc.example\nBcc: x@y.example", "không@caoloc.example", ""])
async def test_an_address_that_cannot_be_written_is_a_dead_letter(address: str) -> None:
    async with post() as (script, channel):
        result = await channel.send(a_delivery(address=address))

    assert isinstance(result, Failed)
    assert result.permanent
    assert script.mails == []


async def test_a_long_vietnamese_subject_keeps_every_space() -> None:
    subject = "[Đạt Chuẩn] Xã Tân Thành: chỉ tiêu 18.4 chủ hộ, chủ cơ sở được tập huấn về ATTP (ngành Công Thương) " * 3

    async with post() as (script, channel):
        await channel.send(a_delivery(subject=subject.strip()))

    (content,) = script.mails
    assert message_from_bytes(content, policy=policy.default)["Subject"] == subject.strip()
    assert max(len(line) for line in content.split(b"\r\n")) <= 78


def read(content: bytes) -> EmailMessage:
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


async def test_a_mail_with_html_offers_it_as_the_alternative_of_the_text() -> None:
    async with post() as (script, channel):
        for _ in range(2):
            await channel.send(a_delivery(html="<p>Kính gửi: Bảo hiểm xã hội huyện</p>"))

    mail = read(script.mails[0])
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    html = mail.get_body(("html",))
    assert html is not None
    assert html.get_content().strip() == "<p>Kính gửi: Bảo hiểm xã hội huyện</p>"
    assert mail["Subject"] == "[Đạt Chuẩn] Xã Thụy Hùng: chỉ tiêu 15.1"
    assert script.mails[0] == script.mails[1]


@pytest.mark.parametrize(
    "name",
    [
        "Báo cáo.xlsx",
        "Báo cáo tổng hợp quý IV năm 2024 của Ủy ban nhân dân huyện Cao Lộc; phần y tế.xlsx",
        '"\r\nBcc: x@y.example',
    ],
)
async def test_a_file_goes_with_the_mail_under_its_vietnamese_name(name: str) -> None:
    workbook = bytes(range(256)) * 40
    report = Attachment(name, XLSX, workbook)

    async with post() as (script, channel):
        for _ in range(2):
            await channel.send(a_delivery(html="<p>Kính gửi</p>", attachments=(report,)))

    mail = read(script.mails[0])
    (found,) = mail.iter_attachments()
    assert mail.get_content_type() == "multipart/mixed"
    assert (found.get_filename(), found.get_content_type(), found.get_content()) == (name, XLSX, workbook)
    assert mail["Bcc"] is None
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().startswith("Kính gửi")
    assert max(len(line) for line in script.mails[0].split(b"\r\n")) <= 90
    assert script.mails[0] == script.mails[1]


async def test_connections_that_nothing_needs_are_given_back_to_the_server() -> None:
    async with post(connections=3, kept_seconds=0.05) as (script, channel):
        await asyncio.gather(*(channel.send(a_delivery(number)) for number in range(9)))
        most = script.most
        await until(lambda: script.now == 0, what="no connection open")
        result = await channel.send(a_delivery(10))

    assert most == 3
    assert isinstance(result, Sent)
