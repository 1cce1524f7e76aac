"""Telling: what a change says in full does not depend on when it is told, nor on how the reports were batched."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from services.evaluator.domain.outcome import Change, Outcome
from services.evaluator.domain.telling import before_cells, tell, verdicts_of
from shared.contracts.vocabulary import ChangeKind, Part
from shared.contracts.wire import CellFinding, IndicatorReported, VerdictChanged
from shared.testing.factories import NOON, a_report
from tests.unit.evaluator.journals import TODAY, Run, catalogs, reports

Told = tuple[VerdictChanged, tuple[CellFinding, ...]]


def shown(run: Run) -> dict[tuple[str, str], tuple[CellFinding, ...]]:
    """Return the cells of every chỉ tiêu as the engine judges them now."""
    as_of = run.engine.as_of
    return {(u.id, n.name): u.explain(n, as_of) for u in run.engine.units.values() for n in u.plan.nodes}


def in_full(change: Change, outcome: Outcome) -> Told:
    """Return what a change tells, but for the percentages before it: of these a batch knows more than one report."""
    message = tell(change, outcome)
    cells = tuple(msgspec.structs.replace(cell, before=None) for cell in message.cells)
    return msgspec.structs.replace(message, cells=cells), before_cells(change, outcome)


@given(catalog=catalogs, journal=reports())
@settings(max_examples=150, deadline=None)
def test_what_is_told_when_the_engine_has_moved_on_is_what_was_to_be_seen_at_the_change(
    catalog: str, journal: list[IndicatorReported]
) -> None:
    run = Run(TODAY, catalog)
    changes: list[tuple[Change, Outcome]] = []
    seen: list[tuple[tuple[CellFinding, ...], tuple[CellFinding, ...]]] = []
    for report in journal:
        before = shown(run)
        outcome = run.take([report])
        after = shown(run)
        for change in outcome.transitions + outcome.evidence:
            key = change.unit, change.node.name
            windowed = change.node.leaf is not None and change.node.leaf.rule.window is not None
            changes.append((change, outcome))
            seen.append((after[key], () if windowed else before[key]))

    told = [in_full(change, outcome) for change, outcome in changes]

    assert [(message.cells, before) for message, before in told if message.kind is ChangeKind.TRANSITION] == [
        cells for cells, (change, _) in zip(seen, changes, strict=True) if change.sequence
    ]
    assert [message.cells for message, _ in told] == [after for after, _ in seen]


@given(catalog=catalogs, journal=reports())
@settings(max_examples=150, deadline=None)
def test_one_batch_tells_the_same_transitions_as_its_reports_one_by_one(
    catalog: str, journal: list[IndicatorReported]
) -> None:
    together, alone = Run(TODAY, catalog), Run(TODAY, catalog)
    # The same histories from the start: whether a deletion of nothing known is a change must not depend on the batch.
    together.open(journal)
    alone.open(journal)

    batch = together.take(journal)
    steps = [alone.take([report]) for report in journal]

    assert [in_full(change, batch) for change in batch.transitions] == [
        in_full(change, step) for step in steps for change in step.transitions
    ]
    verdicts = [verdicts_of(step) for step in steps]
    assert verdicts_of(batch) == {key: verdict for step in verdicts for key, verdict in step.items()}


def test_of_several_changes_of_one_verdict_in_a_step_the_last_is_to_be_stored() -> None:
    run = Run(TODAY, "as it is")

    numerators = enumerate((1, 999, 2), start=1)

    outcome = run.take([a_report(seq, unit="C1", indicator="kids", cell="", numerator=n) for seq, n in numerators])

    kids = [change for change in outcome.transitions if change.node.name == "base/1.3"]
    stored = verdicts_of(outcome)["C1", "base/1.3"]
    assert len(kids) == 3
    assert (stored.finding, stored.transition, stored.since) == (kids[-1].new, kids[-1].sequence, NOON)


SEPTEMBER = {"period_start": dt.date(2024, 9, 1), "period_end": dt.date(2024, 9, 30)}
NINE_MONTHS = {"period_start": dt.date(2024, 1, 1), "period_end": dt.date(2024, 9, 30)}


def kids(seq: int, numerator: int, denominator: int, **fields: Any) -> IndicatorReported:
    known = {"unit": "C1", "indicator": "kids", "cell": "", "numerator": numerator, "denominator": denominator}
    return a_report(seq, **(known | fields))


def days(message: VerdictChanged) -> dict[str, dt.date | None]:
    return {"period_start": message.period_start, "period_end": message.period_end}


def of_node(run: Run, node: str, *batch: IndicatorReported) -> list[VerdictChanged]:
    outcome = run.take(batch)
    changes = [change for change in outcome.transitions + outcome.evidence if change.node.name == node]
    return [tell(change, outcome) for change in changes]


@pytest.mark.parametrize("in_halves", [False, True])
def test_a_report_on_an_older_period_tells_nothing(in_halves: bool) -> None:
    run = Run(TODAY, "as it is")
    run.open([kids(1, 0, 0, part=Part.NUMERATOR)] if in_halves else [])

    (september,) = of_node(run, "base/1.3", kids(1, 250, 500, **SEPTEMBER))

    assert days(september) == SEPTEMBER
    assert of_node(run, "base/1.3", kids(2, 500, 999, **NINE_MONTHS)) == []


def test_after_a_deletion_the_period_told_is_that_of_the_numbers_that_hold_now() -> None:
    run = Run(TODAY, "as it is")
    run.take([kids(1, 500, 999, **NINE_MONTHS)])
    run.take([kids(2, 50, 500, **SEPTEMBER)])

    (message,) = of_node(run, "base/1.3", kids(3, 0, 0, **SEPTEMBER, deleted=True))

    assert (message.cells[0].numerator, message.event_ids) == (500, ("e3",))
    assert days(message) == NINE_MONTHS


def test_when_nothing_is_left_the_period_told_is_the_deleted_one() -> None:
    run = Run(TODAY, "as it is")
    run.take([kids(1, 50, 500, **SEPTEMBER)])

    (message,) = of_node(run, "base/1.3", kids(2, 0, 0, **SEPTEMBER, deleted=True))

    assert message.cells[0].numerator is None
    assert days(message) == SEPTEMBER


def test_a_rate_beside_an_attestation_does_not_lend_it_its_period() -> None:
    run, mixed = Run(TODAY, "as it is"), {"unit": "C1", "indicator": "mixed", "cell": ""}
    no = a_report(1, **mixed, part=Part.ATTESTATION, value=0.0, numerator=None, denominator=None, **NINE_MONTHS)
    run.take([no])

    told = of_node(run, "base/1.4", a_report(2, **mixed, **SEPTEMBER))

    assert [(days(message), message.cells[0].value) for message in told] == [(NINE_MONTHS, 0.0)]


@given(catalog=catalogs, journal=reports())
@settings(max_examples=100, deadline=None)
def test_the_period_told_is_one_of_a_report_with_the_numbers_told(
    catalog: str, journal: list[IndicatorReported]
) -> None:
    run = Run(TODAY, catalog)
    for report in journal:
        outcome = run.take([report])
        for change in outcome.transitions + outcome.evidence:
            message = tell(change, outcome)
            numbers = {
                (c.cell, n) for c in message.cells for n in (c.numerator, c.denominator, c.value) if n is not None
            }
            if not numbers:
                continue
            of_period = [
                known for known in run.journal
                if (known.unit, known.indicator) == (report.unit, report.indicator) and days(message) == {
                    "period_start": known.period_start, "period_end": known.period_end}
            ]  # fmt: skip
            cells = {c.cell for c in message.cells}
            said = {
                (known.cell if known.cell in cells else "", number)
                for known in of_period for number in (known.numerator, known.denominator, known.value)
            }  # fmt: skip
            assert numbers & said
