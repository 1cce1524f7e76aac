"""What is over before anybody heard of it is told to nobody, in a forecast as by the notifier."""

import pytest

from datchuan.forecasting.alerting import Standing, alert, keys_of
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import VerdictReason, VerdictStatus
from shared.contracts.wire import VerdictChanged
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_recovery, a_silent_cell

NOT_MET, OPEN = VerdictStatus.NOT_MET, VerdictStatus.NOT_EVALUABLE
MEN = a_cell("male", 1200, 1250)


def a_silence(sequence: int) -> VerdictChanged:
    """Return: women say nothing any more."""
    return a_change(sequence, MEN, a_silent_cell("female"), from_status=NOT_MET)


def an_end(sequence: int) -> VerdictChanged:
    """Return: the chỉ tiêu does not apply any more."""
    to, reason = VerdictStatus.NOT_APPLICABLE, VerdictReason.ZERO_DENOMINATOR
    return a_change(sequence, to=to, to_reason=reason, from_status=NOT_MET)


def a_return(sequence: int) -> VerdictChanged:
    """Return: women have numbers again and are met, after a gap."""
    return a_recovery(sequence, from_status=OPEN, from_reason=VerdictReason.MISSING_SEX)


CASES = {
    "a breach": ([], [a_breach(1)], {"opened"}),
    "a breach that is open already": ([a_breach(1)], [a_breach(2, from_status=NOT_MET)], set()),
    "a breach that is met": ([a_breach(1)], [a_recovery(2)], {"resolved"}),
    "a breach that is met at once": ([], [a_breach(1), a_recovery(2)], {"opened", "resolved"}),
    "a breach that no longer applies at once": ([], [a_breach(1), an_end(2)], set()),
    "a breach whose numbers are lost": ([a_breach(1)], [a_silence(2)], {"data_lost"}),
    "a breach whose numbers are lost and back": ([a_breach(1)], [a_silence(2), a_breach(3, from_status=OPEN)], set()),
    "a gap": ([], [a_silence(1)], {"opened"}),
    "a gap that is filled at once": ([], [a_silence(1), a_return(2)], set()),
    "a gap of something waiting that is filled": ([a_silence(1)], [a_return(2)], set()),
}


@pytest.fixture(scope="module")
def planner() -> Planner:
    """Plans by the catalog that ships."""
    return Planner(load_catalog(SHIPPED), Windows())


@pytest.mark.parametrize(("before", "after", "notices"), CASES.values(), ids=CASES)
def test_of_each_course_of_events_only_what_is_sent_is_forecast(
    planner: Planner, before: list[VerdictChanged], after: list[VerdictChanged], notices: set[str]
) -> None:
    found = alert(planner, Standing(keys_of([*before, *after])), before, after, MORNING)

    assert {entry.kind.value for entry in found.entries} == notices


def test_a_gap_whose_opening_still_waits_to_be_sent_is_filled_without_a_word(planner: Planner) -> None:
    keys = keys_of([a_silence(1)])
    opened = alert(planner, Standing(keys), [], [a_silence(1)], MORNING).outcome
    alerts, marks = list(opened.alerts.values()), list(opened.marks.values())

    unsent = alert(planner, Standing(keys, alerts, marks, frozenset(opened.alerts)), [], [a_return(2)], MORNING)
    sent = alert(planner, Standing(keys, alerts, marks), [], [a_return(2)], MORNING)

    assert unsent.entries == []
    assert {entry.kind.value for entry in sent.entries} == {"resolved"}
