"""What every role is told of every kind of news, beside the breach of test_messages.py."""

import datetime as dt
import functools
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from services.notifier.adapters.renderer import TemplateRenderer
from services.notifier.domain.alerts import Alert
from services.notifier.domain.course import CourseState
from services.notifier.domain.grouping import group
from services.notifier.domain.ledger import DueEntry
from services.notifier.domain.mark import Mark
from services.notifier.domain.message import compose, views_of
from services.notifier.domain.payload import payload_of
from services.notifier.domain.specimens import NoSpecimenError, Wish, specimen
from services.notifier.domain.views import ItemView, Message
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import CommunePhase
from shared.contracts.vocabulary import NoticeKind, Phase, Role, VerdictReason, VerdictStatus
from shared.testing.verdicts import MORNING

GOLDEN = Path(__file__).parent / "golden"
LOCAL = "quy định của địa phương; văn bản giao nhiệm vụ không ghi thời hạn"
NODES = {"female": "xa_ntm/15.1", "industry_trade": "xa_ntm/17.10", "health": "xa_ntm/17.10"}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


@functools.cache
def renderer() -> TemplateRenderer:
    return TemplateRenderer()


def wish(catalog: Catalog, role: Role, notice: NoticeKind, cell: str = "female") -> Wish:
    rule = catalog.rule_for(NODES[cell], MORNING.date())
    assert rule is not None
    return Wish(catalog.unit_by_id["06208"], rule, cell, role, notice)


def message(catalog: Catalog, role: Role, notice: NoticeKind, cell: str = "female") -> Message:
    return compose(catalog, *specimen(catalog, wish(catalog, role, notice, cell), MORNING), MORNING, 20)


def item(catalog: Catalog, role: Role, notice: NoticeKind, cell: str = "female") -> ItemView:
    (found,) = message(catalog, role, notice, cell).items
    return found


SHOWN = [
    (Role.LEAD, NoticeKind.REMINDER, "female"),
    (Role.LEAD, NoticeKind.AT_RISK, "female"),
    (Role.DIRECTING, NoticeKind.OPENED, "industry_trade"),
    (Role.COORDINATING, NoticeKind.OPENED, "health"),
    (Role.CONSOLIDATING, NoticeKind.ESCALATED, "female"),
    (Role.IMPLEMENTING, NoticeKind.FLAPPING, "female"),
    (Role.DATA, NoticeKind.DUTY, "female"),
    (Role.INFORMED, NoticeKind.ESCALATED, "female"),
    (Role.SUPERIOR, NoticeKind.ESCALATED, "female"),
    (Role.CONSOLIDATING, NoticeKind.DRILL, "female"),
]


@pytest.mark.parametrize(("role", "notice", "cell"), SHOWN, ids=lambda value: str(value))
def test_a_notice_to_a_role_reads_as_agreed(catalog: Catalog, role: Role, notice: NoticeKind, cell: str) -> None:
    told = message(catalog, role, notice, cell)

    written = f"Subject: {told.subject}\n\n{renderer().render(told)}"

    assert written == (GOLDEN / f"{role}_{notice}.txt").read_text(encoding="utf-8")


def test_what_is_at_risk_says_how_near_it_is_and_that_it_falls(catalog: Catalog) -> None:
    subject = message(catalog, Role.LEAD, NoticeKind.AT_RISK).subject

    assert "có nguy cơ chưa đạt – 90,33 %, đạt nhưng chỉ cách ngưỡng 90 % 0,33 điểm phần trăm" in subject
    assert subject.endswith("đang giảm (trước đó 95,82 %)")


def test_what_is_at_risk_and_does_not_move_is_not_said_to_fall(catalog: Catalog) -> None:
    found, material = specimen(catalog, wish(catalog, Role.LEAD, NoticeKind.AT_RISK), MORNING)
    (alert,) = material.alerts.values()
    still = tuple(msgspec.structs.replace(cell, before=None) for cell in alert.evidence.cells)
    moved = changed(alert, evidence=msgspec.structs.replace(alert.evidence, cells=still))

    told = compose(catalog, found, replace(material, alerts={alert.id: moved}), MORNING, 20)

    assert told.subject.endswith("0,33 điểm phần trăm")


def test_a_flapping_alert_says_how_often_it_opened_and_what_comes_next(catalog: Catalog) -> None:
    subject = message(catalog, Role.LEAD, NoticeKind.FLAPPING).subject

    assert subject.endswith("dao động – đã mở lần thứ 3 kể từ 03/10/2024; từ nay chỉ báo kết quả cuối")


def test_every_later_message_about_a_flapping_alert_bears_its_mark(catalog: Catalog) -> None:
    found, material = specimen(catalog, wish(catalog, Role.LEAD, NoticeKind.RESOLVED), MORNING)
    (alert,) = material.alerts.values()
    flapping = changed(alert, flapping=True, openings=(MORNING, MORNING, MORNING))

    told = compose(catalog, found, replace(material, alerts={alert.id: flapping}), MORNING, 20)

    assert told.items[0].notes[0].startswith("Dao động: đã mở lần thứ 3")


def test_an_escalation_says_to_which_level_why_and_who_holds_the_duty(catalog: Catalog) -> None:
    told = item(catalog, Role.SUPERIOR, NoticeKind.ESCALATED)

    assert told.escalation == (
        "cấp tỉnh; chưa đạt từ 24/09/2024; đã quá 10 ngày làm việc chưa có xác nhận tiếp nhận và chưa có kết quả; "
        "chủ trì: Bảo hiểm xã hội huyện Cao Lộc"
    )


@pytest.mark.parametrize("notice", [NoticeKind.OPENED, NoticeKind.REMINDER, NoticeKind.ESCALATED, NoticeKind.DATA_LOST])
@pytest.mark.parametrize("role", [Role.LEAD, Role.CONSOLIDATING])
def test_every_deadline_says_that_it_is_local_policy(catalog: Catalog, role: Role, notice: NoticeKind) -> None:
    told = message(catalog, role, notice)

    assert told.items[0].deadlines
    whose = "" if role is Role.LEAD else "của đơn vị có trách nhiệm – "
    assert f"Thời hạn ({whose}{LOCAL}):" in renderer().render(told)
    assert LOCAL in renderer().render_html(told)


def test_deadlines_count_working_days_to_the_end_of_the_last(catalog: Catalog) -> None:
    assert item(catalog, Role.LEAD, NoticeKind.OPENED).deadlines == (
        "hạn xác nhận đã tiếp nhận: 17:00 ngày 18/10/2024",
        "hạn có kết quả: 17:00 ngày 22/10/2024; quá hạn sẽ báo cáo cấp huyện",
        "hạn có kết quả: 17:00 ngày 29/10/2024; quá hạn sẽ báo cáo cấp tỉnh",
        "nhắc việc lần 1: 17:00 ngày 22/10/2024",
    )


def test_an_acknowledged_alert_says_by_whom_and_until_when_it_holds(catalog: Catalog) -> None:
    found, material = specimen(catalog, wish(catalog, Role.CONSOLIDATING, NoticeKind.OPENED), MORNING)
    (course,) = material.courses.values()
    at = MORNING + dt.timedelta(days=1)
    held = msgspec.structs.replace(
        course,
        state=CourseState.ACKNOWLEDGED,
        acknowledged_at=at,
        acknowledged_by="Nguyễn Văn A",
        acknowledged_until=at + dt.timedelta(days=14),
    )
    lapsed = msgspec.structs.replace(held, state=CourseState.RUNNING)

    def acknowledgement(course_: object) -> str:
        courses = {course.alert_id: msgspec.convert(course_, type(course))}
        return compose(catalog, found, replace(material, courses=courses), MORNING, 20).items[0].acknowledgement

    assert acknowledgement(held) == (
        "đã tiếp nhận bởi Nguyễn Văn A lúc 09:30 ngày 16/10/2024; tạm dừng nhắc việc và báo cáo cấp trên đến "
        "09:30 ngày 30/10/2024"
    )
    assert "xác nhận đã hết thời hạn mà chưa có kết quả" in acknowledgement(lapsed)
    assert acknowledgement(course) == "chưa có đơn vị nào xác nhận đã tiếp nhận"


def test_what_is_over_has_no_deadline_and_no_link_to_confirm_it(catalog: Catalog) -> None:
    found, material = specimen(catalog, wish(catalog, Role.LEAD, NoticeKind.RESOLVED), MORNING)

    told = compose(catalog, found, material, MORNING, 20, ack_url="https://datchuan.example/ack/1")

    assert (told.items[0].deadlines, told.items[0].acknowledgement, told.ack_url) == ((), "", "")


def test_the_link_to_confirm_stands_in_text_and_html(catalog: Catalog) -> None:
    found, material = specimen(catalog, wish(catalog, Role.LEAD, NoticeKind.OPENED), MORNING)
    url = "https://datchuan.example/ack/1?a=1&b=2"

    told = compose(catalog, found, material, MORNING, 20, ack_url=url)

    assert f"\n{url}\n" in renderer().render(told)
    assert 'href="https://datchuan.example/ack/1?a=1&amp;b=2"' in renderer().render_html(told)


@pytest.mark.parametrize(
    ("role", "cell", "is_asked"),
    [
        pytest.param(Role.LEAD, "female", True, id="lead"),
        pytest.param(Role.DIRECTING, "industry_trade", True, id="directing"),
        pytest.param(Role.IMPLEMENTING, "female", False, id="implementing beside a lead"),
        pytest.param(Role.CONSOLIDATING, "female", False, id="consolidating"),
        pytest.param(Role.COORDINATING, "health", False, id="coordinating"),
    ],
)
def test_only_who_has_to_act_is_asked_to_confirm_the_receipt(
    catalog: Catalog, role: Role, cell: str, is_asked: bool
) -> None:
    found, material = specimen(catalog, wish(catalog, role, NoticeKind.OPENED, cell), MORNING)

    told = compose(catalog, found, material, MORNING, 20, "https://datchuan.example/ack/1")

    assert bool(told.ack_url) is is_asked


def test_every_message_names_the_other_units_that_get_it(catalog: Catalog) -> None:
    assert item(catalog, Role.IMPLEMENTING, NoticeKind.OPENED).others == (
        "Bảo hiểm xã hội huyện (chủ trì và rà soát, thống kê danh sách)",
        "Văn phòng HĐND và UBND huyện (tổng hợp theo dõi, đôn đốc)",
    )


def test_who_only_receives_the_dispatch_is_told_of_what_was_reported_above_and_asked_for_nothing(
    catalog: Catalog,
) -> None:
    told = item(catalog, Role.INFORMED, NoticeKind.ESCALATED)

    assert (told.purposes, told.actions) == (("để biết",), ("Không yêu cầu xử lý.",))
    assert told.citations[0].clauses[0].section == "Nơi nhận"
    assert any(name.startswith("Chủ tịch UBND huyện") for name in item(catalog, Role.LEAD, NoticeKind.ESCALATED).others)


def test_who_coordinates_is_told_with_whom(catalog: Catalog) -> None:
    told = item(catalog, Role.COORDINATING, NoticeKind.OPENED, "health")

    assert told.purposes == ("để phối hợp",)
    assert told.owners == "Trực tiếp chỉ đạo, đôn đốc: Văn phòng HĐND và UBND huyện"


def test_who_consolidates_is_told_who_leads_and_by_when(catalog: Catalog) -> None:
    told = item(catalog, Role.CONSOLIDATING, NoticeKind.OPENED)

    assert told.owners == "Chủ trì: Bảo hiểm xã hội huyện"
    assert any("hạn có kết quả" in line for line in told.deadlines)


def test_a_periodic_duty_says_that_its_period_is_local_policy(catalog: Catalog) -> None:
    told = item(catalog, Role.DATA, NoticeKind.DUTY)

    assert told.actions == ("Rà soát, thống kê danh sách thẻ BHYT theo xã, thị trấn.",)
    assert told.notes == (
        "Kỳ hạn (hằng tháng, ngày 5) là quy định của địa phương; văn bản giao nhiệm vụ không ghi thời hạn.",
        "Thời hạn hoàn thành do địa phương quy định; văn bản giao nhiệm vụ không ghi.",
    )


def test_a_dossier_lists_the_state_of_every_chi_tieu_the_worst_first(catalog: Catalog) -> None:
    phase = CommunePhase(
        unit="06208",
        standard="xa_ntm",
        phase=Phase.APPRAISAL,
        effective_from=dt.date(2024, 10, 1),
        source="Thông báo 12/TB-UBND",
    )
    appraised = catalog.model_copy(update={"policies": catalog.policies.model_copy(update={"phases": (phase,)})})
    found, material = specimen(
        appraised, wish(appraised, Role.APPRAISING, NoticeKind.DOSSIER, "industry_trade"), MORNING
    )
    marks = (mark("15.1", VerdictStatus.MET), mark("15.3", VerdictStatus.NOT_MET))

    told = compose(appraised, found, replace(material, marks={"06208": marks}), MORNING, 20).items[0]

    assert told.headline == "Xã Thụy Hùng: hồ sơ vào giai đoạn thẩm định – phần y tế của bộ tiêu chí xã nông thôn mới"
    assert told.states[0].startswith("15.3 – ")
    assert told.states[0].endswith(": chưa đạt (dưới ngưỡng)")
    assert told.states[-1].endswith(": đạt")
    assert any("chưa có số liệu" in line for line in told.states)
    assert "Thẩm định hồ sơ, đánh giá kết quả phần y tế theo nhiệm vụ được giao." in told.actions
    assert "Thông báo 12/TB-UBND" in told.notes[0]


def test_a_drill_says_in_its_subject_and_first_line_that_it_is_none(catalog: Catalog) -> None:
    told = message(catalog, Role.CONSOLIDATING, NoticeKind.DRILL)

    assert told.subject.startswith("[Đạt Chuẩn] [DIỄN TẬP] ")
    assert renderer().render(told).startswith("*** DIỄN TẬP – KHÔNG PHẢI CẢNH BÁO THẬT ***\n")


def test_the_webhook_body_has_deadlines_and_acknowledgement(catalog: Catalog) -> None:
    found, material = specimen(catalog, wish(catalog, Role.LEAD, NoticeKind.OPENED), MORNING)
    told = compose(catalog, found, material, MORNING, 20)

    body = payload_of(told, found, views_of(catalog, found, material), "d1", "<d1@x>", "text")

    assert body["items"][0]["deadlines"] == list(told.items[0].deadlines)
    assert body["items"][0]["deadlines_policy"] == LOCAL
    assert body["items"][0]["acknowledgement"] == "chưa có đơn vị nào xác nhận đã tiếp nhận"


def test_missing_data_of_several_chi_tieu_of_a_commune_is_counted_as_one_thing(catalog: Catalog) -> None:
    entries: list[DueEntry] = []
    alerts: dict[str, Alert] = {}
    for code in ("15.1", "15.3"):
        rule = catalog.rule_for(f"xa_ntm/{code}", MORNING.date())
        assert rule is not None
        cell = "female" if code == "15.1" else ""
        asked = Wish(catalog.unit_by_id["06208"], rule, cell, Role.CONSOLIDATING, NoticeKind.DATA_LOST)
        found, material = specimen(catalog, asked, MORNING)
        entries.append(found.items[0].entry)
        alerts |= material.alerts
    (both,) = group(entries, 100)

    told = compose(catalog, both, replace(material, alerts=alerts, courses={}), MORNING, 20)

    assert told.subject == "[Đạt Chuẩn] Xã Thụy Hùng: mất dữ liệu của 2 chỉ tiêu"
    assert told.overview == ("Xã Thụy Hùng: mất dữ liệu của 2 chỉ tiêu: 15.1 (nữ), 15.3",)
    assert len(told.items) == 2


def test_a_duty_names_the_unit_of_the_dispatch_and_no_commune(catalog: Catalog) -> None:
    told = message(catalog, Role.DATA, NoticeKind.DUTY)

    assert "Huyện Cao Lộc" in told.items[0].place
    assert "Thụy Hùng" not in renderer().render(told)


@pytest.mark.parametrize(("role", "done"), [(Role.CONSOLIDATING, [True, False]), (Role.SUPERIOR, [True, True])])
def test_an_escalation_shows_itself_and_those_before_it_as_done(catalog: Catalog, role: Role, done: list[bool]) -> None:
    _, material = specimen(catalog, wish(catalog, role, NoticeKind.ESCALATED), MORNING)

    (course,) = material.courses.values()
    told = [place < course.position for place, step in enumerate(course.steps) if step.kind is NoticeKind.ESCALATED]
    assert told == done


def test_there_is_no_specimen_for_a_role_that_nobody_has(catalog: Catalog) -> None:
    with pytest.raises(NoSpecimenError, match="nobody has the role lead"):
        specimen(catalog, wish(catalog, Role.LEAD, NoticeKind.OPENED, "health"), MORNING)


def changed(alert: Alert, **fields: object) -> Alert:
    return msgspec.structs.replace(alert, **fields)


def mark(code: str, status: VerdictStatus) -> Mark:
    reason = VerdictReason.TARGET_MET if status is VerdictStatus.MET else VerdictReason.BELOW_TARGET
    return Mark("06208", f"xa_ntm/{code}", status, reason, 1, MORNING)
