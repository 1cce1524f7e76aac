"""The life of an alert beside that of Alertmanager: each test names the behaviour that it carries over."""

import datetime as dt

from services.notifier.domain.alerts import Alert, AlertAction, EndReason
from services.notifier.domain.book import Outcome, apply
from shared.contracts.vocabulary import AlertKind, Cause, ChangeKind, NoticeKind
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import VerdictChanged
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_recovery, a_silent_cell

MINUTE = dt.timedelta(minutes=1)
STALE = (a_silent_cell("male", Reason.STALE_DATA), a_silent_cell("female", Reason.STALE_DATA))


def run(*changes: VerdictChanged) -> Outcome:
    return apply([], [], changes)


def after(outcome: Outcome, *changes: VerdictChanged) -> Outcome:
    newest = {alert.key.cell: alert for alert in sorted(outcome.alerts.values(), key=lambda alert: alert.occurrence)}
    return apply(newest.values(), outcome.marks.values(), changes)


def told(outcome: Outcome) -> list[NoticeKind]:
    return [step.notice for step in outcome.steps if step.notice]


def the(outcome: Outcome) -> Alert:
    return outcome.steps[-1].alert


def test_an_alert_that_comes_again_keeps_the_earliest_start_and_shows_the_newest_evidence() -> None:
    """TestMergeAlerts: the earliest start is kept, the latest annotations win."""
    first = run(a_breach(5))

    outcome = after(first, a_breach(2), a_change(7, a_cell("male", 1200, 1250), a_cell("female", 900)))

    alert = outcome.alerts["06208:xa_ntm/15.1:female:1"]
    finding = alert.evidence.finding("female")
    assert alert.opened_at == MORNING + 2 * MINUTE
    assert finding is not None
    assert finding.numerator == 900
    assert told(outcome) == []


def test_an_end_is_that_of_the_change_that_was_decided_first_and_a_second_one_tells_nothing() -> None:
    """TestMergeAlertsWithEndsAt: of two resolves one is told; what comes later changes no occurrence that is over."""
    first = run(a_breach(1), a_recovery(2))

    outcome = after(first, a_recovery(3, kind=ChangeKind.EVIDENCE))

    assert outcome.steps == []
    assert the(first).ended_at == MORNING + 2 * MINUTE


def test_a_breach_after_a_recovery_is_a_new_occurrence_that_names_the_last_one() -> None:
    """TestMergeAlerts: a re-fire after a resolve is a new occurrence, no merge."""
    outcome = run(a_breach(1), a_recovery(2), a_breach(3))

    assert the(outcome).occurrence == 2
    assert the(outcome).breaches == 2
    assert the(outcome).previous == "06208:xa_ntm/15.1:female:1"
    assert outcome.alerts["06208:xa_ntm/15.1:female:1"].previous is None
    assert the(outcome).opened_at == MORNING + 3 * MINUTE


def test_only_breaches_count_as_the_times_that_a_target_was_missed() -> None:
    gap = a_change(2, a_cell("male", 1200, 1250), a_silent_cell("female"))

    outcome = run(a_recovery(1), gap, a_breach(3))

    assert (the(outcome).occurrence, the(outcome).breaches) == (2, 1)


def test_a_breach_and_its_end_are_two_steps_with_their_moments() -> None:
    """TestResolved: one firing and one resolved message with the right times."""
    outcome = run(a_breach(1), a_recovery(2))

    assert told(outcome) == [NoticeKind.OPENED, NoticeKind.RESOLVED]
    assert (the(outcome).opened_at, the(outcome).ended_at) == (MORNING + MINUTE, MORNING + 2 * MINUTE)
    assert the(outcome).end_reason is EndReason.MET


def test_a_breach_that_nothing_changes_is_told_once() -> None:
    """TestDedupStageNeedsUpdate, "nothing": what has been told and has not changed is not told again."""
    outcome = run(a_breach(1), *(a_breach(number, kind=ChangeKind.EVIDENCE) for number in range(2, 9)))

    assert told(outcome) == [NoticeKind.OPENED]


def test_figures_that_are_too_old_make_a_breach_one_without_data() -> None:
    """Probe D5: a source that falls silent is never reported as resolved; it becomes "mất dữ liệu"."""
    outcome = run(a_breach(1), a_change(2, *STALE, from_status=Status.NOT_MET, cause=Cause.CLOCK))

    assert told(outcome) == [NoticeKind.OPENED, NoticeKind.DATA_LOST]
    assert the(outcome).is_open
    assert (the(outcome).opened_as, the(outcome).kind) == (AlertKind.BREACH, AlertKind.DATA_GAP)


def test_figures_that_are_too_old_make_a_met_target_one_without_data() -> None:
    """Probe D5, for a target that was met."""
    outcome = run(a_change(1, *STALE, cause=Cause.CLOCK))

    assert told(outcome) == [NoticeKind.OPENED]
    assert (the(outcome).key.cell, the(outcome).opened_as) == ("", AlertKind.DATA_GAP)


def test_only_a_met_target_resolves_a_breach_that_has_lost_its_data() -> None:
    """Probe D5: whatever else is reported of silent sources, the breach stays open."""
    lost = run(a_breach(1), a_change(2, *STALE, from_status=Status.NOT_MET, cause=Cause.CLOCK))

    still = after(lost, a_change(3, *STALE, kind=ChangeKind.EVIDENCE, cause=Cause.CLOCK))
    back = after(lost, a_breach(3))
    met = after(lost, a_recovery(3))

    assert [step.action for step in still.steps] == [AlertAction.UPDATED]
    assert [step.action for step in back.steps] == [AlertAction.DATA_BACK]
    assert told(met) == [NoticeKind.RESOLVED]
