"""Which period is the newest when months, quarters, nine months and years overlap: everywhere the same order."""

import datetime as dt
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.domain.engine import Engine
from services.evaluator.domain.facts import History, measure_of, period_of
from services.evaluator.domain.placing import supersedes
from services.evaluator.domain.restoring import Newest
from shared.contracts.wire import IndicatorReported
from shared.testing.factories import NOON, a_catalog, a_report

DAYS = {
    "first half": (dt.date(2024, 1, 1), dt.date(2024, 6, 30)),
    "nine months": (dt.date(2024, 1, 1), dt.date(2024, 9, 30)),
    "quarter": (dt.date(2024, 7, 1), dt.date(2024, 9, 30)),
    "september": (dt.date(2024, 9, 1), dt.date(2024, 9, 30)),
    "last day of september": (dt.date(2024, 9, 30), dt.date(2024, 9, 30)),
    "week into october": (dt.date(2024, 9, 30), dt.date(2024, 10, 6)),
    "october": (dt.date(2024, 10, 1), dt.date(2024, 10, 31)),
    "year": (dt.date(2024, 1, 1), dt.date(2024, 12, 31)),
    "december": (dt.date(2024, 12, 1), dt.date(2024, 12, 31)),
    "financial year": (dt.date(2024, 4, 1), dt.date(2025, 3, 31)),
}
OLDEST_FIRST = list(DAYS)


def reported(period: str, seq: int, **fields: Any) -> IndicatorReported:
    start, end = DAYS[period]
    known = {"unit": "C1", "indicator": "kids", "cell": "", "period_start": start, "period_end": end}
    return a_report(seq, **(known | fields))


@pytest.mark.parametrize(("older", "newer"), list(pairwise(OLDEST_FIRST)))
def test_the_later_end_is_newer_and_of_one_end_the_later_start(older: str, newer: str) -> None:
    said_last, said_first = reported(older, 9, observed_at=NOON), reported(newer, 1, observed_at=NOON)

    assert period_of(said_first) > period_of(said_last)
    assert supersedes(said_first, measure_of(said_last))
    assert not supersedes(said_last, measure_of(said_first))


def test_of_the_same_days_the_later_observation_is_newer_and_then_the_later_number() -> None:
    early, late = NOON, NOON + dt.timedelta(hours=1)

    assert supersedes(
        reported("september", 1, observed_at=late), measure_of(reported("september", 2, observed_at=early))
    )
    assert supersedes(
        reported("september", 2, observed_at=early), measure_of(reported("september", 1, observed_at=early))
    )


@pytest.mark.parametrize("order", list(permutations(("nine months", "quarter", "september"))))
def test_september_is_current_whatever_comes_first(order: tuple[str, ...]) -> None:
    engine = Engine(a_catalog(), dt.date(2024, 10, 15))
    slot = engine.slots.measured["kids", ""]

    for seq, period in enumerate(order, 1):
        engine.apply([reported(period, seq)], NOON)

    current = engine.units["C1"].cells[slot]
    assert current is not None
    assert (current.period_start, current.period_end) == DAYS["september"]


@given(st.permutations(OLDEST_FIRST), st.integers(1, len(OLDEST_FIRST)))
def test_memory_history_and_restart_agree_on_the_newest(order: list[str], count: int) -> None:
    reports = [reported(period, seq) for seq, period in enumerate(order[:count], 1)]
    newest = max(order[:count], key=OLDEST_FIRST.index)

    history, kept, best = History(), Newest(()), measure_of(reports[0])
    for report in reports:
        history.add(report)
        if supersedes(report, best):
            best = measure_of(report)
    kept.add(reports)

    current = history.current()
    assert current == best
    assert [measure_of(report) for report in kept.reports()] == [best]
    assert (best.period_start, best.period_end) == DAYS[newest]
