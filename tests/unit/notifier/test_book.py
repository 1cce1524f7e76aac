from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.alerts import Alert, Step
from services.notifier.domain.book import Book, apply
from services.notifier.domain.limits import NO_LIMITS, Limits, Margin
from services.notifier.domain.mark import Mark
from shared.catalog.policies import FlappingPolicy
from shared.contracts.vocabulary import AlertKind, Cause, ChangeKind
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import CellFinding, VerdictChanged
from shared.testing.verdicts import a_cell, a_change, a_silent_cell

FINDINGS = {
    "met": lambda cell: a_cell(cell, 1250),
    "low": lambda cell: a_cell(cell, 900),
    "near": lambda cell: a_cell(cell, 1165),
    "silent": lambda cell: a_silent_cell(cell, Reason.NO_DATA),
}
LIMITS = Limits(FlappingPolicy(openings=2, within_days=1, calm_hours=1), {"xa_ntm/15.1": Margin(0.5, 3.0)})


def cells(pair: tuple[str, str]) -> tuple[CellFinding, ...]:
    return FINDINGS[pair[0]]("male"), FINDINGS[pair[1]]("female")


@st.composite
def lives(draw: st.DrawFn) -> list[VerdictChanged]:
    """The changes of one chỉ tiêu, each beginning where the one before ended."""
    names = st.sampled_from(sorted(FINDINGS))
    changes: list[VerdictChanged] = []
    before, reason = Status.NOT_EVALUABLE, Reason.NO_DATA
    for number, pair in enumerate(draw(st.lists(st.tuples(names, names), max_size=12)), 1):
        ended = draw(st.integers(0, 9)) == 0
        change = a_change(
            number,
            *(() if ended else cells(pair)),
            to=Status.NOT_APPLICABLE if ended else None,
            kind=draw(st.sampled_from(ChangeKind)),
            cause=draw(st.sampled_from(Cause)),
            from_status=before,
            from_reason=reason,
        )
        before, reason = change.to_status, change.to_reason
        changes.append(change)
    return changes


def one_by_one(changes: list[VerdictChanged], limits: Limits = NO_LIMITS) -> tuple[dict[str, Alert], list[Step]]:
    alerts: dict[str, Alert] = {}
    marks: dict[tuple[str, str], Mark] = {}
    steps: list[Step] = []
    for change in changes:
        outcome = apply(newest(alerts), marks.values(), [change], limits)
        alerts |= outcome.alerts
        marks |= outcome.marks
        steps += outcome.steps
    return alerts, steps


def newest(alerts: dict[str, Alert]) -> list[Alert]:
    found: dict[str, Alert] = {}
    for alert in sorted(alerts.values(), key=lambda alert: alert.occurrence):
        found[alert.key.cell] = alert
    return list(found.values())


@given(lives())
def test_it_does_not_matter_how_changes_are_cut_into_batches(changes: list[VerdictChanged]) -> None:
    together = apply([], [], changes)

    assert (together.alerts, together.steps) == one_by_one(changes)


@given(lives())
def test_limits_of_risk_and_flapping_do_not_depend_on_batches_either(changes: list[VerdictChanged]) -> None:
    together = apply([], [], changes, LIMITS)

    assert (together.alerts, together.steps) == one_by_one(changes, LIMITS)


@given(lives())
def test_a_cell_never_has_two_alerts_that_are_open_and_a_risk_never_hides_a_breach(
    changes: list[VerdictChanged],
) -> None:
    alerts, _ = one_by_one(changes, LIMITS)

    still = [alert for alert in alerts.values() if alert.is_open]
    last = changes[-1] if changes else None
    failing = {finding.cell for finding in (last.cells if last else ()) if finding.status is Status.NOT_MET}
    assert len({alert.key.cell for alert in still}) == len(still)
    assert not failing & {alert.key.cell for alert in still if alert.kind is AlertKind.AT_RISK}


@given(lives(), st.data())
def test_a_book_that_is_kept_decides_as_one_that_is_read_anew_each_time(
    changes: list[VerdictChanged], data: st.DataObject
) -> None:
    book = Book()
    alerts: dict[str, Alert] = {}
    steps: list[Step] = []
    rest = changes
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        part, rest = rest[:size], rest[size:]
        unknown = book.unknown(part)
        book.learn(unknown, [], [])
        outcome = book.apply(part)
        assert outcome.opened == outcome.alerts.keys() - alerts.keys()
        assert outcome.first_marks == set(unknown)
        alerts |= outcome.alerts
        steps += outcome.steps

    assert (alerts, steps) == one_by_one(changes)


@given(lives())
def test_what_is_open_is_what_fails_or_was_failing_and_fell_silent(changes: list[VerdictChanged]) -> None:
    alerts, _ = one_by_one(changes)

    open_cells = {alert.key.cell for alert in alerts.values() if alert.is_open}
    last = changes[-1] if changes else None
    failing = {finding.cell for finding in (last.cells if last else ()) if finding.status is Status.NOT_MET}
    met = {finding.cell for finding in (last.cells if last else ()) if finding.status is Status.MET}
    assert failing <= open_cells
    assert not met & open_cells


@given(lives())
def test_every_occurrence_is_told_once_when_it_opens_and_at_most_once_when_it_ends(
    changes: list[VerdictChanged],
) -> None:
    alerts, steps = one_by_one(changes)

    told = [(step.subject, step.notice) for step in steps if step.notice]
    assert len(told) == len(set(told))
    assert {step.alert.id for step in steps} == set(alerts)


@given(lives(), st.randoms())
def test_changes_that_arrive_in_any_order_leave_open_what_the_newest_says(
    changes: list[VerdictChanged], random: Random
) -> None:
    transitions = [change for change in changes if change.kind is ChangeKind.TRANSITION]
    shuffled = sorted(transitions, key=lambda _: random.random())

    alerts, _ = one_by_one(shuffled)

    failing = {f.cell for f in (transitions[-1].cells if transitions else ()) if f.status is Status.NOT_MET}
    breaches = {alert.key.cell for alert in alerts.values() if alert.is_open and alert.kind == "breach"}
    assert breaches == failing
