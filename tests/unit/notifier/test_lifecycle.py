import datetime as dt
from typing import Any

import pytest

from services.notifier.domain.alerts import Alert, AlertAction, EndReason, Step
from services.notifier.domain.book import Outcome, apply
from shared.contracts.vocabulary import AlertKind, Cause, ChangeKind, NodeKind, NoticeKind
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import VerdictChanged
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_recovery, a_silent_cell

EVIDENCE: dict[str, Any] = {"kind": ChangeKind.EVIDENCE}
FROM_NO_DATA: dict[str, Any] = {"from_status": Status.NOT_EVALUABLE, "from_reason": Reason.NO_DATA}
MALE, MALE_LOW = a_cell("male", 1200, 1250), a_cell("male", 1100, 1250)
FEMALE, FEMALE_LOW = a_cell("female", 1200), a_cell("female")


def run(*changes: VerdictChanged) -> Outcome:
    return apply([], [], changes)


def told(outcome: Outcome) -> list[tuple[str, NoticeKind]]:
    return [(step.alert.key.cell, step.notice) for step in outcome.steps if step.notice]


def actions(outcome: Outcome) -> list[AlertAction]:
    return [step.action for step in outcome.steps]


def last(outcome: Outcome) -> Alert:
    return outcome.steps[-1].alert


def still_open(outcome: Outcome) -> set[tuple[str, AlertKind]]:
    return {(alert.key.cell, alert.kind) for alert in outcome.alerts.values() if alert.is_open}


def test_a_failing_cell_opens_an_alert_of_its_own() -> None:
    outcome = run(a_breach())

    assert still_open(outcome) == {("female", AlertKind.BREACH)}
    assert told(outcome) == [("female", NoticeKind.OPENED)]
    assert last(outcome).id == "06208:xa_ntm/15.1:female:1"


def test_two_failing_cells_open_two_alerts() -> None:
    outcome = run(a_change(1, MALE_LOW, FEMALE_LOW))

    assert still_open(outcome) == {("male", AlertKind.BREACH), ("female", AlertKind.BREACH)}


def test_a_sum_that_fails_while_no_sector_does_opens_one_alert_for_the_whole() -> None:
    outcome = run(
        a_change(1, a_cell("health", 95, 100), to=Status.NOT_MET, node="xa_ntm/17.10", to_reason=Reason.BELOW_TARGET)
    )

    assert still_open(outcome) == {("", AlertKind.BREACH)}


def test_a_recovered_cell_resolves_its_alert() -> None:
    outcome = run(a_breach(), a_recovery())

    assert told(outcome) == [("female", NoticeKind.OPENED), ("female", NoticeKind.RESOLVED)]
    assert last(outcome).end_reason is EndReason.MET


def test_a_cell_resolves_while_the_other_still_fails() -> None:
    outcome = run(a_change(1, MALE_LOW, FEMALE_LOW), a_change(2, MALE, FEMALE_LOW, **EVIDENCE))

    assert still_open(outcome) == {("female", AlertKind.BREACH)}
    assert told(outcome)[-1] == ("male", NoticeKind.RESOLVED)


def test_a_cell_that_begins_to_fail_while_the_other_fails_is_told() -> None:
    outcome = run(a_breach(), a_change(2, MALE_LOW, FEMALE_LOW, **EVIDENCE))

    assert told(outcome)[-1] == ("male", NoticeKind.OPENED)


def test_a_second_breach_is_a_new_occurrence() -> None:
    outcome = run(a_breach(1), a_recovery(2), a_breach(3))

    assert last(outcome).id == "06208:xa_ntm/15.1:female:2"
    assert told(outcome)[-1] == ("female", NoticeKind.OPENED)


def test_evidence_updates_an_open_alert_and_tells_nobody() -> None:
    outcome = run(a_breach(1), a_change(5, MALE, a_cell("female", 1000), **EVIDENCE))

    alert = last(outcome)
    finding = alert.evidence.finding("female")
    assert told(outcome) == [("female", NoticeKind.OPENED)]
    assert alert.opened_at == MORNING + dt.timedelta(minutes=1)
    assert finding is not None
    assert finding.numerator == 1000


def test_the_first_verdict_without_data_opens_nothing() -> None:
    before: dict[str, Any] = {"from_status": Status.NOT_APPLICABLE, "from_reason": Reason.UNIT_ENDED}

    outcome = run(a_change(1, a_silent_cell("male"), a_silent_cell("female"), to_reason=Reason.NO_DATA, **before))

    assert outcome.alerts == {}


def test_a_missing_sex_opens_a_gap_for_the_missing_one() -> None:
    outcome = run(a_change(1, MALE, a_silent_cell("female"), **FROM_NO_DATA))

    assert still_open(outcome) == {("female", AlertKind.DATA_GAP)}


def test_a_missing_attestation_opens_a_gap() -> None:
    outcome = run(a_change(1, a_silent_cell("", Reason.NO_ATTESTATION), node="xa_ntm/15.4", **FROM_NO_DATA))

    assert still_open(outcome) == {("", AlertKind.DATA_GAP)}


def test_data_that_vanishes_opens_one_gap_for_the_whole() -> None:
    gone = [a_silent_cell(cell, Reason.NO_DATA) for cell in ("male", "female")]

    outcome = run(a_change(1, *gone))

    assert still_open(outcome) == {("", AlertKind.DATA_GAP)}


def test_a_sector_without_establishments_is_no_gap() -> None:
    cells = (a_silent_cell("health", Reason.MISSING_SECTOR), a_silent_cell("agriculture", Reason.ZERO_DENOMINATOR))

    outcome = run(a_change(1, *cells, node="xa_ntm/17.10"))

    assert still_open(outcome) == {("health", AlertKind.DATA_GAP)}


def test_silence_after_a_breach_is_never_resolved() -> None:
    outcome = run(a_breach(1), a_change(2, MALE, a_silent_cell("female"), from_status=Status.NOT_MET))

    assert still_open(outcome) == {("female", AlertKind.DATA_GAP)}
    assert told(outcome)[-1] == ("female", NoticeKind.DATA_LOST)
    assert last(outcome).opened_as is AlertKind.BREACH


def test_silence_of_everything_after_a_breach_keeps_the_one_alert() -> None:
    gone = [a_silent_cell(cell, Reason.NO_DATA) for cell in ("male", "female")]

    outcome = run(a_breach(1), a_change(2, *gone, from_status=Status.NOT_MET))

    assert still_open(outcome) == {("female", AlertKind.DATA_GAP)}


def test_a_breach_whose_data_comes_back_bad_goes_on_without_a_second_mail() -> None:
    silent = a_change(2, MALE, a_silent_cell("female"), from_status=Status.NOT_MET)

    outcome = run(a_breach(1), silent, a_breach(3))

    assert actions(outcome)[-1] is AlertAction.DATA_BACK
    assert outcome.steps[-1].notice is None
    assert last(outcome).occurrence == 1


def test_a_breach_that_lost_its_data_resolves_when_the_target_is_met() -> None:
    silent = a_change(2, MALE, a_silent_cell("female"), from_status=Status.NOT_MET)

    outcome = run(a_breach(1), silent, a_recovery(3))

    assert told(outcome)[-1] == ("female", NoticeKind.RESOLVED)


def test_a_gap_filled_with_bad_numbers_is_closed_and_a_breach_opens() -> None:
    outcome = run(a_change(1, MALE, a_silent_cell("female"), **FROM_NO_DATA), a_breach(2))

    assert [(step.action, step.alert.end_reason) for step in outcome.steps[1:]] == [
        (AlertAction.CLOSED, EndReason.REPLACED),
        (AlertAction.OPENED, None),
    ]
    assert last(outcome).occurrence == 2


def test_a_gap_of_the_whole_becomes_the_gap_of_the_cell_that_is_still_missing() -> None:
    gone = [a_silent_cell(cell, Reason.NO_DATA) for cell in ("male", "female")]

    outcome = run(a_change(1, *gone), a_change(2, MALE, a_silent_cell("female"), **FROM_NO_DATA))

    assert still_open(outcome) == {("female", AlertKind.DATA_GAP)}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"to": Status.NOT_APPLICABLE}, EndReason.NOT_APPLICABLE, id="not applicable"),
        pytest.param({"to": Status.NOT_APPLICABLE, "to_reason": Reason.RULE_ENDED}, EndReason.RULE_ENDED, id="rule"),
        pytest.param({"to": Status.NOT_EVALUABLE, "to_reason": Reason.UNIT_ENDED}, EndReason.UNIT_ENDED, id="unit"),
    ],
)
def test_an_alert_whose_rule_or_unit_ends_is_closed_without_good_news(
    fields: dict[str, Any], reason: EndReason
) -> None:
    outcome = run(a_breach(1), a_change(2, **fields))

    assert last(outcome).end_reason is reason
    assert outcome.steps[-1].notice is NoticeKind.CLOSED


def test_a_change_of_the_rules_is_announced_as_such_and_opens_the_alert_all_the_same() -> None:
    outcome = run(a_breach(1, cause=Cause.RULESET))

    assert told(outcome) == [("female", NoticeKind.RULESET_CHANGE)]
    assert still_open(outcome) == {("female", AlertKind.BREACH)}


def test_a_change_of_the_rules_during_an_alert_is_announced_each_time() -> None:
    outcome = run(a_breach(1), a_breach(2, cause=Cause.RULESET), a_breach(3, cause=Cause.RULESET))

    assert [kind for _, kind in told(outcome)] == [NoticeKind.OPENED, *[NoticeKind.RULESET_CHANGE] * 2]
    assert len({step.subject for step in outcome.steps}) == 3


def test_a_breach_that_arrives_after_its_own_recovery_is_told_as_opened_and_resolved() -> None:
    first = run(a_recovery(2))

    outcome = apply([], first.marks.values(), [a_breach(1)])

    assert [kind for _, kind in told(outcome)] == [NoticeKind.OPENED, NoticeKind.RESOLVED]
    assert outcome.late == 1
    assert not last(outcome).is_open


def test_a_breach_that_arrives_after_a_newer_one_moves_the_beginning_back() -> None:
    first = run(a_breach(2))

    outcome = apply(first.alerts.values(), first.marks.values(), [a_breach(1)])

    assert actions(outcome) == [AlertAction.LATE]
    assert last(outcome).opened_at == MORNING + dt.timedelta(minutes=1)


def test_evidence_older_than_what_is_known_is_ignored() -> None:
    first = run(a_breach(3))

    outcome = apply(first.alerts.values(), first.marks.values(), [a_change(1, MALE, FEMALE_LOW, **EVIDENCE)])

    assert outcome.steps == []


def test_changes_of_one_read_are_applied_in_the_order_in_which_they_were_decided() -> None:
    outcome = run(a_recovery(2), a_breach(1))

    assert [kind for _, kind in told(outcome)] == [NoticeKind.OPENED, NoticeKind.RESOLVED]
    assert outcome.late == 0


def test_criteria_and_standards_are_logged_and_open_no_alert() -> None:
    outcome = run(a_change(1, to=Status.NOT_MET, node="xa_ntm/15", node_kind=NodeKind.CRITERION))

    assert outcome.alerts == {}
    assert [change.sequence for change in outcome.rollups] == [1]


def test_a_step_of_the_same_occurrence_has_the_same_subject_whenever_it_is_decided() -> None:
    def subjects(steps: list[Step]) -> list[str]:
        return [step.subject for step in steps]

    assert subjects(run(a_breach(1), a_recovery(2)).steps) == subjects(run(a_breach(1), a_recovery(2)).steps)
