"""The loop that follows all polls: when one is due, by one process at a time, with growing pauses after failures."""

import asyncio
import datetime as dt
import random
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from services.ingest.adapters.intake import Import
from services.ingest.adapters.polling.client import Dhis2Client
from services.ingest.adapters.polling.credentials import warn_of_open_file
from services.ingest.adapters.polling.failures import PollFailedError
from services.ingest.adapters.polling.news import LATER, News
from services.ingest.adapters.polling.polls import Poll
from services.ingest.adapters.polling.states import HeldPoll, PollState, SqlPollStore
from services.ingest.adapters.polling.windows import WindowReader
from services.ingest.domain.errors import IngestError, MalformedBodyError, PatientLevelDataError
from services.ingest.domain.polls import Mark, PollFailure, backoff_seconds
from services.ingest.domain.report import ImportReport
from services.ingest.domain.tokens import Grant
from services.ingest.metrics import PollMetrics
from shared.runtime.database import is_outage
from shared.runtime.loops import Trouble
from shared.runtime.tasks import end

_log = structlog.get_logger(__name__)

# Each poll holds a connection to PostgreSQL while it works.
MOST_AT_ONCE: Final = 10
_FIRST_PAUSE: Final = 5.0
_LOOK_AGAIN: Final = 5.0
_SHORTEST: Final = 0.01


class Taker(Protocol):
    """Takes a body in: the intake."""

    async def take(self, grant: Grant, asked: Import) -> ImportReport:
        """Return what became of the rows once they are committed."""
        ...


class Door(Protocol):
    """Says when nothing more may be taken in: the backlog."""

    def refuse_when_full(self) -> None:
        """Raise when nothing may be taken in now."""
        ...


class PollFollower:
    """Follows polls until it is stopped; a request in flight is given up at once, and asked again later."""

    def __init__(
        self, polls: Sequence[Poll], store: SqlPollStore, intake: Taker, backlog: Door, metrics: PollMetrics
    ) -> None:
        self._polls = polls
        self._store = store
        self._intake = intake
        self._backlog = backlog
        self._metrics = metrics
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        for poll in polls:
            metrics.declare(poll.name, poll.interval_seconds)

    async def run(self, stop: asyncio.Event) -> None:
        """Follow all polls until `stop` is set."""
        for poll in self._polls:
            warn_of_open_file(poll.credentials_file)
        tasks = [asyncio.create_task(self._follow(poll)) for poll in self._polls]
        try:
            await stop.wait()
        finally:
            await end(tasks)
            await self._store.close()

    async def _follow(self, poll: Poll) -> None:
        trouble = Trouble(f"polling {poll.name}")
        while True:
            try:
                pause = await self.turn(poll)
                trouble.passed()
            except Exception as error:  # noqa: BLE001 - told; the loop must outlive whatever the database does
                pause = trouble.met(error)
            await asyncio.sleep(max(pause, _SHORTEST))

    async def turn(self, poll: Poll) -> float:
        """Poll once if it is due and nobody else does; return the seconds until it is worth looking again."""
        async with self._slots, self._store.hold(poll.name, poll.scope) as held:
            if held is not None:
                state = await held.state()
                self._show(poll, state)
                return min(state.seconds, _LOOK_AGAIN) if state.seconds > 0 else await self._poll(poll, held, state)
        async with self._slots:
            self._show(poll, await self._store.state(poll.name, poll.scope))
        return min(_LOOK_AGAIN, poll.interval_seconds)

    def _show(self, poll: Poll, state: PollState) -> None:
        if state.succeeded_at is not None:
            self._metrics.succeeded(poll.name, state.succeeded_at)

    async def _poll(self, poll: Poll, held: HeldPoll, state: PollState) -> float:
        try:
            window_end = await self._read(poll, held, state)
        except Exception as error:  # noqa: BLE001 - whatever it is, the window stays where it was and is tried again
            failure = _failure_of(error)
            chance = random.random()  # noqa: S311 - so that instances and processes are not in step
            pause = backoff_seconds(state.failures + 1, _FIRST_PAUSE, poll.longest_pause_seconds, chance)
            pause = max(pause, failure.retry_after)
            self._metrics.failed(poll.name, failure.kind)
            _tell(poll, state, failure, error)
            await held.fail(f"{failure.kind}: {failure}", pause)
            return pause
        await held.succeed(window_end, poll.interval_seconds)
        if state.failures:
            _log.info("a poll works again", poll=poll.name, failures=state.failures)
        self._show(poll, await held.state())
        return poll.interval_seconds

    async def _read(self, poll: Poll, held: HeldPoll, state: PollState) -> Mark:
        loop = asyncio.get_running_loop()
        began = loop.time()

        def now() -> dt.datetime:
            return state.now + dt.timedelta(seconds=loop.time() - began)

        async def take(asked: Import) -> ImportReport:
            self._backlog.refuse_when_full()
            return await self._intake.take(Grant(poll.source, name=f"poll {poll.name}"), asked)

        self._backlog.refuse_when_full()
        news = News(poll, held, take, self._metrics)
        await news.resume()
        async with Dhis2Client(poll) as client:
            return await WindowReader(poll, client, news.take, now).read(state.last)


def _failure_of(error: Exception) -> PollFailedError:
    if isinstance(error, PollFailedError):
        return error
    if isinstance(error, PatientLevelDataError):
        text = "the answer holds data of single persons: nothing of it was stored; is this the right data set?"
        return PollFailedError(PollFailure.PATIENT_LEVEL, text)
    if isinstance(error, LATER):
        return PollFailedError(PollFailure.NOT_TAKEN, str(error))
    if isinstance(error, MalformedBodyError):
        return PollFailedError(PollFailure.UNREADABLE, str(error))
    if isinstance(error, IngestError):
        return PollFailedError(PollFailure.REFUSED, str(error))
    if is_outage(error):
        return PollFailedError(PollFailure.NOT_TAKEN, "PostgreSQL does not answer now")
    return PollFailedError(PollFailure.INTERNAL, type(error).__name__)


def _tell(poll: Poll, state: PollState, failure: PollFailedError, error: Exception) -> None:
    """Log the first failure of a row, and one of another kind; a bug always."""
    if failure.kind is PollFailure.INTERNAL:
        _log.error("a poll failed", poll=poll.name, kind=failure.kind.value, error=type(error).__name__)
    elif not state.failures or not state.error.startswith(f"{failure.kind}:"):
        _log.warning("a poll failed", poll=poll.name, kind=failure.kind.value, error=str(failure))
