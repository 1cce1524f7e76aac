"""Properties of the engine: for any order, duplication, lateness and batching it equals a full recompute."""

import datetime as dt
from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.evaluator.domain.engine import Engine
from services.evaluator.domain.findings import Finding, finding
from services.evaluator.domain.outcome import FactKey, StoredVerdict, Transition
from services.evaluator.domain.recompute import Recomputed, keep_newest, recompute
from shared.contracts.vocabulary import ChangeKind, Part, Stage, VerdictReason, VerdictStatus
from shared.contracts.wire import IndicatorReported
from shared.testing.factories import NOON, a_catalog, a_report

CATALOG = a_catalog()
TODAY = dt.date(2024, 10, 15)
PERIODS = (
    (dt.date(2023, 12, 1), dt.date(2023, 12, 31)),
    (dt.date(2024, 1, 1), dt.date(2024, 6, 30)),
    (dt.date(2024, 1, 1), dt.date(2024, 9, 30)),
    (dt.date(2024, 9, 1), dt.date(2024, 9, 30)),
    (dt.date(2025, 1, 1), dt.date(2025, 12, 31)),
)
PLACES = ("C1", "C2", "T1", "W1", "C9")
CELLS = {
    "rate": ("male", "female"),
    "kids": ("",),
    "food": ("health", "industry_trade", "agriculture"),
    "events": ("health", "industry_trade", "agriculture"),
    "paper": ("",),
    "mixed": ("",),
}


@st.composite
def reports(draw: st.DrawFn) -> list[IndicatorReported]:
    """Reports in journal order, with few keys and few moments so that they collide often."""
    return [draw(report(seq)) for seq in range(1, draw(st.integers(1, 40)) + 1)]


@st.composite
def report(draw: st.DrawFn, seq: int) -> IndicatorReported:
    indicator = draw(st.sampled_from(tuple(CELLS)))
    start, end = draw(st.sampled_from(PERIODS))
    denominator = draw(st.sampled_from((0, 1, 10)))
    ratio: dict[str, object] = {"numerator": draw(st.integers(0, denominator)), "denominator": denominator}
    attested: dict[str, object] = {"part": Part.ATTESTATION, "value": float(draw(st.booleans()))}
    special: dict[str, list[dict[str, object]]] = {
        "paper": [attested],
        "events": [{"value": float(draw(st.integers(0, 2)))}],
        "mixed": [ratio, attested],
        "rate": [ratio, {"value": draw(st.sampled_from((89.9, 90.0, 97.5)))}],
    }
    forms = special.get(indicator, [ratio])
    halves: list[dict[str, object]] = [
        {"part": Part.NUMERATOR, "numerator": ratio["numerator"]},
        {"part": Part.DENOMINATOR, "denominator": denominator},
    ]
    options: list[dict[str, object]] = forms + (halves if indicator in {"rate", "food", "kids"} else [])
    form = draw(st.sampled_from(options))
    base: dict[str, object] = {"numerator": None, "denominator": None}
    return a_report(
        seq,
        **(base | form),
        unit=draw(st.sampled_from(PLACES)),
        indicator=indicator,
        cell=draw(st.sampled_from(CELLS[indicator])),
        period_start=start,
        period_end=end,
        observed_at=NOON + dt.timedelta(hours=draw(st.integers(0, 3))),
        deleted=draw(st.integers(0, 5)) == 0,
        stage=draw(st.sampled_from((None, Stage.FINAL))),
    )


def newest_facts(journal: Sequence[IndicatorReported]) -> dict[FactKey, IndicatorReported]:
    facts: dict[FactKey, IndicatorReported] = {}
    keep_newest(facts, journal)
    return facts


class Run:
    """An engine with the store that its writer would keep beside it."""

    def __init__(self, as_of: dt.date) -> None:
        self.journal: list[IndicatorReported] = []
        self.transitions: list[Transition] = []
        self.engine = Engine(CATALOG, as_of)
        self.verdicts: dict[tuple[str, str], StoredVerdict] = {}
        self.engine.restore([], {}, NOON)

    def take(self, batch: Sequence[IndicatorReported]) -> None:
        wanted = self.engine.needs_history(batch)
        slots = self.engine.slots
        stored = newest_facts(self.journal).values()
        self.engine.open_history(wanted, [r for r in stored if (r.unit, slots.number(r)) in wanted])
        self.transitions += self.engine.apply(batch, NOON).transitions
        self.journal += batch

    def findings(self) -> dict[tuple[str, str], Finding]:
        return {
            (unit.id, node.name): finding
            for unit in self.engine.units.values()
            for node, finding in zip(unit.plan.nodes, unit.findings, strict=True)
        }

    def rollups(self) -> dict[tuple[str, str, VerdictStatus], int]:
        counts = self.engine.rollups.counts.items()
        return {(*key, status): n for key, rollup in counts for status, n in rollup.counts.items() if n}


def expected(journal: Sequence[IndicatorReported], as_of: dt.date) -> Recomputed:
    return recompute(CATALOG, newest_facts(journal), as_of)


@given(journal=reports(), shuffle=st.randoms(use_true_random=False), sizes=st.lists(st.integers(1, 12), min_size=1))
@settings(max_examples=300, deadline=None)
def test_any_order_duplication_and_batching_gives_what_a_full_recompute_gives(
    journal: list[IndicatorReported], shuffle: Random, sizes: list[int]
) -> None:
    arriving = journal + [shuffle.choice(journal) for _ in range(len(journal) // 3)]
    shuffle.shuffle(arriving)
    run = Run(TODAY)

    while arriving:
        size = sizes[len(arriving) % len(sizes)]
        run.take(arriving[:size])
        arriving = arriving[size:]

    want = expected(journal, TODAY)
    assert run.findings() == want.findings
    assert run.rollups() == {key: n for key, n in want.rollups.items() if n}


@given(journal=reports())
@settings(max_examples=150, deadline=None)
def test_transitions_chain_without_a_break_and_end_at_the_verdict(journal: list[IndicatorReported]) -> None:
    run = Run(TODAY)
    standing = dict(run.findings())

    run.take(journal)

    for transition in run.transitions:
        change = transition.change
        before = standing[change.unit, change.node]
        assert (change.from_status, change.from_reason) == (before.status, before.reason)
        assert change.kind is ChangeKind.TRANSITION
        standing[change.unit, change.node] = finding(change.to_status, change.to_reason)
    final = {key: (f.status, f.reason) for key, f in run.findings().items()}
    assert {key: (f.status, f.reason) for key, f in standing.items()} == final
    assert [t.change.sequence for t in run.transitions] == list(range(1, len(run.transitions) + 1))


@given(journal=reports(), days=st.lists(st.dates(dt.date(2022, 1, 1), dt.date(2027, 12, 31)), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_moving_through_the_calendar_gives_what_a_full_recompute_of_that_day_gives(
    journal: list[IndicatorReported], days: list[dt.date]
) -> None:
    run = Run(TODAY)
    half = len(journal) // 2
    run.take(journal[:half])

    for day in days:
        run.engine.advance(day, NOON)
    run.take(journal[half:])

    want = expected(journal, days[-1])
    assert run.findings() == want.findings
    assert run.rollups() == {key: n for key, n in want.rollups.items() if n}


@given(journal=reports())
@settings(max_examples=100, deadline=None)
def test_a_restored_engine_stands_where_the_lost_one_stood(journal: list[IndicatorReported]) -> None:
    run = Run(TODAY)
    run.take(journal)
    nodes = {(u.id, n.name): n for u in run.engine.units.values() for n in u.plan.nodes}
    # As a store would give them back: equal values, built anew.
    found = {
        key: finding(VerdictStatus(f.status), VerdictReason(f.reason), tuple(f.cells))
        for key, f in run.findings().items()
    }
    stored = {key: StoredVerdict(f, NOON, nodes[key].ruleset, 0) for key, f in found.items()}

    restored = Engine(CATALOG, TODAY)
    outcome = restored.restore(list(newest_facts(journal).values()), stored, NOON)

    assert outcome.transitions == []
    assert outcome.verdicts == {}
    assert {k: r.counts for k, r in restored.rollups.counts.items()} == {
        k: r.counts for k, r in run.engine.rollups.counts.items()
    }
