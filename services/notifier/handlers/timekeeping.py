"""Courses that are due become reminders and reports to those above, each once, whoever finds them due."""

from collections.abc import Callable

from services.notifier.domain.ledger import LedgerStatus
from services.notifier.domain.planning import Planner
from services.notifier.domain.ports import Courses
from services.notifier.domain.urging import urge
from services.notifier.metrics import NotifierMetrics
from shared.runtime.clock import Clock

_COURSES_PER_ROUND = 500


class Timekeeper:
    """Moves the courses of open alerts along, a bounded number in one transaction.

    `tell_due` is told in how many seconds entries will be due.
    """

    def __init__(
        self,
        courses: Courses,
        planner: Planner,
        metrics: NotifierMetrics,
        clock: Clock,
        *,
        tell_due: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._courses = courses
        self._planner = planner
        self._metrics = metrics
        self._clock = clock
        self._tell_due = tell_due

    async def fire_due(self) -> int:
        """Tell what is due of courses; return of how many."""
        if not await self._courses.any_due(self._clock.now()):
            return 0  # nobody who decides about alerts is held up for nothing
        async with self._courses.transaction() as transaction:
            now = self._clock.now()  # that of the turn: a silence that began while it was waited for holds by now
            due = await transaction.due(now, _COURSES_PER_ROUND)
            alerts = await transaction.alerts([course.alert_id for course in due])
            urged = urge(self._planner, due, alerts, now, transaction.silences)
            await transaction.save(urged)
        self._metrics.count_urged(urged)
        # What is held is due in hours: the loop that looks now and then finds it.
        for seconds in {e.wait_seconds for e in urged.entries if e.status is LedgerStatus.WAITING and not e.held_for}:
            self._tell_due(seconds)
        return len(due)

    async def count_stalled(self) -> int:
        """Set the gauge of the courses that should have gone on and have not; there is never more of it to do."""
        self._metrics.courses_stalled.set(await self._courses.stalled(self._clock.now()))
        return 0
