"""Journals that hypothesis draws, the catalogs they are judged by, and an engine with its store beside it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from services.evaluator.domain.engine import Engine
from services.evaluator.domain.findings import Finding
from services.evaluator.domain.outcome import FactKey, Outcome
from services.evaluator.domain.recompute import Recomputed, keep_newest, recompute
from services.evaluator.domain.telling import tell
from shared.catalog.catalog import Catalog
from shared.catalog.policies import Policies
from shared.contracts.vocabulary import Combine, Operator, Part, Stage, VerdictStatus
from shared.contracts.wire import IndicatorReported, VerdictChanged
from shared.testing.factories import NOON, a_catalog, a_report

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


def _other_rules() -> Catalog:
    """Return the catalog with the kinds of rules that it does not have: each indicator is judged in another way."""
    other: dict[str, dict[str, Any]] = {
        "mixed": {"operator": Operator.AT_LEAST, "thresholds": {"default": 50}, "either_attested_or_rate": True},
        "events": {"window": None},
        "kids": {"window": "calendar_year"},
        "food": {"combine": Combine.EVERY_GROUP, "zero_denominator_not_applicable": True},
        "paper": {"operator": Operator.IS_TRUE, "validity_years": None},
    }
    rules = [rule.model_copy(update=other.get(rule.indicator, {})) for rule in a_catalog().rules]
    return a_catalog(rules=rules)


def with_policies(catalog: Catalog, at_risk: dict[str, float], silence: dict[str, int]) -> Catalog:
    """Return a catalog with watch bands (percentage points) and days until figures are stale, by indicator."""
    margins = [{"indicator": key, "margin": 0, "watch": watch} for key, watch in at_risk.items()]
    stale = [{"indicator": key, "stale_after_days": days} for key, days in silence.items()]
    policies = Policies.model_validate({"at_risk": margins, "silence": stale})
    return Catalog(**{name: getattr(catalog, name) for name in Catalog.model_fields} | {"policies": policies})


CATALOGS = {"as it is": a_catalog(), "other kinds of rules": _other_rules()}
# Each kind of chỉ tiêu is watched and becomes stale in one of the two; `rate` is watched in both, kept up cell by cell
# in the first, judged as a whole in the second.
CATALOGS |= {
    "with policies": with_policies(
        CATALOGS["as it is"],
        {"rate": 5, "kids": 14, "food": 0},
        {"events": 120, "paper": 300, "mixed": 20},
    ),
    "other kinds of rules with policies": with_policies(
        CATALOGS["other kinds of rules"],
        {"rate": 5, "kids": 14, "food": 0, "mixed": 40},
        {"rate": 20, "kids": 110, "food": 15, "events": 14, "paper": 200, "mixed": 300},
    ),
}
catalogs = st.sampled_from(sorted(CATALOGS))


@st.composite
def reports(draw: st.DrawFn) -> list[IndicatorReported]:
    """Reports in journal order, with few keys and few moments so that they collide often."""
    return [draw(report(seq)) for seq in range(1, draw(st.integers(1, 40)) + 1)]


@st.composite
def report(draw: st.DrawFn, seq: int) -> IndicatorReported:
    """A report of any unit, indicator and form, with one of few periods and moments."""
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
    """Return what a store would hold after a journal."""
    facts: dict[FactKey, IndicatorReported] = {}
    keep_newest(facts, journal)
    return facts


class Run:
    """An engine with the store that its writer would keep beside it."""

    def __init__(self, as_of: dt.date, catalog: str) -> None:
        self.journal: list[IndicatorReported] = []
        self.transitions: list[VerdictChanged] = []
        self.engine = Engine(CATALOGS[catalog], as_of)
        self.engine.restore([], {}, NOON)

    def open(self, batch: Sequence[IndicatorReported]) -> None:
        """Open the histories that a batch needs, as the writer does before it."""
        wanted = self.engine.needs_history(batch)
        slots = self.engine.slots
        stored = newest_facts(self.journal).values()
        self.engine.open_history(wanted, [r for r in stored if (r.unit, slots.number(r)) in wanted])

    def take(self, batch: Sequence[IndicatorReported]) -> Outcome:
        """Apply a batch and keep what it says."""
        self.open(batch)
        outcome = self.engine.apply(batch, NOON)
        self.transitions += [tell(change, outcome) for change in outcome.transitions]
        self.journal += batch
        return outcome

    def findings(self) -> dict[tuple[str, str], Finding]:
        """Return the findings of the engine by (unit, node)."""
        return {
            (unit.id, node.name): finding
            for unit in self.engine.units.values()
            for node, finding in zip(unit.plan.nodes, unit.findings, strict=True)
        }

    def rollups(self) -> dict[tuple[str, str, VerdictStatus], int]:
        """Return the counts of the engine, as a recompute gives them."""
        counts = self.engine.rollups.counts.items()
        return {(*key, status): n for key, rollup in counts for status, n in rollup.counts.items() if n}


def expected(catalog: str, journal: Sequence[IndicatorReported], as_of: dt.date) -> Recomputed:
    """Return what a full recompute gives."""
    return recompute(CATALOGS[catalog], newest_facts(journal), as_of)
