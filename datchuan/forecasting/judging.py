"""Judging reports that nobody has committed: the writer's own engine, for a few units, beside the stored verdicts."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datchuan.forecasting.portion import BEYOND
from services.evaluator.domain.engine import Engine
from services.evaluator.domain.outcome import FactKey, Outcome, StoredVerdict
from services.evaluator.domain.partition import Partition
from services.evaluator.domain.recompute import keep_newest
from services.evaluator.domain.telling import tell
from shared.catalog.catalog import Catalog
from shared.contracts.wire import IndicatorReported, VerdictChanged


@dataclass(frozen=True, slots=True)
class Affected(Partition):
    """The units of a forecast, in place of those of a partition."""

    units: frozenset[str] = frozenset()

    def owns(self, unit: str) -> bool:
        """Tell whether a unit is one of them."""
        return unit in self.units


@dataclass(frozen=True, slots=True)
class Known:
    """What is committed of some units: judged reports, the verdicts by them, and reports that still wait to be judged.

    Of several judged reports of one fact the newest counts. `untold` are the changes of verdicts that the notifier has
    not heard of yet, in their order.
    """

    judged: Sequence[IndicatorReported] = ()
    verdicts: Mapping[tuple[str, str], StoredVerdict] | None = None
    waiting: Sequence[IndicatorReported] = ()
    untold: Sequence[VerdictChanged] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """The changes of verdicts: those that come anyway (by the day, by what waits), and those by the new reports."""

    before: list[VerdictChanged]
    after: list[VerdictChanged]


def judge(
    catalog: Catalog,
    units: Sequence[str],
    known: Known,
    reports: Sequence[IndicatorReported],
    as_of: dt.date,
    now: dt.datetime,
) -> Judged:
    """Return what `reports` of the `units` would change once all that is known of these has been judged."""
    facts: dict[FactKey, IndicatorReported] = {}
    keep_newest(facts, known.judged)
    stored = list(facts.values())
    engine = Engine(catalog, as_of, BEYOND, Affected(units=frozenset(units)))
    restored = _told(engine.restore(stored, known.verdicts or {}, now))
    waited = _apply(engine, known.waiting, stored, now)
    after = _apply(engine, reports, [*stored, *known.waiting], now)
    return Judged([*known.untold, *restored, *waited], after)


def _apply(
    engine: Engine, reports: Sequence[IndicatorReported], earlier: Sequence[IndicatorReported], now: dt.datetime
) -> list[VerdictChanged]:
    """Apply reports as the writer does: what a half or a deletion meets is looked up among the `earlier` reports."""
    wanted = engine.needs_history(reports)
    if wanted:
        number = engine.slots.number
        engine.open_history(wanted, [each for each in earlier if (each.unit, number(each)) in wanted])
    return _told(engine.apply(reports, now))


def _told(outcome: Outcome) -> list[VerdictChanged]:
    return [tell(change, outcome) for change in (*outcome.transitions, *outcome.evidence)]
