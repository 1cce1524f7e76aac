"""Stored messages are sent, each by its channel, a bounded number at a time."""

import asyncio

import structlog

from services.notifier.domain.delivery import Delivery, DeliveryStatus, Result
from services.notifier.domain.ports import MessageChannel, Outbox
from services.notifier.metrics import NotifierMetrics, SendOutcome
from shared.contracts.vocabulary import Channel
from shared.runtime.faults import fault_point
from shared.runtime.loops import Bell, Trouble

_log = structlog.get_logger(__name__)


class Sender:
    """Sends the deliveries of one channel, a bounded number at a time."""

    def __init__(
        self,
        outbox: Outbox,
        channel: Channel,
        carrier: MessageChannel,
        metrics: NotifierMetrics,
        *,
        at_once: int,
        poll_seconds: float,
    ) -> None:
        self._outbox = outbox
        self.channel = channel
        self._carrier = carrier
        self._metrics = metrics
        self._at_once = at_once
        self._poll_seconds = poll_seconds
        self._trouble = Trouble(f"sending by {channel}")
        self.bell = Bell()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; then finish what is being sent and close the connections."""
        running: set[asyncio.Task[None]] = set()
        stopping = asyncio.create_task(stop.wait())
        rung = asyncio.create_task(self.bell.wait())
        try:
            while not stop.is_set():
                free = self._at_once - len(running)
                taken, pause = await self._take(free)
                running |= {asyncio.create_task(self._deliver(delivery)) for delivery in taken}
                # With every place taken there is nothing to do until one is free.
                timeout = None if len(taken) == free else pause
                waking = {*running, stopping} if timeout is None else {*running, stopping, rung}
                await asyncio.wait(waking, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                running = {task for task in running if not task.done()}
                if rung.done():
                    rung = asyncio.create_task(self.bell.wait())
        finally:
            stopping.cancel()
            rung.cancel()
            if running:
                await asyncio.wait(running)
            await self._carrier.close()

    async def _take(self, free: int) -> tuple[list[Delivery], float]:
        try:
            taken = await self._outbox.take(self.channel, free)
        except Exception as error:  # noqa: BLE001 - logged; the loop must outlive whatever the database does
            return [], self._trouble.met(error)
        self._trouble.passed()
        return taken, self._poll_seconds

    async def _deliver(self, delivery: Delivery) -> None:
        with self._metrics.send_seconds.labels(self.channel).time():
            fault_point("notifier.before_send")
            result = await self._carrier.send(delivery)
            fault_point("notifier.after_send")
        status = await self._settle(delivery, result)
        outcome = _OUTCOMES.get(status, SendOutcome.RETRIED)
        self._metrics.notifications.labels(self.channel, outcome).inc()
        if status is not DeliveryStatus.SENT:
            _log.warning(
                "delivery failed",
                delivery_id=delivery.id,
                channel=self.channel,
                outcome=outcome,
                attempts=delivery.attempts,
                reply=result.reply,
            )

    async def _settle(self, delivery: Delivery, result: Result) -> DeliveryStatus:
        """Record the result, for as long as it takes: a mail that was sent and not recorded would be sent again."""
        trouble = Trouble(f"recording deliveries by {self.channel}")
        while True:
            try:
                return await self._outbox.settle(delivery, result)
            except Exception as error:  # noqa: BLE001 - logged; see above
                await asyncio.sleep(trouble.met(error))


_OUTCOMES = {DeliveryStatus.SENT: SendOutcome.SENT, DeliveryStatus.DEAD: SendOutcome.DEAD}
