"""The part of a notifier that sends mail, in this process, to a mail server in its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from services.notifier.adapters.mail import MailChannel
from services.notifier.adapters.mail_server import SmtpServer
from services.notifier.domain.ports import Outbox
from services.notifier.handlers.sending import Sender
from services.notifier.metrics import NotifierMetrics
from shared.contracts.vocabulary import Channel

FROM = "Đạt Chuẩn <datchuan@langson.example>"


@asynccontextmanager
async def sending(
    outbox: Outbox, port: int, *, connections: int = 4, per_domain: int = 2, timeout_seconds: float = 1
) -> AsyncIterator[tuple[Sender, CollectorRegistry]]:
    """Send what waits by mail until the block ends."""
    channel = MailChannel(SmtpServer("127.0.0.1", port, "none", None, None, connections, timeout_seconds), FROM)
    registry = CollectorRegistry()
    metrics = NotifierMetrics(registry)
    sender = Sender(outbox, Channel.MAIL, channel, metrics, at_once=connections, per_lane=per_domain, poll_seconds=0.02)
    stop = asyncio.Event()
    running = asyncio.create_task(sender.run(stop))
    try:
        yield sender, registry
    finally:
        stop.set()
        await running
