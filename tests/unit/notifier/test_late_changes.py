import datetime as dt
from itertools import product
from typing import Any

import pytest

from services.notifier.domain.alerts import Alert, AlertAction, EndReason
from services.notifier.domain.book import Outcome, apply
from services.notifier.domain.mark import Mark
from shared.contracts.vocabulary import AlertKind, Cause, NoticeKind
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import CellFinding, VerdictChanged
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_recovery, a_silent_cell

BEFORE = a_recovery(1)
FINDINGS = {
    "met": lambda cell: a_cell(cell, 1250),
    "low": lambda cell: a_cell(cell, 900),
    "silent": lambda cell: a_silent_cell(cell, Reason.NO_DATA),
}
PAIRS = list(product(FINDINGS, repeat=2))
WAS_LOW: dict[str, Any] = {"from_status": Status.NOT_MET, "from_reason": Reason.BELOW_TARGET}
ENDS: dict[str, dict[str, Any]] = {
    "not applicable": {"to": Status.NOT_APPLICABLE},
    "rule ended": {"to": Status.NOT_APPLICABLE, "to_reason": Reason.RULE_ENDED},
    "unit ended": {"to": Status.NOT_EVALUABLE, "to_reason": Reason.UNIT_ENDED},
    "rule unknown": {"to": Status.NOT_EVALUABLE, "to_reason": Reason.RULE_UNKNOWN},
    "rule made unknown": {"to": Status.NOT_EVALUABLE, "to_reason": Reason.RULE_UNKNOWN, "cause": Cause.RULESET},
    "no data": {"to": Status.NOT_EVALUABLE},
}
SILENT = (a_silent_cell("male", Reason.NO_DATA), a_silent_cell("female", Reason.NO_DATA))


def cells(pair: tuple[str, str]) -> tuple[CellFinding, ...]:
    return FINDINGS[pair[0]]("male"), FINDINGS[pair[1]]("female")


def arriving(*changes: VerdictChanged) -> tuple[dict[str, Alert], list[Outcome]]:
    """Apply changes one message at a time, in the order given."""
    alerts: dict[str, Alert] = {}
    marks: dict[tuple[str, str], Mark] = {}
    outcomes: list[Outcome] = []
    for change in changes:
        newest = {a.key.cell: a for a in sorted(alerts.values(), key=lambda a: a.occurrence)}
        outcome = apply(newest.values(), marks.values(), [change])
        alerts |= outcome.alerts
        marks |= outcome.marks
        outcomes.append(outcome)
    return alerts, outcomes


def still_open(alerts: dict[str, Alert]) -> set[tuple[str, AlertKind, AlertKind, Reason]]:
    return {
        (alert.key.cell, alert.opened_as, alert.kind, alert.evidence.reason)
        for alert in alerts.values()
        if alert.is_open
    }


@pytest.mark.parametrize("late", [pair for pair in PAIRS if "low" in pair and "silent" not in pair])
@pytest.mark.parametrize("newest", [*PAIRS, *ENDS])
def test_a_breach_that_arrives_late_leaves_open_what_it_would_have_left_open_in_order(
    late: tuple[str, str], newest: tuple[str, str] | str
) -> None:
    second = a_change(2, *cells(late))
    third = (
        a_change(3, **(WAS_LOW | ENDS[newest])) if isinstance(newest, str) else a_change(3, *cells(newest), **WAS_LOW)
    )

    in_order, _ = arriving(BEFORE, second, third)
    late_order, _ = arriving(BEFORE, third, second)

    assert still_open(late_order) == still_open(in_order)


def test_a_late_breach_of_a_source_that_has_fallen_silent_is_told_and_stays_open_without_data() -> None:
    third = a_change(3, *SILENT, **WAS_LOW)

    alerts, outcomes = arriving(BEFORE, third, a_breach(2))

    told = [(step.alert.key.cell, step.notice) for step in outcomes[-1].steps]
    assert told == [
        ("female", NoticeKind.OPENED),
        ("female", NoticeKind.DATA_LOST),
        ("", NoticeKind.CLOSED),
    ]
    (left,) = (alert for alert in alerts.values() if alert.is_open)
    assert (left.key.cell, left.opened_as, left.kind) == ("female", AlertKind.BREACH, AlertKind.DATA_GAP)
    assert left.opened_at == MORNING + dt.timedelta(minutes=2)


def test_a_gap_of_the_same_cell_gives_way_to_a_late_breach() -> None:
    third = a_change(3, a_cell("male", 1250), a_silent_cell("female"), **WAS_LOW)

    _, outcomes = arriving(BEFORE, third, a_breach(2))

    assert [(step.action, step.alert.occurrence) for step in outcomes[-1].steps] == [
        (AlertAction.CLOSED, 1),
        (AlertAction.OPENED, 2),
        (AlertAction.DATA_LOST, 2),
    ]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("not applicable", EndReason.NOT_APPLICABLE),
        ("rule ended", EndReason.RULE_ENDED),
        ("unit ended", EndReason.UNIT_ENDED),
    ],
)
def test_a_late_breach_of_a_rule_or_unit_that_has_ended_is_closed_without_good_news(
    end: str, reason: EndReason
) -> None:
    third = a_change(3, **(WAS_LOW | ENDS[end]))

    _, outcomes = arriving(BEFORE, third, a_breach(2))

    assert [step.notice for step in outcomes[-1].steps] == [NoticeKind.OPENED, NoticeKind.CLOSED]
    assert outcomes[-1].steps[-1].alert.end_reason is reason


def test_a_late_breach_of_a_cell_that_is_met_while_another_fails_is_resolved() -> None:
    third = a_change(3, a_cell("male", 900), a_cell("female", 1250), **WAS_LOW)

    _, outcomes = arriving(BEFORE, third, a_breach(2))

    assert [(step.alert.key.cell, step.notice) for step in outcomes[-1].steps] == [
        ("female", NoticeKind.OPENED),
        ("female", NoticeKind.RESOLVED),
    ]
