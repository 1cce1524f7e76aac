"""How much is committed and not judged yet; beyond a bound no more is taken in, before PostgreSQL's disk is full."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.domain.errors import BackloggedError
from services.ingest.metrics import IngestMetrics
from shared.runtime.database import is_outage
from shared.runtime.ops import Check

_log = structlog.get_logger(__name__)

# What a message takes beside its payload: the row, its indexes, its copy in the write-ahead log's last hours.
_OVERHEAD: Final = 400
_WAITING: Final = text(
    f"SELECT coalesce(sum(octet_length(payload) + {_OVERHEAD}), 0)::bigint FROM messaging.mailbox "
    "WHERE handled_at IS NULL AND stream = ANY(CAST(:streams AS text[]))"
)
# Taking in begins again a good way below the bound, or it would start and stop with every message.
_REOPEN_BELOW: Final = 0.9
# A long backlog takes long to measure: no more than this share of the time goes into that.
_SHARE: Final = 0.05


class Backlog:
    """The bytes of messages that wait for the evaluator, measured about every second and never for a request."""

    def __init__(
        self,
        engine: AsyncEngine,
        streams: Sequence[str],
        metrics: IngestMetrics,
        max_bytes: int,
        interval_seconds: float = 1.0,
    ) -> None:
        self._engine = engine
        self._streams = list(streams)
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._interval = interval_seconds
        self._bytes = 0
        self._is_full = False

    def refuse_when_full(self) -> None:
        """Raise when nothing more may be taken in now."""
        if self._is_full:
            raise BackloggedError("Too many reports wait to be judged. Send this request again later, unchanged.")

    def check(self) -> Check:
        """Return the check of /readyz."""

        async def check() -> str | None:
            if not self._is_full:
                return None
            return f"{self._bytes} bytes of reports wait to be judged, {self._max_bytes} allowed: is the evaluator up?"

        return check

    async def run(self, stop: asyncio.Event) -> None:
        """Measure until `stop` is set; while PostgreSQL is away the last count stays."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            started = loop.time()
            try:
                await self.measure()
            except Exception as error:
                if not is_outage(error):
                    raise
            pause = max(self._interval, (loop.time() - started) / _SHARE)
            try:
                async with asyncio.timeout(pause):
                    await stop.wait()
            except TimeoutError:
                pass

    async def measure(self) -> None:
        """Look how much waits, and open or close the door by it."""
        async with self._engine.connect() as connection:
            self._bytes = int(await connection.scalar(_WAITING, {"streams": self._streams}) or 0)
        bound = self._max_bytes * _REOPEN_BELOW if self._is_full else self._max_bytes
        is_full = self._bytes > bound
        if is_full != self._is_full:
            _log.warning(
                "reports are taken in again" if self._is_full else "no more reports are taken in",
                backlog_bytes=self._bytes,
                allowed_bytes=self._max_bytes,
            )
        self._is_full = is_full
        self._metrics.backlog_bytes.set(self._bytes)
