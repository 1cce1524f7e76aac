from typing import Any

import msgspec
import pytest

from services.notifier.domain.alerts import AlertAction, EndReason
from services.notifier.domain.book import Outcome, apply
from services.notifier.domain.limits import Limits, Margin
from services.notifier.domain.risk import cells_at_risk
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import AlertKind, Cause, ChangeKind, NoticeKind
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import CellFinding, VerdictChanged
from shared.testing.verdicts import a_breach, a_cell, a_change, a_recovery, a_silent_cell

NODE = "xa_ntm/15.1"
LIMITS = Limits(margins={NODE: Margin(0.5, 3.0)})
EVIDENCE: dict[str, Any] = {"kind": ChangeKind.EVIDENCE}
MALE = a_cell("male", 1200, 1250)
GONE = (a_silent_cell("male", Reason.NO_DATA), a_silent_cell("female", Reason.NO_DATA))


def at(percent: float, before: float | None = None, cell: str = "female") -> CellFinding:
    """Return the finding of 10,000 women of whom so many percent are counted."""
    return msgspec.structs.replace(a_cell(cell, round(percent * 100), 10_000), before=before)


def met(sequence: int, percent: float, before: float | None = None, **fields: Any) -> VerdictChanged:
    return a_change(sequence, MALE, at(percent, before), **(EVIDENCE | fields))


def run(*changes: VerdictChanged) -> Outcome:
    return apply([], [], changes, LIMITS)


def told(outcome: Outcome) -> list[tuple[str, NoticeKind]]:
    return [(step.alert.key.cell, step.notice) for step in outcome.steps if step.notice]


def still_open(outcome: Outcome) -> set[tuple[str, AlertKind]]:
    return {(alert.key.cell, alert.kind) for alert in outcome.alerts.values() if alert.is_open}


@pytest.mark.parametrize(
    ("percent", "before", "is_at_risk"),
    [
        pytest.param(90.0, None, True, id="on the threshold"),
        pytest.param(90.5, None, True, id="on the edge of the margin"),
        pytest.param(90.51, None, False, id="outside the margin, no trend known"),
        pytest.param(90.4, 88.0, True, id="inside the margin, rising"),
        pytest.param(91.0, 92.5, True, id="falling: another such change misses"),
        pytest.param(91.0, 92.0, False, id="falling: another such change just meets"),
        pytest.param(91.0, 91.5, False, id="falling slowly"),
        pytest.param(91.0, 89.0, False, id="rising"),
        pytest.param(93.0, 97.0, True, id="on the edge of the watch band, falling"),
        pytest.param(93.01, 99.0, False, id="outside the watch band"),
    ],
)
def test_a_met_target_is_at_risk_within_its_margin_or_falling_towards_it(
    percent: float, before: float | None, is_at_risk: bool
) -> None:
    assert cells_at_risk(LIMITS.margins[NODE], met(1, percent, before), {}) == ({"female"} if is_at_risk else set())


@pytest.mark.parametrize(
    ("operator", "percent", "before", "is_at_risk"),
    [
        pytest.param("<=", 9.7, None, True, id="ceiling, inside the margin"),
        pytest.param("<=", 9.0, 7.5, True, id="ceiling, rising"),
        pytest.param("<=", 9.0, 10.5, False, id="ceiling, falling"),
        pytest.param(">", 11.0, 12.0, True, id="more than: another such change lies on the threshold"),
        pytest.param("<", 9.0, 8.0, True, id="less than: another such change lies on the threshold"),
        pytest.param(">=", 11.0, 12.0, False, id="at least: on the threshold is met"),
        pytest.param("is_true", 11.0, 12.0, False, id="no rate"),
    ],
)
def test_the_operator_says_on_which_side_the_danger_lies(
    operator: str, percent: float, before: float | None, is_at_risk: bool
) -> None:
    finding = msgspec.structs.replace(at(percent, before), status=Status.MET, reason=Reason.TARGET_MET)
    change = a_change(1, finding, to=Status.MET, operator=operator, threshold=10.0)

    assert bool(cells_at_risk(LIMITS.margins[NODE], change, {})) is is_at_risk


def test_sectors_that_are_judged_by_their_sum_are_at_risk_together() -> None:
    cells = (at(95.0, 91.6, "health"), at(86.0, 91.6, "industry_trade"))
    whole = [msgspec.structs.replace(cell, status=Status.MET, reason=Reason.TARGET_MET) for cell in cells]

    assert cells_at_risk(Margin(1.0, 3.0, adds_up=True), a_change(1, *whole), {}) == {""}


def test_what_was_attested_is_never_at_risk() -> None:
    attested = msgspec.structs.replace(at(90.1), reason=Reason.ATTESTED)

    assert cells_at_risk(LIMITS.margins[NODE], a_change(1, attested), {}) == set()


def test_a_target_that_comes_near_its_threshold_opens_an_alert_of_its_own_kind() -> None:
    outcome = run(met(1, 90.2, 94.0))

    assert still_open(outcome) == {("female", AlertKind.AT_RISK)}
    assert told(outcome) == [("female", NoticeKind.AT_RISK)]
    assert outcome.steps[0].alert.breaches == 0


def test_a_target_without_a_policy_is_never_at_risk() -> None:
    assert run(met(1, 90.2, 94.0, node="xa_ntm/15.2")).steps == []


def test_a_risk_that_goes_on_is_told_once() -> None:
    outcome = run(met(1, 90.2, 94.0), met(2, 90.1, 90.2), met(3, 90.3, 90.1))

    assert told(outcome) == [("female", NoticeKind.AT_RISK)]
    assert len(outcome.alerts) == 1


def test_a_risk_that_has_passed_ends_quietly() -> None:
    outcome = run(met(1, 90.2, 94.0), met(2, 95.0, 90.2))

    last = outcome.steps[-1]
    assert (last.action, last.notice) == (AlertAction.CLOSED, NoticeKind.CLOSED)
    assert last.alert.end_reason is EndReason.NO_LONGER_AT_RISK


def test_a_cell_that_was_falling_and_has_not_moved_since_stays_at_risk() -> None:
    men = msgspec.structs.replace(MALE, before=95.0)

    outcome = run(met(1, 91.0, 92.5), a_change(2, men, at(91.0), **EVIDENCE))

    assert still_open(outcome) == {("female", AlertKind.AT_RISK)}


def test_a_risk_that_comes_true_gives_way_quietly_to_the_breach() -> None:
    outcome = run(met(1, 90.2, 94.0), a_breach(2))

    assert told(outcome) == [
        ("female", NoticeKind.AT_RISK),
        ("female", NoticeKind.CLOSED),
        ("female", NoticeKind.OPENED),
    ]
    assert outcome.steps[1].alert.end_reason is EndReason.REPLACED
    assert still_open(outcome) == {("female", AlertKind.BREACH)}


def test_a_breach_that_ends_within_the_margin_is_resolved_and_at_risk() -> None:
    outcome = run(a_breach(1), met(2, 90.1, 88.9, kind=ChangeKind.TRANSITION, from_status=Status.NOT_MET))

    assert told(outcome)[1:] == [("female", NoticeKind.RESOLVED), ("female", NoticeKind.AT_RISK)]
    assert still_open(outcome) == {("female", AlertKind.AT_RISK)}
    assert outcome.steps[-1].alert.previous == "06208:xa_ntm/15.1:female:1"


def test_a_risk_is_never_resolved() -> None:
    outcome = run(met(1, 90.2, 94.0), a_change(2, to=Status.NOT_APPLICABLE))

    assert outcome.steps[-1].alert.end_reason is EndReason.NOT_APPLICABLE
    assert NoticeKind.RESOLVED not in {notice for _, notice in told(outcome)}


def test_new_rules_that_bring_a_target_near_are_told_as_a_risk() -> None:
    outcome = run(met(1, 90.2, cause=Cause.RULESET, kind=ChangeKind.TRANSITION))

    assert told(outcome) == [("female", NoticeKind.AT_RISK)]


def test_a_risk_of_one_sex_goes_on_while_the_other_fails() -> None:
    low_men = a_cell("male", 1100, 1250)

    outcome = run(met(1, 90.2, 94.0), a_change(2, low_men, at(90.2)))

    assert still_open(outcome) == {("female", AlertKind.AT_RISK), ("male", AlertKind.BREACH)}


def test_an_open_breach_inhibits_the_risk_of_the_same_cell() -> None:
    """TestInhibiting: while the source fires, its targets are not told."""
    outcome = run(a_breach(1), a_breach(2, **EVIDENCE))

    assert told(outcome) == [("female", NoticeKind.OPENED)]


def test_missing_data_of_the_whole_inhibit_risks_and_cells_and_are_told_alone() -> None:
    """TestInhibiting: one alert of the whole instead of one for each of its cells."""
    outcome = run(met(1, 90.2, 94.0), a_change(2, *GONE))

    assert still_open(outcome) == {("", AlertKind.DATA_GAP)}
    assert told(outcome)[-1] == ("", NoticeKind.OPENED)


def test_when_the_data_of_the_whole_come_back_what_still_holds_is_told() -> None:
    """TestInhibiting: the target is notified when the source resolves."""
    back: dict[str, Any] = {
        "from_status": Status.NOT_EVALUABLE,
        "from_reason": Reason.NO_DATA,
        "kind": ChangeKind.TRANSITION,
    }

    outcome = run(met(1, 90.2, 94.0), a_change(2, *GONE), met(3, 90.2, **back))

    assert told(outcome)[-2:] == [("", NoticeKind.RESOLVED), ("female", NoticeKind.AT_RISK)]
    assert still_open(outcome) == {("female", AlertKind.AT_RISK)}


def test_a_source_that_inhibits_from_the_first_moment_on_lets_no_target_through() -> None:
    """TestAlwaysInhibiting: source and target begin together; in the end both are over and told so once."""
    before = {"from_status": Status.NOT_EVALUABLE, "from_reason": Reason.NUMERATOR_OVER_DENOMINATOR}

    outcome = run(a_change(1, *GONE), a_change(2, *GONE, **EVIDENCE), a_recovery(3, **before))

    assert told(outcome) == [("", NoticeKind.OPENED), ("", NoticeKind.RESOLVED)]
    assert still_open(outcome) == set()


def test_a_catalog_without_margins_inhibits_and_opens_nothing() -> None:
    """TestEmptyInhibitionRule: an empty rule is harmless."""
    changes = (met(1, 90.2, 94.0), a_breach(2), a_recovery(3))

    outcome = apply([], [], changes, Limits())

    assert told(outcome) == [("female", NoticeKind.OPENED), ("female", NoticeKind.RESOLVED)]


def test_a_breach_that_arrives_late_ends_where_the_risk_stands() -> None:
    first = run(met(2, 90.2, 94.0, kind=ChangeKind.TRANSITION))

    outcome = apply(first.alerts.values(), first.marks.values(), [a_breach(1)], LIMITS)

    assert [notice for _, notice in told(outcome)] == [
        NoticeKind.CLOSED,
        NoticeKind.OPENED,
        NoticeKind.RESOLVED,
        NoticeKind.AT_RISK,
    ]
    assert outcome.steps[-1].alert.is_open


def test_the_margins_of_the_shipped_catalog_are_those_of_its_indicators() -> None:
    catalog = load_catalog(SHIPPED)

    margins = Limits.of(catalog).margins

    watched = {rule.node for rule in catalog.rules if rule.indicator in catalog.policies.at_risk_by_indicator}
    assert margins.keys() == watched
    assert NODE in margins
