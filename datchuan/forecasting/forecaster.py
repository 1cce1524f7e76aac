"""The forecaster: for the reports of a dry run, what the evaluator would judge and the notifier would tell.

One forecast at a time, some units at a time, in a thread beside the event loop: other senders go on meanwhile.
"""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.forecasting import notes
from datchuan.forecasting.alerting import Standing, alert, keys_of
from datchuan.forecasting.judging import Judged, judge
from datchuan.forecasting.portion import Bounds, Portion, portion_of
from datchuan.forecasting.snapshot import Mail, Snapshot, snapshot
from datchuan.forecasting.wording import alert_forecasts, verdict_forecasts
from services.ingest.domain.forecast import AlertForecast, Forecast, VerdictForecast
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from shared.catalog.catalog import Catalog
from shared.contracts.wire import IndicatorReported
from shared.runtime.clock import Clock
from shared.runtime.database import is_outage

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Gathered:
    """What has been found so far, no more than is listed, and what there was beyond that."""

    most: int
    verdicts: list[VerdictForecast] = field(default_factory=list)
    alerts: list[AlertForecast] = field(default_factory=list)
    omitted: int = 0
    alerts_omitted: int = 0
    remarks: list[notes.Note] = field(default_factory=list)

    def add(self, verdicts: Sequence[VerdictForecast], alerts: Sequence[AlertForecast]) -> None:
        """Take in what was found of some units."""
        room, room_of_alerts = self.most - len(self.verdicts), self.most - len(self.alerts)
        self.verdicts += verdicts[:room]
        self.alerts += alerts[:room_of_alerts]
        self.omitted += len(verdicts[room:])
        self.alerts_omitted += len(alerts[room_of_alerts:])

    def forecast(self, as_of: dt.date) -> Forecast:
        """Return all of it."""
        return Forecast(
            verdicts=tuple(self.verdicts),
            alerts=tuple(self.alerts),
            omitted=self.omitted,
            alerts_omitted=self.alerts_omitted,
            as_of=as_of,
            note=" ".join(note.en for note in self.remarks),
            note_vi=" ".join(note.vi for note in self.remarks),
        )


class Forecaster:
    """Makes forecasts by one catalog, from the store behind one engine."""

    def __init__(self, engine: AsyncEngine, catalog: Catalog, clock: Clock, bounds: Bounds | None = None) -> None:
        self._engine = engine
        self._catalog = catalog
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._planner = Planner(catalog, Windows())
        self._turn = asyncio.Lock()

    async def foresee(self, reports: Sequence[IndicatorReported]) -> Forecast:
        """Return what committing `reports` would change as of today; nothing is written.

        A store that is away or knows no verdicts yet, and a turn that does not come, are told in the forecast's note.
        """
        try:
            async with asyncio.timeout(self._bounds.turn_seconds):
                await self._turn.acquire()
        except TimeoutError:
            return _absent(notes.BUSY)
        try:
            portion = await asyncio.to_thread(portion_of, reports, self._bounds)
            async with snapshot(self._engine, self._bounds) as view:
                return await self._foresee(view, portion)
        except Exception as error:
            if not is_outage(error):
                raise
            _log.warning("no forecast for a dry run", reason=str(error) or repr(error))
            return _absent(notes.AWAY)
        finally:
            self._turn.release()

    async def _foresee(self, view: Snapshot, portion: Portion) -> Forecast:
        if not await view.is_judged():
            return _absent(notes.NEVER_JUDGED)
        deadline = asyncio.get_running_loop().time() + self._bounds.work_seconds
        now, as_of = self._clock.now(), self._clock.today()
        mail = await view.mail(portion.by_unit.keys())
        found, left_out = _Gathered(self._bounds.listed), portion.units_left_out
        for units in portion.parts(self._bounds.units_at_once):
            if asyncio.get_running_loop().time() > deadline:
                left_out += len(units)
                continue
            reports = [report for unit in units for report in portion.by_unit[unit]]
            await self._look_at(view, mail, units, reports, now, as_of, found)
        if not mail.is_whole:
            found.remarks.append(notes.BACKLOG)
        if left_out:
            found.remarks.append(notes.left_out(left_out))
        return found.forecast(as_of)

    async def _look_at(
        self,
        view: Snapshot,
        mail: Mail,
        units: Sequence[str],
        reports: Sequence[IndicatorReported],
        now: dt.datetime,
        as_of: dt.date,
        found: _Gathered,
    ) -> None:
        known = await view.known(units, mail)
        judged = await asyncio.to_thread(judge, self._catalog, units, known, reports, as_of, now)
        standing = await view.standing(keys_of([*judged.before, *judged.after]), now)
        found.add(*await asyncio.to_thread(self._tell, judged, standing, now))

    def _tell(
        self, judged: Judged, standing: Standing, now: dt.datetime
    ) -> tuple[list[VerdictForecast], list[AlertForecast]]:
        alerted = alert(self._planner, standing, judged.before, judged.after, now)
        return verdict_forecasts(self._catalog, judged.after), alert_forecasts(self._catalog, alerted)


def _absent(note: notes.Note) -> Forecast:
    return Forecast(note=note.en, note_vi=note.vi)
