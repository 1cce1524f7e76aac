"""Evaluator and notifier together: which alerts are open depends on what was reported, not on the order of arrival."""

import datetime as dt
from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.evaluator.domain.engine import Engine
from services.evaluator.domain.telling import tell
from services.notifier.domain.alerts import Alert
from services.notifier.domain.book import apply
from services.notifier.domain.mark import Mark
from shared.contracts.wire import IndicatorReported
from shared.testing.factories import NOON, a_catalog, a_report

TODAY = dt.date(2024, 10, 15)
CATALOG = a_catalog()
Open = set[tuple[str, str, str]]


@st.composite
def reports(draw: st.DrawFn) -> list[IndicatorReported]:
    """Reports of both sexes, above and below the targets; often one sex says nothing."""
    cells = draw(st.sampled_from((("male",), ("female",), ("male", "female"))))
    numerators = st.sampled_from((100, 899, 900, 940, 950, 990))
    numbers = draw(st.lists(st.tuples(st.sampled_from(cells), numerators), min_size=1, max_size=10))
    return [
        a_report(seq, unit="C1", indicator="rate", cell=cell, numerator=numerator)
        for seq, (cell, numerator) in enumerate(numbers, 1)
    ]


def open_alerts(arriving: Sequence[IndicatorReported], size: int) -> Open:
    """Return (node, cell, kind) of the alerts that are open after all reports, taken `size` at a time."""
    engine = Engine(CATALOG, TODAY)
    engine.restore([], {}, NOON)
    alerts: dict[tuple[str, str, str], Alert] = {}
    marks: dict[tuple[str, str], Mark] = {}
    for step, first in enumerate(range(0, len(arriving), size)):
        outcome = engine.apply(arriving[first : first + size], NOON + dt.timedelta(minutes=step))
        changes = [tell(change, outcome) for change in outcome.transitions + outcome.evidence]
        told = apply(alerts.values(), marks.values(), changes)
        alerts |= {(a.key.unit, a.key.node, a.key.cell): a for a in told.alerts.values()}
        marks |= told.marks
    return {(a.key.node, a.key.cell, a.kind.value) for a in alerts.values() if a.is_open}


@given(journal=reports(), shuffle=st.randoms(use_true_random=False), size=st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_the_same_reports_leave_the_same_alerts_open(
    journal: list[IndicatorReported], shuffle: Random, size: int
) -> None:
    arriving = list(journal)
    shuffle.shuffle(arriving)

    assert open_alerts(arriving, size) == open_alerts(journal, 1)
