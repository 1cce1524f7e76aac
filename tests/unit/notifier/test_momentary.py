"""Gaps of a moment are nobody's news; gaps that stay, and everything that was ever judged, are."""

from typing import Any

from services.notifier.domain.book import apply
from services.notifier.domain.momentary import without_momentary_gaps
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import VerdictChanged
from shared.testing.verdicts import a_cell, a_change, a_silent_cell

NOTHING_YET: dict[str, Any] = {"from_status": Status.NOT_EVALUABLE, "from_reason": Reason.NO_DATA}
ONE_SEX: dict[str, Any] = {"from_status": Status.NOT_EVALUABLE, "from_reason": Reason.MISSING_SEX}


def first_of_two_sexes(sequence: int = 1) -> VerdictChanged:
    return a_change(sequence, a_cell("male", 1250), a_silent_cell("female"), to=Status.NOT_EVALUABLE, **NOTHING_YET)


def test_a_gap_that_the_next_change_fills_opens_no_alert() -> None:
    filled = a_change(2, a_cell("male", 1250), a_cell("female", 1250), **ONE_SEX)

    changes = without_momentary_gaps([first_of_two_sexes(), filled])

    assert apply([], [], changes).alerts == {}
    assert [(c.sequence, c.from_status, c.from_reason) for c in changes] == [(2, Status.NOT_EVALUABLE, Reason.NO_DATA)]


def test_a_breach_behind_the_gap_is_a_first_occurrence() -> None:
    breach = a_change(2, a_cell("male", 1250), a_cell("female", 900), **ONE_SEX)

    alerts = apply([], [], without_momentary_gaps([first_of_two_sexes(), breach])).alerts

    assert [(alert.key.cell, alert.occurrence) for alert in alerts.values()] == [("female", 1)]


def test_a_gap_that_stays_opens_an_alert() -> None:
    alerts = apply([], [], without_momentary_gaps([first_of_two_sexes()])).alerts

    assert [alert.key.cell for alert in alerts.values()] == ["female"]


def test_a_gap_after_a_verdict_is_kept_even_when_it_closes_at_once() -> None:
    lost = a_change(1, a_cell("male", 1250), a_silent_cell("female"), to=Status.NOT_EVALUABLE, from_status=Status.MET)
    back = a_change(2, a_cell("male", 1250), a_cell("female", 1250), **ONE_SEX)

    assert without_momentary_gaps([lost, back]) == [lost, back]


def test_gaps_of_other_communes_and_late_changes_are_left_alone() -> None:
    late = a_change(1, a_cell("male", 1250), a_cell("female", 900), **ONE_SEX)
    changes = [first_of_two_sexes(5), late]

    assert without_momentary_gaps(changes) == changes
