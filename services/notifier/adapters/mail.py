"""Mail by SMTP: a pool of at most N connections, one recipient per message, and every answer told apart."""

import asyncio
from dataclasses import dataclass
from email.errors import MessageError
from email.utils import parseaddr

import aiosmtplib

from services.notifier.adapters.mail_answers import REFUSALS, failed
from services.notifier.adapters.mail_server import Connector, SmtpServer, UntrustedServerError
from services.notifier.adapters.mime import mail_of
from services.notifier.domain.delivery import Delivery, Failed, Result, Sent

_IDLE_SECONDS = 5.0


@dataclass(slots=True)
class _Connection:
    client: aiosmtplib.SMTP
    used_at: float


class MailChannel:
    """Sends deliveries as mails over connections that are kept for about `kept_seconds` after their last mail.

    A mail server grants only so many to everybody.
    """

    def __init__(self, server: SmtpServer, mail_from: str, kept_seconds: float = 30) -> None:
        self._kept_seconds = kept_seconds
        self._timeout_seconds = server.timeout_seconds
        self._connector = Connector(server)
        self._mail_from = mail_from
        self._slots = asyncio.Semaphore(server.connections)
        self._idle: list[_Connection] = []
        self._leaving: asyncio.TimerHandle | None = None

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
        if self._leaving is not None:
            self._leaving.cancel()
        while self._idle:
            await self._leave(self._idle.pop().client)

    async def _hand_over(self, delivery: Delivery, content: bytes) -> Result:
        client: aiosmtplib.SMTP | None = None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                client = await self._connected()
                _, reply = await client.sendmail(parseaddr(self._mail_from)[1], [delivery.address], content)
        except (aiosmtplib.SMTPException, UntrustedServerError, OSError, TimeoutError, ValueError) as error:
            # After a refusal the connection is good for the next mail; after anything else it is not to be trusted.
            if client is not None and isinstance(error, REFUSALS):
                self._give_back(client)
            elif client is not None:
                client.close()
            return failed(error, is_connected=client is not None)
        self._give_back(client)
        return Sent(reply)

    async def _connected(self) -> aiosmtplib.SMTP:
        now = asyncio.get_running_loop().time()
        while self._idle:
            kept = self._idle.pop()
            if kept.client.is_connected and (now - kept.used_at < _IDLE_SECONDS or await _is_alive(kept.client)):
                return kept.client
            kept.client.close()
        return await self._connector.connect()

    def _give_back(self, client: aiosmtplib.SMTP) -> None:
        if client.is_connected:
            loop = asyncio.get_running_loop()
            self._idle.append(_Connection(client, loop.time()))
            if self._leaving is None:
                self._leaving = loop.call_later(self._kept_seconds, self._drop_unused)

    def _drop_unused(self) -> None:
        loop = asyncio.get_running_loop()
        self._leaving = None
        for kept in [each for each in self._idle if loop.time() - each.used_at >= self._kept_seconds]:
            self._idle.remove(kept)
            kept.client.close()
        if self._idle:
            self._leaving = loop.call_later(self._kept_seconds, self._drop_unused)

    async def _leave(self, client: aiosmtplib.SMTP) -> None:
        try:
            async with asyncio.timeout(1):
                await client.quit()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            client.close()


async def _is_alive(client: aiosmtplib.SMTP) -> bool:
    try:
        async with asyncio.timeout(2):
            await client.noop()
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        return False
    return True
