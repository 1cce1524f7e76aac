import datetime as dt
from typing import Any

import msgspec
import pytest

from services.notifier.domain.alerts import Alert
from services.notifier.domain.book import apply
from services.notifier.domain.consolidated import (
    NO_LEAD_VI,
    ReportMaterial,
    build_report,
    receivers_of,
    span_under,
    units_under,
)
from services.notifier.domain.course import Course, CourseState, CourseStep
from services.notifier.domain.due import DueTimes
from services.notifier.domain.duties import due_duties, duty_entries
from services.notifier.domain.report_content import Report
from services.notifier.domain.report_periods import Span
from services.notifier.domain.report_views import lines_of, report_headline
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import OfficialDispatch
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import NoticeKind, ReportPeriod, Role, VerdictReason
from shared.contracts.wire import VerdictChanged
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_recovery, a_silent_cell

WEEK = Span(dt.date(2024, 10, 14), dt.date(2024, 10, 21))
MONDAY = dt.datetime(2024, 10, 21, 1, tzinfo=dt.UTC)
HANOI = dt.timezone(dt.timedelta(hours=7))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def alerts_of(*changes: VerdictChanged) -> list[Alert]:
    return list(apply((), (), changes).alerts.values())


def the_report(catalog: Catalog, alerts: list[Alert], made_at: dt.datetime = MONDAY, **known: Any) -> Report:
    dispatch = catalog.dispatch_by_id["caoloc-ubnd-vp-2024-09"]
    material = ReportMaterial(alerts=alerts, **known)
    return build_report(catalog, dispatch, ReportPeriod.WEEK, WEEK, material, made_at)


def test_what_opened_and_ended_is_told_apart_by_the_period(catalog: Catalog) -> None:
    before = MORNING - dt.timedelta(days=7)
    later = MORNING + dt.timedelta(days=7)
    alerts = [
        *alerts_of(a_breach(1)),
        *alerts_of(a_breach(2, unit="06190", occurred_at=before), a_recovery(3, unit="06190")),
        *alerts_of(a_breach(4, unit="06193"), a_recovery(5, unit="06193", occurred_at=later)),
    ]

    report = the_report(catalog, alerts)

    assert (report.figures.opened, report.figures.resolved, report.figures.open) == (2, 1, 2)
    assert [line.ended is None for line in report.alerts] == [True, True, False]
    assert [count.amount for count in report.by_place] == [1, 1]


def test_what_has_no_lead_unit_is_counted_and_said(catalog: Catalog) -> None:
    food = a_change(1, a_cell("health", 10, 20), node="xa_ntm/17.8", from_status="met")

    report = the_report(catalog, alerts_of(food))

    assert report.figures.no_lead == report.figures.open > 0
    assert NO_LEAD_VI in lines_of(report).open[0]


@pytest.mark.parametrize(
    ("changes", "overdue", "acknowledged", "escalated"),
    [
        ({}, 1, 0, 0),
        ({"position": 1}, 1, 0, 1),
        ({"state": CourseState.ACKNOWLEDGED, "acknowledged_by": "Bà B", "acknowledged_at": MORNING}, 0, 1, 0),
    ],
)
def test_overdue_acknowledged_and_escalated_come_from_the_course_of_the_alert(
    catalog: Catalog, changes: dict[str, Any], overdue: int, acknowledged: int, escalated: int
) -> None:
    (alert,) = alerts_of(a_breach())
    step = CourseStep(MORNING + dt.timedelta(days=2), NoticeKind.ESCALATED, 1, Role.CONSOLIDATING, None, "cấp huyện")
    course = msgspec.structs.replace(Course(alert.id, "breach", MORNING, (step,)), **changes)

    figures = the_report(catalog, [alert], courses={alert.id: course}).figures

    assert (figures.overdue, figures.acknowledged, figures.escalated) == (overdue, acknowledged, escalated)


@pytest.mark.parametrize(("made_on", "overdue"), [(1, 0), (3, 1)])
def test_in_a_period_that_still_runs_only_what_is_overdue_by_now_counts_as_such(
    catalog: Catalog, made_on: int, overdue: int
) -> None:
    (alert,) = alerts_of(a_breach())
    course = Course(alert.id, "breach", MORNING, (), acknowledge_by=MORNING + dt.timedelta(days=2))

    report = the_report(catalog, [alert], MORNING + dt.timedelta(days=made_on), courses={alert.id: course})

    assert report.figures.overdue == overdue


def test_what_is_open_fails_or_lacks_data_or_is_at_risk_and_of_what_lacks_data_it_says_what_failed(
    catalog: Catalog,
) -> None:
    silent = VerdictReason.STALE_DATA
    gap = a_change(2, a_silent_cell("female", silent), a_silent_cell("male", silent), unit="06190")
    never = a_change(4, a_silent_cell("female"), a_cell("male", 1200, 1300), unit="06193")

    report = the_report(
        catalog, [*alerts_of(a_breach(1)), *alerts_of(a_breach(1, unit="06190"), gap), *alerts_of(never)]
    )

    figures = report.figures
    assert (figures.not_met, figures.missing_data, figures.lost, figures.at_risk) == (1, 2, 1, 0)
    assert figures.open == figures.not_met + figures.missing_data + figures.at_risk
    assert sorted(line.state for line in report.alerts) == [
        "chưa đạt",
        "thiếu số liệu",
        "thiếu số liệu (đang chưa đạt khi mất dữ liệu)",
    ]


def test_a_period_without_anything_is_reported_as_such(catalog: Catalog) -> None:
    report = the_report(catalog, [])

    assert report.is_nil
    assert "không có phát sinh" in report_headline(report)
    assert lines_of(report).nil == "Trong kỳ không có phát sinh."


def test_places_with_open_alerts_and_without_a_dispatch_are_named(catalog: Catalog) -> None:
    report = the_report(catalog, [], open_elsewhere=["06208", "20", "of a newer catalog"])

    assert report.without_dispatch == ("Tỉnh Lạng Sơn",)


def test_a_message_tells_a_bounded_part_and_says_how_many_there_are_beside(catalog: Catalog) -> None:
    units = units_under(catalog, catalog.dispatch_by_id["caoloc-ubnd-vp-2024-09"], WEEK.start)
    alerts = [
        alert for unit in units for alert in alerts_of(a_breach(unit=unit), a_breach(node="xa_ntm/15.2", unit=unit))
    ]

    whole = the_report(catalog, [*alerts, *alerts])
    view = lines_of(whole.shortened(50))

    assert len(view.open) == 50
    assert view.more == whole.figures.open - 50 > 0


def test_the_consolidating_unit_and_by_policy_the_informed_ones_receive_the_report(catalog: Catalog) -> None:
    dispatch = catalog.dispatch_by_id["caoloc-ubnd-vp-2024-09"]

    weekly = receivers_of(catalog, dispatch, (Role.CONSOLIDATING,), WEEK.end)
    quarterly = receivers_of(catalog, dispatch, (Role.CONSOLIDATING, Role.INFORMED), WEEK.end)

    assert [each.unit for each in weekly] == ["vp_hdnd_ubnd"]
    assert weekly[0].clauses
    assert {each.role for each in quarterly} == {Role.CONSOLIDATING, Role.INFORMED}


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2025-04-01", "2025-07-01", ("2025-04-01", "2025-07-01")),
        ("2025-06-30", "2025-07-07", ("2025-06-30", "2025-07-01")),
        ("2025-07-01", "2025-07-08", None),
        ("2024-07-01", "2024-10-01", ("2024-07-01", "2024-10-01")),
        ("2024-08-26", "2024-09-01", None),
    ],
)
def test_a_dispatch_is_reported_on_up_to_its_last_day(
    catalog: Catalog, start: str, end: str, expected: tuple[str, str] | None
) -> None:
    dispatch = catalog.dispatch_by_id["caoloc-ubnd-vp-2024-09"]

    found = span_under(dispatch, Span(dt.date.fromisoformat(start), dt.date.fromisoformat(end)))

    assert (found and (found.start.isoformat(), found.end.isoformat())) == expected


def test_the_last_reports_of_a_dispatch_go_to_who_holds_the_duty_after_its_end_and_say_that_they_are_the_last(
    catalog: Catalog,
) -> None:
    dispatch = catalog.dispatch_by_id["caoloc-ubnd-vp-2024-09"]
    office = next(unit for unit in dispatch.units if unit.id == "vp_hdnd_ubnd")
    ended = office.model_copy(update={"effective_to": dt.date(2025, 6, 30)})
    others = tuple(unit for unit in dispatch.units if unit is not office)
    without = dispatch.model_copy(update={"units": (*others, ended)})
    heir = ended.model_copy(update={"successor": others[0].id})
    handed_over = dispatch.model_copy(update={"units": (*others, heir)})
    day = dt.date(2025, 7, 1)

    def units(asked: OfficialDispatch) -> list[str]:
        return [each.unit for each in receivers_of(catalog, asked, (Role.CONSOLIDATING,), day)]

    june = Span(dt.date(2025, 6, 1), day)
    report = build_report(catalog, dispatch, ReportPeriod.MONTH, june, ReportMaterial(), MONDAY)

    assert (units(dispatch), units(without), units(handed_over)) == (["vp_hdnd_ubnd"], [], [others[0].id])
    assert report.places > 0
    assert "hết hiệu lực sau ngày 30/06/2025" in report.notes[0]
    assert "hết hiệu lực" not in " ".join(the_report(catalog, []).notes)


def test_a_duty_of_a_day_off_is_due_on_the_next_working_day_and_not_by_a_dispatch_of_another_time(
    catalog: Catalog,
) -> None:
    calendar = WorkingCalendar()

    (saturday,) = due_duties(catalog, calendar, dt.datetime(2024, 10, 7, 8, tzinfo=HANOI))
    before = due_duties(catalog, calendar, dt.datetime(2024, 8, 6, 8, tzinfo=HANOI))

    entries = duty_entries(catalog, DueTimes(catalog.policies, calendar), saturday, saturday.due_at)
    assert saturday.due_at == dt.datetime(2024, 10, 7, 8, tzinfo=HANOI)
    assert (saturday.subject, before) == ("duty:caoloc-ubnd-vp-2024-09:bhxh:c7b:2024-10", [])
    assert [(entry.kind, entry.role, entry.clauses) for entry in entries] == [(NoticeKind.DUTY, Role.DATA, ("c7b",))]
