"""A new writer reads pages that repeat facts: what it keeps of them makes the verdicts that all reports make."""

import datetime as dt
from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.evaluator.domain.engine import Engine
from services.evaluator.domain.restoring import Newest
from shared.contracts.wire import IndicatorReported
from shared.testing.factories import NOON, a_report
from tests.unit.evaluator.journals import CATALOGS, TODAY, catalogs, expected, reports


def _cell(report: IndicatorReported) -> tuple[str, str, str]:
    return report.unit, report.indicator, report.cell


@given(catalog=catalogs, journal=reports(), shuffle=st.randoms(use_true_random=False), kept=st.integers(0, 10))
@settings(max_examples=200, deadline=None)
def test_what_is_kept_of_repeated_pages_gives_what_a_full_recompute_gives(
    catalog: str, journal: list[IndicatorReported], shuffle: Random, kept: int
) -> None:
    stored, tail = journal[kept:], journal[:kept]
    pages = stored + [shuffle.choice(journal) for _ in range(len(journal) // 3)]
    shuffle.shuffle(pages)
    rules = CATALOGS[catalog].rules
    newest = Newest({rule.indicator for rule in rules if rule.window is not None})
    for at in range(0, len(pages), 3):
        newest.add(pages[at : at + 3])
    newest.note(tail)

    facts: Sequence[IndicatorReported] = [
        *newest.reports(),
        *(report for report in pages if _cell(report) in newest.special),
        *tail,
    ]
    engine = Engine(CATALOGS[catalog], TODAY)
    engine.restore(facts, {}, NOON)

    want = expected(catalog, journal, TODAY).findings
    found = {
        (unit.id, node.name): finding
        for unit in engine.units.values()
        for node, finding in zip(unit.plan.nodes, unit.findings, strict=True)
    }
    assert found == want


def test_of_a_plain_cell_only_the_newest_report_of_the_newest_period_is_kept() -> None:
    august = {"period_start": dt.date(2024, 8, 1), "period_end": dt.date(2024, 8, 31)}
    newest = Newest(())

    newest.add([a_report(1), a_report(2, **august), a_report(3, observed_at=NOON + dt.timedelta(days=1))])
    newest.add([a_report(4, observed_at=NOON), a_report(5, observed_at=NOON + dt.timedelta(days=9), **august)])

    assert [report.seq for report in newest.reports()] == [3]
    assert newest.special == set()
