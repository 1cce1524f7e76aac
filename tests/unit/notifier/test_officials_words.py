"""Words that officials asked for: of a correction, of an incident, of a confirmation, of levels and places."""

import datetime as dt
from dataclasses import replace

import msgspec
import pytest

from services.notifier.domain.book import apply
from services.notifier.domain.grouping import ItemKind
from services.notifier.domain.message import compose
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.specimens import Wish, specimen
from services.notifier.domain.views import ItemView
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import EscalationPolicy, EscalationStep, Policies
from shared.contracts.vocabulary import AlertKind, Cause, NoticeKind, Role
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def wish(catalog: Catalog, node: str, role: Role, notice: NoticeKind, cell: str = "") -> Wish:
    rule = catalog.rule_for(node, MORNING.date())
    assert rule is not None
    return Wish(catalog.unit_by_id["06208"], rule, cell, role, notice)


def ended(catalog: Catalog, cause: Cause, opened_as: AlertKind = AlertKind.BREACH) -> ItemView:
    asked = wish(catalog, "xa_ntm/15.1", Role.LEAD, NoticeKind.RESOLVED, "female")
    found, material = specimen(catalog, asked, MORNING)
    (alert,) = material.alerts.values()
    alert = msgspec.structs.replace(alert, end_cause=cause, opened_as=opened_as)
    return compose(catalog, found, replace(material, alerts={alert.id: alert}), MORNING, 20).items[0]


def test_an_alert_that_rested_on_wrong_figures_is_headed_as_a_correction_and_asks_for_nothing(catalog: Catalog) -> None:
    told = ended(catalog, Cause.CORRECTION)

    assert told.word == "đã đính chính"
    assert "đã đính chính số liệu: không còn chưa đạt" in told.headline
    assert told.actions == ("Không phải xử lý thêm.",)


def test_missing_figures_that_a_correction_brought_are_not_called_a_breach(catalog: Catalog) -> None:
    told = ended(catalog, Cause.CORRECTION, AlertKind.DATA_GAP)

    assert "đã đính chính số liệu: không còn thiếu số liệu" in told.headline


def test_an_alert_that_new_figures_ended_is_a_recovery_to_be_kept(catalog: Catalog) -> None:
    told = ended(catalog, Cause.DATA)

    assert told.word == "đã đạt trở lại"
    assert told.actions == ("Tiếp tục duy trì kết quả; không phải xử lý thêm.",)


def test_what_opened_and_was_corrected_before_anybody_was_told_is_a_correction(catalog: Catalog) -> None:
    asked = wish(catalog, "xa_ntm/15.1", Role.LEAD, NoticeKind.RESOLVED, "female")
    found, material = specimen(catalog, asked, MORNING)
    (alert,) = material.alerts.values()
    alert = msgspec.structs.replace(alert, end_cause=Cause.CORRECTION)
    both = replace(found, items=(replace(found.items[0], kind=ItemKind.OPENED_AND_RESOLVED),))

    told = compose(catalog, both, replace(material, alerts={alert.id: alert}), MORNING, 20).items[0]

    assert told.word == "đã đính chính"
    assert "đã phát sinh và đã đính chính số liệu: không còn chưa đạt" in told.headline
    assert told.actions == ("Không phải xử lý thêm.",)


def test_after_an_incident_nobody_is_asked_that_it_should_not_have_happened(catalog: Catalog) -> None:
    asked = wish(catalog, "xa_ntm_nang_cao/18.5", Role.IMPLEMENTING, NoticeKind.OPENED)

    told = compose(catalog, *specimen(catalog, asked, MORNING), MORNING, 20).items[0]

    assert "Triển khai tại địa bàn: xử lý sự cố, báo cáo kết quả; không để xảy ra thêm sự cố." in told.actions


def test_what_must_be_confirmed_is_to_be_done_and_confirmed(catalog: Catalog) -> None:
    asked = wish(catalog, "xa_ntm/15.4", Role.LEAD, NoticeKind.OPENED)

    told = compose(catalog, *specimen(catalog, asked, MORNING), MORNING, 20).items[0]

    goal = "hoàn thành và xác nhận “Xã triển khai thực hiện sổ khám chữa bệnh điện tử”."
    assert told.actions[0].endswith(f"khắc phục: {goal}")


@pytest.mark.parametrize(("role", "name"), [
    (Role.SUPERIOR, "Bảo hiểm xã hội huyện Cao Lộc"),
    (Role.CONSOLIDATING, "Bảo hiểm xã hội huyện"),
])  # fmt: skip
def test_a_unit_above_many_districts_reads_of_which_one_the_others_are(catalog: Catalog, role: Role, name: str) -> None:
    asked = wish(catalog, "xa_ntm/15.1", role, NoticeKind.ESCALATED, "female")

    told = compose(catalog, *specimen(catalog, asked, MORNING), MORNING, 20).items[0]

    assert told.owners == f"Chủ trì: {name}"
    assert told.others[0].partition(" (")[0] == name


def levels(catalog: Catalog, unit: str, day: dt.date, level_vi: str | None = None) -> list[str]:
    step = EscalationStep(after_working_days=5, to_role=Role.CONSOLIDATING, level_vi=level_vi)
    known = {name: getattr(catalog.policies, name) for name in Policies.model_fields}
    policies = Policies(**known | {"escalation": (EscalationPolicy(id="p", steps=(step,)),)})
    urging = Catalog(**{name: getattr(catalog, name) for name in Catalog.model_fields} | {"policies": policies})
    now = dt.datetime.combine(day, dt.time(9, 0), MORNING.tzinfo)
    breach = a_change(1, a_cell("female"), unit=unit, as_of=day)
    (course,) = Planner(urging, Windows()).plan(apply([], [], [breach]).steps, [], now).courses
    return [step.level_vi for step in course.steps]


def with_scope(catalog: Catalog, *scope: str) -> Catalog:
    dispatches = tuple(each.model_copy(update={"scope": scope}) for each in catalog.dispatches if "183" in each.scope)
    return Catalog(**{name: getattr(catalog, name) for name in Catalog.model_fields} | {"dispatches": dispatches})


def test_an_escalation_to_a_role_names_the_level_of_the_place_that_the_dispatch_is_for(catalog: Catalog) -> None:
    day = MORNING.date()

    assert levels(catalog, "06208", day) == ["cấp huyện"]
    assert levels(with_scope(catalog, "06208"), "06208", day) == ["cấp xã"]
    assert levels(with_scope(catalog, "20"), "06208", day) == ["cấp tỉnh"]


def test_the_word_of_the_policy_for_a_level_wins(catalog: Catalog) -> None:
    assert levels(catalog, "06208", MORNING.date(), "lãnh đạo UBND huyện") == ["lãnh đạo UBND huyện"]


def test_alerts_of_one_day_under_dispatches_of_two_levels_do_not_share_their_words(catalog: Catalog) -> None:
    of_district = next(each for each in catalog.dispatches if "183" in each.scope)
    own = of_district.model_copy(update={"id": "own", "scope": ("06208",)})
    both = Catalog(
        **{name: getattr(catalog, name) for name in Catalog.model_fields} | {"dispatches": (of_district, own)}
    )
    breaches = [a_breach(1), a_breach(2, unit="06211")]

    courses = Planner(both, Windows()).plan(apply([], [], breaches).steps, [], MORNING).courses

    found = {each.alert_id[:5]: next(step.level_vi for step in each.steps if step.to_role) for each in courses}
    assert found == {"06208": "cấp xã", "06211": "cấp huyện"}
