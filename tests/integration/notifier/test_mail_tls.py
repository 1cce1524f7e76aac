"""Mail over TLS to real servers: only one that proves to be the right one ever gets a mail."""

import asyncio
import datetime as dt
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.notifier.adapters.mail import MailChannel
from services.notifier.adapters.mail_server import SmtpServer
from services.notifier.domain.delivery import Delivery, Failed, Result, Sent
from shared.contracts.vocabulary import Channel
from tests.integration.notifier.authority import Authority

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command"),
]

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ca")


class Kept:
    """Keeps what the server took, and how safe the line was."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.versions: list[str] = []

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope.original_content or b"")
        assert server.transport is not None
        tls = server.transport.get_extra_info("ssl_object")
        self.versions.append("none" if tls is None else str(tls.version()))
        return "250 kept"


@asynccontextmanager
async def mail_server(security: str, context: ssl.SSLContext | None) -> AsyncIterator[tuple[Kept, int]]:
    kept, loop = Kept(), asyncio.get_running_loop()
    by_command = context if security == "starttls" else None
    talks: list[SMTP] = []

    def talk() -> SMTP:
        talks.append(SMTP(kept, hostname="tls", loop=loop, tls_context=by_command))
        return talks[-1]

    server = await loop.create_server(talk, HOST, 0, ssl=context if security == "tls" else None)
    try:
        yield kept, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in talks:
            if isinstance(each.transport, asyncio.Transport):
                each.transport.abort()
        await server.wait_closed()


async def send(port: int, security: str, ca_file: Path | None, host: str = HOST) -> Result:
    channel = MailChannel(
        SmtpServer(host, port, security, None, None, connections=1, timeout_seconds=5, ca_file=ca_file),
        "Đạt Chuẩn <datchuan@langson.example>",
    )
    try:
        return await channel.send(
            Delivery(
                id="d1",
                channel=Channel.MAIL,
                address="bhxh@caoloc.example",
                message_id="<d1@langson.example>",
                references=(),
                subject="Xã Thụy Hùng",
                body="Kính gửi",
                payload="",
                created_at=dt.datetime(2024, 10, 15, 2, 30, tzinfo=dt.UTC),
                attempts=1,
            )
        )
    finally:
        await channel.close()


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_server_with_a_certificate_of_the_private_ca_gets_the_mail(authority: Authority, security: str) -> None:
    async with mail_server(security, authority.context(HOST)) as (kept, port):
        result = await send(port, security, authority.certificate)

    assert isinstance(result, Sent)
    assert len(kept.mails) == 1
    assert kept.versions[0] in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize(
    ("host", "expired", "knows_ca", "why"),
    [
        pytest.param(HOST, False, False, "unable to get local issuer certificate", id="unknown CA"),
        pytest.param("mail.langson.example", False, True, "IP address mismatch", id="other host"),
        pytest.param(HOST, True, True, "certificate has expired", id="expired"),
    ],
)
async def test_a_server_that_cannot_prove_who_it_is_gets_no_mail_and_none_is_given_up(
    authority: Authority, security: str, host: str, expired: bool, knows_ca: bool, why: str
) -> None:
    async with mail_server(security, authority.context(host, is_expired=expired)) as (kept, port):
        result = await send(port, security, authority.certificate if knows_ca else None)

    assert isinstance(result, Failed)
    assert (result.permanent, result.concerns_all) == (False, True)
    assert result.reply.startswith(f"the certificate of {HOST}:{port} is not accepted: ")
    assert why in result.reply
    assert "DATCHUAN_SMTP_CA_FILE" in result.reply
    assert kept.mails == []


async def test_a_server_from_whose_greeting_starttls_was_stripped_gets_no_mail() -> None:
    async with mail_server("none", None) as (kept, port):
        result = await send(port, "starttls", None)

    assert isinstance(result, Failed)
    assert (result.permanent, result.concerns_all) == (False, True)
    assert "offers no STARTTLS" in result.reply
    assert kept.mails == []


async def test_a_server_that_speaks_only_an_old_tls_gets_no_mail(authority: Authority) -> None:
    old = authority.context(HOST)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    async with mail_server("tls", old) as (kept, port):
        result = await send(port, "tls", authority.certificate)

    assert isinstance(result, Failed)
    assert not result.permanent
    assert kept.mails == []


async def test_a_ca_file_that_cannot_be_read_waits_for_the_operator(authority: Authority, tmp_path: Path) -> None:
    garbled = tmp_path / "ca.pem"
    garbled.write_text("no certificate")
    async with mail_server("tls", authority.context(HOST)) as (kept, port):
        missing = await send(port, "tls", tmp_path / "nothing.pem")
        wrong = await send(port, "tls", garbled)

    assert isinstance(missing, Failed)
    assert isinstance(wrong, Failed)
    assert (missing.permanent, wrong.permanent) == (False, False)
    assert "nothing.pem cannot be read" in missing.reply
    assert "ca.pem cannot be read" in wrong.reply
    assert kept.mails == []
