"""Lets requests that wait at the same time share one transaction."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from services.ingest.adapters.submission import Committed, Submission
from services.ingest.adapters.work_off import work_off
from services.ingest.domain.errors import OverloadedError, StoreUnavailableError
from services.ingest.domain.receipts import AtomicRefusedError, Receipt
from services.ingest.metrics import IngestMetrics
from shared.runtime.clock import Clock
from shared.runtime.database import LACKS_TABLES, is_outage, is_wrong_schema
from shared.runtime.mailbox import Outgoing

_log = structlog.get_logger(__name__)

Append = Callable[[Sequence[Submission]], Awaitable[Committed]]


@dataclass(frozen=True, slots=True)
class CommitLimits:
    """How much may share a transaction, how much may wait for one, and how long one may take."""

    rows_per_commit: int = 4_000
    waiting_rows: int = 100_000
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    submission: Submission
    rows: int
    done: asyncio.Future[Receipt]


_AWAY: Final = "The database does not take reports now; nothing of this request was stored. Send it again unchanged."


class GroupCommit:
    """Commits waiting requests together; while one transaction runs, the next requests gather.

    A failed transaction fails only its own requests. One that fails for another cause than an outage is tried again
    request by request, so that a single bad one never takes its neighbours with it.
    """

    def __init__(
        self,
        append: Append,
        publish: Callable[[Sequence[Outgoing]], None],
        clock: Clock,
        metrics: IngestMetrics,
        limits: CommitLimits | None = None,
    ) -> None:
        self._append = append
        self._publish = publish
        self._clock = clock
        self._metrics = metrics
        self._limits = limits or CommitLimits()
        self._waiting: deque[_Waiting] = deque()
        self._waiting_rows = 0
        self._changed = asyncio.Event()

    async def submit(self, submission: Submission) -> Receipt:
        """Return what became of the rows once they are committed; raises Overloaded- or StoreUnavailableError."""
        rows = max(1, len(submission.reading.good) + len(submission.reading.bad))
        if self._waiting and self._waiting_rows + rows > self._limits.waiting_rows:
            raise OverloadedError("Too many reports wait to be committed. Send this request again in a moment.")
        done: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(submission, rows, done))
        self._account(rows)
        self._changed.set()
        return await done

    async def run(self, stop: asyncio.Event) -> None:
        """Commit what waits, until `stop` is set and nothing waits any more."""
        try:
            await work_off(self._waiting, self._changed, stop, self._commit_next)
        finally:
            _refuse(self._waiting, StoreUnavailableError(_AWAY))

    async def _commit_next(self) -> None:
        await self._commit(self._take())

    def _account(self, rows: int) -> None:
        self._waiting_rows += rows
        self._metrics.waiting_events.set(self._waiting_rows)

    def _take(self) -> list[_Waiting]:
        batch = [self._waiting.popleft()]
        rows = batch[0].rows
        while self._waiting and rows + self._waiting[0].rows <= self._limits.rows_per_commit:
            batch.append(self._waiting.popleft())
            rows += batch[-1].rows
        self._account(-rows)
        return batch

    async def _commit(self, batch: list[_Waiting]) -> None:
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._limits.timeout_seconds):
                committed = await self._append([waiting.submission for waiting in batch])
        except Exception as error:  # noqa: BLE001 - every cause ends as an answer to exactly these senders
            if not isinstance(error, AtomicRefusedError):
                self._metrics.commit_failures.inc()
            await self._fail(batch, error)
            return
        except BaseException:
            _refuse(batch, StoreUnavailableError(_AWAY))
            raise
        self._metrics.commit_seconds.observe(asyncio.get_running_loop().time() - started)
        self._metrics.batch_events.observe(sum(waiting.rows for waiting in batch))
        self._metrics.last_commit.set(self._clock.now().timestamp())
        self._metrics.count_receipts(committed.receipts)
        for waiting, receipt in zip(batch, committed.receipts, strict=True):
            if not waiting.done.done():
                waiting.done.set_result(receipt)
        self._publish(committed.messages)

    async def _fail(self, batch: list[_Waiting], error: Exception) -> None:
        """Answer a batch that was rolled back; what has more than one request is tried again one by one."""
        if is_wrong_schema(error):
            _log.error("reports could not be committed", requests=len(batch), error=LACKS_TABLES)
            _refuse(batch, error)
        elif is_outage(error):
            _log.warning("reports could not be committed", requests=len(batch), error=type(error).__name__)
            _refuse(batch, StoreUnavailableError(_AWAY))
        elif len(batch) > 1:
            for waiting in batch:
                await self._commit([waiting])
        elif isinstance(error, AtomicRefusedError):
            _refuse(batch, error)
        else:
            _log.error("a request could not be committed", rows=batch[0].rows, error=type(error).__name__)
            _refuse(batch, error)


def _refuse(batch: Iterable[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.done.done():
            waiting.done.set_exception(error)
