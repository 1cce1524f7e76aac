"""What the acknowledgement page says of an alert."""

import pytest

from services.notifier.domain.alerts import Alert
from services.notifier.domain.asked_alerts import AskedAlert, asked_alert
from services.notifier.domain.book import apply
from services.notifier.domain.course import Course, acknowledge
from services.notifier.domain.limits import Limits, Margin
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import AlertKind, ChangeKind
from shared.contracts.wire import VerdictChanged
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_silent_cell

NEAR = Limits(margins={"xa_ntm/15.1": Margin(0.5, 3.0)})


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def opened(catalog: Catalog, change: VerdictChanged) -> tuple[Alert, Course | None]:
    """Return the alert that a change opens, and its course."""
    outcome = apply([], [], [change], NEAR)
    (alert,) = outcome.alerts.values()
    courses = Planner(catalog, Windows()).plan(outcome.steps, [], MORNING).courses
    return alert, courses[0] if courses else None


def shown(catalog: Catalog, change: VerdictChanged) -> AskedAlert:
    return asked_alert(catalog, *opened(catalog, change), MORNING, asks=True)


def test_a_breach_is_shown_with_its_figures_its_gap_its_target_and_the_local_deadline(catalog: Catalog) -> None:
    asked = shown(catalog, a_breach())

    assert asked.headline.startswith("Xã Thụy Hùng, huyện Cao Lộc, tỉnh Lạng Sơn: chỉ tiêu 15.1 ")
    assert asked.headline.endswith(" (nữ) – chưa đạt")
    figures, target, deadlines = asked.lines
    assert figures.startswith("Số liệu: nữ: 1.149/1.292 = 88,93 % – chưa đạt, còn thiếu 14 ")
    assert target.startswith("Yêu cầu: ≥ 90 %")
    assert deadlines.startswith("Thời hạn (quy định của địa phương; văn bản giao nhiệm vụ không ghi thời hạn): ")
    assert "hạn xác nhận đã tiếp nhận: 17:00 ngày 18/10/2024" in deadlines
    assert asked.mark == ""


def test_a_met_chi_tieu_at_risk_is_called_at_risk_and_how_near_it_is(catalog: Catalog) -> None:
    asked = shown(catalog, a_change(1, a_cell("female", 9_010, 10_000), kind=ChangeKind.EVIDENCE))

    assert asked.headline.endswith(" – có nguy cơ chưa đạt")
    assert "đạt nhưng chỉ cách ngưỡng 90 % 0,10 điểm phần trăm" in asked.lines[0]
    assert not [line for line in asked.lines if line.startswith("Thời hạn")]


def test_an_alert_without_data_says_so(catalog: Catalog) -> None:
    alert, course = opened(catalog, a_change(1, a_cell("male", 1200, 1250), a_silent_cell("female")))

    assert alert.kind is AlertKind.DATA_GAP
    assert asked_alert(catalog, alert, course, MORNING, asks=True).headline.endswith(" – thiếu số liệu")


def test_who_has_an_alert_is_said_where_it_is_not_asked_for_and_no_deadline_that_is_held(catalog: Catalog) -> None:
    alert, course = opened(catalog, a_breach())
    assert course is not None
    held = acknowledge(course, "Lê Văn C", MORNING, WorkingCalendar())
    assert held.acknowledged_until is not None

    taken = asked_alert(catalog, alert, held, MORNING, asks=False)
    lapsed = asked_alert(catalog, alert, held, held.acknowledged_until, asks=False)

    assert taken.mark.startswith("đã tiếp nhận bởi Lê Văn C lúc 09:30 ngày 15/10/2024; tạm dừng nhắc việc")
    assert not [line for line in taken.lines if line.startswith("Thời hạn")]
    assert lapsed.mark == "xác nhận qua liên kết này nay không còn hiệu lực"


def test_an_alert_of_a_unit_that_the_catalog_does_not_have_is_shown_by_its_code(catalog: Catalog) -> None:
    (alert,) = apply([], [], [a_breach(unit="00000")]).alerts.values()

    asked = asked_alert(catalog, alert, None, MORNING, asks=True)

    assert (asked.headline, asked.lines) == ("00000: xa_ntm/15.1 – chưa đạt", ())
