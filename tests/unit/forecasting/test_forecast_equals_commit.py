"""A property of forecasts: they say what judging and telling the same reports for good would come to."""

from collections.abc import Sequence
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from datchuan.forecasting.alerting import Standing, alert, keys_of
from datchuan.forecasting.judging import Judged, Known, judge
from datchuan.forecasting.portion import Bounds, portion_of
from datchuan.forecasting.wording import verdict_forecasts
from services.evaluator.domain.outcome import Outcome
from services.evaluator.domain.telling import tell, verdicts_of
from services.notifier.domain.alerts import Alert
from services.notifier.domain.book import apply
from services.notifier.domain.ledger import Entry
from services.notifier.domain.limits import Limits
from services.notifier.domain.mark import Mark
from services.notifier.domain.momentary import without_momentary_gaps
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from shared.contracts.wire import IndicatorReported, VerdictChanged
from shared.testing.factories import NOON
from shared.testing.verdicts import MORNING
from tests.unit.evaluator.journals import CATALOGS, PLACES, TODAY, Run, catalogs, newest_facts, reports

Journal = Sequence[IndicatorReported]


def changes_of(outcome: Outcome) -> list[VerdictChanged]:
    return [tell(change, outcome) for change in (*outcome.transitions, *outcome.evidence)]


class World:
    """The writer and the notifier with their stores, taking reports for good."""

    def __init__(self, catalog: str) -> None:
        self.run = Run(TODAY, catalog)
        self.catalog = CATALOGS[catalog]
        self.planner = Planner(self.catalog, Windows())
        self.verdicts = verdicts_of(self.run.engine.restore([], {}, NOON))
        self.alerts: dict[str, Alert] = {}
        self.marks: dict[tuple[str, str], Mark] = {}

    def judge(self, journal: Journal) -> list[VerdictChanged]:
        outcome = self.run.take(journal)
        self.verdicts |= verdicts_of(outcome)
        return changes_of(outcome)

    def tell(self, changes: Sequence[VerdictChanged]) -> list[Entry]:
        latest = {(a.key.unit, a.key.node, a.key.cell): a for a in sorted(self.alerts.values(), key=occurrence)}
        limits = Limits.of(self.catalog)
        outcome = apply(latest.values(), self.marks.values(), without_momentary_gaps(changes), limits)
        self.alerts |= outcome.alerts
        self.marks |= outcome.marks
        return self.planner.plan(outcome.steps, outcome.rollups, MORNING).entries

    def known(self, waiting: Journal, untold: Sequence[VerdictChanged]) -> Known:
        return Known(list(newest_facts(self.run.journal).values()), dict(self.verdicts), waiting, untold)

    def standing(self, judged: Judged) -> Standing:
        keys = keys_of([*judged.before, *judged.after])
        latest = {(a.key.unit, a.key.node, a.key.cell): a for a in sorted(self.alerts.values(), key=occurrence)}
        alerts = [found for found in latest.values() if (found.key.unit, found.key.node) in keys]
        return Standing(keys, alerts, [self.marks[key] for key in keys if key in self.marks])


def occurrence(found: Alert) -> int:
    return found.occurrence


def foresee(world: World, waiting: Journal, untold: Sequence[VerdictChanged], new: Journal) -> Judged:
    portion = portion_of(new, Bounds())
    renumbered = [report for own in portion.by_unit.values() for report in own]
    return judge(world.catalog, PLACES, world.known(waiting, untold), renumbered, TODAY, NOON)


@given(catalog=catalogs, journal=reports(), cuts=st.tuples(*[st.integers(0, 40)] * 2))
@settings(max_examples=100, deadline=None)
def test_the_verdicts_that_change_are_those_that_the_writer_changes_when_the_reports_are_committed(
    catalog: str, journal: list[IndicatorReported], cuts: tuple[int, int]
) -> None:
    first, second = sorted(cuts)
    world = World(catalog)
    world.judge(journal[:first])

    judged = foresee(world, journal[first:second], (), journal[second:])

    world.judge(journal[first:second])
    before = {key: finding.status for key, finding in world.run.findings().items()}
    world.judge(journal[second:])
    after = {key: finding.status for key, finding in world.run.findings().items()}
    expected = {key: (before[key].value, after[key].value) for key in after if before[key] is not after[key]}
    found = verdict_forecasts(world.catalog, judged.after)
    assert {(each.unit, each.node): (each.from_status, each.to_status) for each in found} == expected


@given(catalog=catalogs, journal=reports(), sizes=st.lists(st.integers(0, 15), min_size=4, max_size=4))
@settings(max_examples=100, deadline=None)
def test_what_is_told_is_what_the_notifier_tells_when_the_reports_are_committed(
    catalog: str, journal: list[IndicatorReported], sizes: list[int]
) -> None:
    told, judged_only, waiting, _ = accumulate(sizes)
    world = World(catalog)
    world.tell(world.judge(journal[:told]))
    untold = world.judge(journal[told:judged_only])

    judged = foresee(world, journal[judged_only:waiting], untold, journal[waiting:])
    alerted = alert(world.planner, world.standing(judged), judged.before, judged.after, MORNING)

    world.tell(untold)
    world.tell(world.judge(journal[judged_only:waiting]))
    entries = world.tell(world.judge(journal[waiting:]))
    assert {key_of(entry) for entry in alerted.entries} <= {key_of(entry) for entry in entries}
    over = {each.id for each in world.alerts.values() if each.ended_at is not None}
    assert {key_of(e) for e in entries if e.alert_id not in over} == {
        key_of(e) for e in alerted.entries if e.alert_id not in over
    }


def key_of(entry: Entry) -> tuple[object, ...]:
    """Everything of an entry that somebody could notice; transitions are numbered otherwise in a forecast."""
    return (entry.alert_id, entry.kind, entry.unit, entry.node, entry.cell, entry.responsible_unit, entry.reason)
