"""Telling: what a change says in full does not depend on when it is told, nor on how the reports were batched."""

from hypothesis import given, settings

from services.evaluator.domain.outcome import Change, Outcome
from services.evaluator.domain.telling import before_cells, tell, verdicts_of
from shared.contracts.vocabulary import ChangeKind
from shared.contracts.wire import CellFinding, IndicatorReported, VerdictChanged
from shared.testing.factories import NOON, a_report
from tests.unit.evaluator.journals import TODAY, Run, catalogs, reports

Told = tuple[VerdictChanged, tuple[CellFinding, ...]]


def shown(run: Run) -> dict[tuple[str, str], tuple[CellFinding, ...]]:
    """Return the cells of every chỉ tiêu as the engine judges them now."""
    as_of = run.engine.as_of
    return {(u.id, n.name): u.explain(n, as_of) for u in run.engine.units.values() for n in u.plan.nodes}


def in_full(change: Change, outcome: Outcome) -> Told:
    return tell(change, outcome), before_cells(change, outcome)


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
