"""Mail by SMTP: a pool of at most N connections, one recipient per message, and every answer told apart."""

import asyncio
from dataclasses import dataclass, field
from email.errors import MessageError
from email.utils import parseaddr

import aiosmtplib
import structlog

from services.notifier.adapters.mime import mail_of
from services.notifier.domain.delivery import Delivery, Failed, Result, Sent

_log = structlog.get_logger(__name__)

_IDLE_SECONDS = 5.0
_TOO_BIG = 552


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over, and how."""

    host: str
    port: int
    security: str
    user: str | None
    password: str | None = field(repr=False)
    connections: int
    timeout_seconds: float


@dataclass(slots=True)
class _Connection:
    client: aiosmtplib.SMTP
    used_at: float


class MailChannel:
    """Sends deliveries as mails over kept connections."""

    def __init__(self, server: SmtpServer, mail_from: str) -> None:
        self._server = server
        self._mail_from = mail_from
        self._slots = asyncio.Semaphore(server.connections)
        self._idle: list[_Connection] = []

    async def send(self, delivery: Delivery) -> Result:
        """Hand one mail to the server; what the server or the network does becomes the result."""
        if "@" not in delivery.address:
            return Failed(permanent=True, reply=f"not a mail address: {delivery.address!r}")
        try:
            content = mail_of(delivery, self._mail_from)
        except (ValueError, MessageError) as error:
            return Failed(permanent=True, reply=f"the mail cannot be written: {error}")
        async with self._slots:
            return await self._hand_over(delivery, content)

    async def close(self) -> None:
        """Say goodbye on all connections."""
        while self._idle:
            await self._leave(self._idle.pop().client)

    async def _hand_over(self, delivery: Delivery, content: bytes) -> Result:
        client: aiosmtplib.SMTP | None = None
        try:
            async with asyncio.timeout(self._server.timeout_seconds):
                client = await self._connected()
                _, reply = await client.sendmail(parseaddr(self._mail_from)[1], [delivery.address], content)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            result = _result_of(error, is_connected=client is not None)
            # After a refusal the connection is good for the next mail; after anything else it is not to be trusted.
            if client is not None and isinstance(error, aiosmtplib.SMTPResponseException | _REFUSED):
                self._give_back(client)
            elif client is not None:
                client.close()
            return result
        self._give_back(client)
        return Sent(reply)

    async def _connected(self) -> aiosmtplib.SMTP:
        now = asyncio.get_running_loop().time()
        while self._idle:
            kept = self._idle.pop()
            if kept.client.is_connected and (now - kept.used_at < _IDLE_SECONDS or await _is_alive(kept.client)):
                return kept.client
            kept.client.close()
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            username=server.user,
            password=server.password,
            timeout=server.timeout_seconds,
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return client

    def _give_back(self, client: aiosmtplib.SMTP) -> None:
        if client.is_connected:
            self._idle.append(_Connection(client, asyncio.get_running_loop().time()))

    async def _leave(self, client: aiosmtplib.SMTP) -> None:
        try:
            async with asyncio.timeout(1):
                await client.quit()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            client.close()


_REFUSED = aiosmtplib.SMTPRecipientsRefused


async def _is_alive(client: aiosmtplib.SMTP) -> bool:
    try:
        async with asyncio.timeout(2):
            await client.noop()
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        return False
    return True


def _result_of(error: Exception, *, is_connected: bool) -> Failed:
    """Tell a refusal of this mail (for good: 5xx) from trouble with the server or the line (for now)."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        refused = error.recipients[0]
        return Failed(permanent=refused.code >= 500, reply=f"{refused.code} {refused.message}")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        # Wrong credentials or a sender that is not allowed concern every mail: an operator mends them, so keep trying.
        is_ours = not is_connected or isinstance(error, aiosmtplib.SMTPAuthenticationError)
        is_sender = isinstance(error, aiosmtplib.SMTPSenderRefused) and error.code != _TOO_BIG
        permanent = error.code >= 500 and not is_ours and not is_sender
        return Failed(permanent=permanent, reply=f"{error.code} {error.message}")
    if isinstance(error, aiosmtplib.SMTPNotSupported | ValueError):
        return Failed(permanent=is_connected, reply=f"{type(error).__name__}: {error}")
    return Failed(permanent=False, reply=f"{type(error).__name__}: {error}".removesuffix(": "))
