"""The console: a delivery as one JSON line of the log, for demos and for a first look."""

import structlog

from services.notifier.domain.delivery import Delivery, Result, Sent

_log = structlog.get_logger(__name__)


class ConsoleChannel:
    """Writes deliveries to the log."""

    async def send(self, delivery: Delivery) -> Result:
        """Write one delivery as a line."""
        _log.info("notification", address=delivery.address, message_id=delivery.message_id, subject=delivery.subject)
        return Sent("written")

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
