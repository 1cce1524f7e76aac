"""Properties of the engine: for any order, duplication, lateness and batching it equals a full recompute."""

import datetime as dt
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.evaluator.domain.engine import Engine
from services.evaluator.domain.findings import finding
from services.evaluator.domain.outcome import StoredVerdict
from services.evaluator.domain.telling import verdicts_of
from shared.contracts.vocabulary import ChangeKind, VerdictReason, VerdictStatus
from shared.contracts.wire import IndicatorReported
from shared.testing.factories import NOON
from tests.unit.evaluator.journals import CATALOGS, TODAY, Run, catalogs, expected, newest_facts, reports


@given(
    catalog=catalogs,
    journal=reports(),
    shuffle=st.randoms(use_true_random=False),
    sizes=st.lists(st.integers(1, 12), min_size=1),
)
@settings(max_examples=300, deadline=None)
def test_any_order_duplication_and_batching_gives_what_a_full_recompute_gives(
    catalog: str, journal: list[IndicatorReported], shuffle: Random, sizes: list[int]
) -> None:
    arriving = journal + [shuffle.choice(journal) for _ in range(len(journal) // 3)]
    shuffle.shuffle(arriving)
    run = Run(TODAY, catalog)

    while arriving:
        size = sizes[len(arriving) % len(sizes)]
        run.take(arriving[:size])
        arriving = arriving[size:]

    want = expected(catalog, journal, TODAY)
    assert run.findings() == want.findings
    assert run.rollups() == {key: n for key, n in want.rollups.items() if n}


@given(catalog=catalogs, journal=reports())
@settings(max_examples=150, deadline=None)
def test_transitions_chain_without_a_break_and_end_at_the_verdict(
    catalog: str, journal: list[IndicatorReported]
) -> None:
    run = Run(TODAY, catalog)
    standing = dict(run.findings())

    run.take(journal)

    for change in run.transitions:
        before = standing[change.unit, change.node]
        assert (change.from_status, change.from_reason) == (before.status, before.reason)
        assert change.kind is ChangeKind.TRANSITION
        standing[change.unit, change.node] = finding(change.to_status, change.to_reason)
    final = {key: (f.status, f.reason) for key, f in run.findings().items()}
    assert {key: (f.status, f.reason) for key, f in standing.items()} == final
    assert [change.sequence for change in run.transitions] == list(range(1, len(run.transitions) + 1))


@given(
    catalog=catalogs,
    journal=reports(),
    days=st.lists(st.dates(dt.date(2022, 1, 1), dt.date(2027, 12, 31)), min_size=1, max_size=4),
)
@settings(max_examples=150, deadline=None)
def test_moving_through_the_calendar_gives_what_a_full_recompute_of_that_day_gives(
    catalog: str, journal: list[IndicatorReported], days: list[dt.date]
) -> None:
    run = Run(TODAY, catalog)
    half = len(journal) // 2
    run.take(journal[:half])

    for day in days:
        run.engine.advance(day, NOON)
    run.take(journal[half:])

    want = expected(catalog, journal, days[-1])
    assert run.findings() == want.findings
    assert run.rollups() == {key: n for key, n in want.rollups.items() if n}


@given(catalog=catalogs, journal=reports())
@settings(max_examples=100, deadline=None)
def test_a_restored_engine_stands_where_the_lost_one_stood(catalog: str, journal: list[IndicatorReported]) -> None:
    run = Run(TODAY, catalog)
    run.take(journal)
    nodes = {(u.id, n.name): n for u in run.engine.units.values() for n in u.plan.nodes}
    # As a store would give them back: equal values, built anew.
    found = {
        key: finding(VerdictStatus(f.status), VerdictReason(f.reason), tuple(f.cells))
        for key, f in run.findings().items()
    }
    stored = {key: StoredVerdict(f, NOON, nodes[key].ruleset, 0) for key, f in found.items()}

    restored = Engine(CATALOGS[catalog], TODAY)
    outcome = restored.restore(list(newest_facts(journal).values()), stored, NOON)

    assert outcome.transitions == []
    assert verdicts_of(outcome) == {}
    assert {k: r.counts for k, r in restored.rollups.counts.items()} == {
        k: r.counts for k, r in run.engine.rollups.counts.items()
    }
