import datetime as dt
import functools
from pathlib import Path
from typing import Any

import pytest

from services.notifier.adapters.renderer import TemplateRenderer
from services.notifier.domain.book import apply
from services.notifier.domain.grouping import ItemKind, group
from services.notifier.domain.ledger import DueEntry, Entry
from services.notifier.domain.material import Material, RollupChange
from services.notifier.domain.message import compose, views_of
from services.notifier.domain.payload import payload_of
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.views import Message
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import Cause, NodeKind
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import CellFinding, VerdictChanged
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_recovery, a_silent_cell

GOLDEN = Path(__file__).parent / "golden"
BHXH = "bhxh.caoloc@langson.example"
OFFICE = "vanphong.caoloc@langson.example"
COMMUNE = "ubnd.xa.thuyhung.caoloc@langson.example"
Threads = dict[tuple[str, str], tuple[str, ...]]
CENTRE = "ttyt.caoloc@langson.example"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


@functools.cache
def renderer() -> TemplateRenderer:
    return TemplateRenderer()


def due(entry: Entry, number: int) -> DueEntry:
    assert entry.channel is not None
    taken = {name: getattr(entry, name) for name in DueEntry.__dataclass_fields__ if name != "id"}
    return DueEntry(id=number, **taken)


def messages(catalog: Catalog, *changes: VerdictChanged, threads: Threads | None = None) -> dict[str, Message]:
    outcome = apply([], [], changes)
    entries = Planner(catalog, Windows()).plan(outcome.steps, outcome.rollups, MORNING).entries
    rollups = {(change.unit, change.node, change.sequence): rollup(change) for change in outcome.rollups}
    material = Material(
        alerts=outcome.alerts,
        rollups=rollups,
        consequences={alert_id: tuple(rollups.values()) for alert_id in outcome.alerts},
        threads=threads or {},
    )
    groups = group((due(entry, number) for number, entry in enumerate(entries)), 100)
    return {each.address: compose(catalog, each, material, MORNING + dt.timedelta(hours=1), 20) for each in groups}


def rollup(change: VerdictChanged) -> RollupChange:
    return RollupChange(**{name: getattr(change, name) for name in RollupChange.__dataclass_fields__})


def as_text(message: Message) -> str:
    return f"Subject: {message.subject}\n\n{renderer().render(message)}"


def fall() -> tuple[VerdictChanged, ...]:
    node: dict[str, Any] = {
        "operator": None,
        "threshold": None,
        "to_reason": Reason.CHILD_NOT_MET,
        "to": Status.NOT_MET,
    }
    return (
        a_breach(1),
        a_change(2, node="xa_ntm/15", node_kind=NodeKind.CRITERION, **node),
        a_change(3, node="xa_ntm", node_kind=NodeKind.STANDARD, **node),
    )


def failing(cell: str, reason: Reason, **numbers: Any) -> CellFinding:
    return CellFinding(cell=cell, status=Status.NOT_MET, reason=reason, **numbers)


@pytest.mark.parametrize(
    ("address", "file"),
    [
        pytest.param(BHXH, "breach_lead.txt", id="lead"),
        pytest.param(OFFICE, "breach_consolidating.txt", id="consolidating"),
        pytest.param(COMMUNE, "breach_implementing.txt", id="implementing"),
    ],
)
def test_the_mail_of_a_role_reads_as_agreed(catalog: Catalog, address: str, file: str) -> None:
    written = as_text(messages(catalog, *fall())[address])

    assert written == (GOLDEN / file).read_text(encoding="utf-8")


HEADLINES = {
    "a rate": (a_breach(), BHXH, "15.1 người dân tham gia BHYT (nữ) 88,93 % < 90 % – còn thiếu 14 nữ tham gia BHYT"),
    "a ceiling": (
        a_change(
            1,
            failing("", Reason.ABOVE_CEILING, numerator=261, denominator=1000, gap=21),
            node="xa_ntm/15.3",
            operator="<=",
            threshold=24.0,
        ),
        CENTRE,
        (
            "15.3 trẻ em dưới 5 tuổi bị SDD thể thấp còi 26,10 % > 24 % – "
            "vượt 21 trẻ dưới 5 tuổi bị suy dinh dưỡng thể thấp còi"
        ),
    ),
    "a certificate": (
        a_change(
            1,
            failing("", Reason.CERTIFICATE_EXPIRED, value=1.0),
            node="xa_ntm/15.2",
            operator="certificate_valid",
            threshold=None,
            cause=Cause.CLOCK,
        ),
        CENTRE,
        "15.2 Xã đạt tiêu chí quốc gia về y tế – quyết định công nhận đã hết hiệu lực",
    ),
    "an incident": (
        a_change(
            1,
            failing("health", Reason.INCIDENT_OPEN, value=2.0),
            node="xa_ntm_nang_cao/18.5",
            operator="no_event_in_window",
            threshold=0.0,
        ),
        CENTRE,
        "18.5 Sự cố về ATTP trên địa bàn (ngành Y tế) 2 sự cố",
    ),
    "an attestation": (
        a_change(
            1,
            failing("", Reason.ATTESTED_NOT, value=0.0),
            node="xa_ntm/15.4",
            operator="is_true",
            threshold=None,
            ruleset="R211",
        ),
        CENTRE,
        "15.4 Sổ KCB điện tử – được xác nhận là chưa thực hiện",
    ),
    "a missing sex": (
        a_change(1, a_cell("male", 1200, 1250), a_silent_cell("female")),
        BHXH,
        "15.1 người dân tham gia BHYT (nữ) – thiếu số liệu",
    ),
}


@pytest.mark.parametrize("name", HEADLINES)
def test_the_subject_says_where_what_and_how_much_is_missing(catalog: Catalog, name: str) -> None:
    change, address, words = HEADLINES[name]

    assert messages(catalog, change)[address].subject == f"[Đạt Chuẩn] Xã Thụy Hùng: chỉ tiêu {words}"


def test_a_change_of_the_rules_is_never_worded_as_deterioration(catalog: Catalog) -> None:
    cell = a_silent_cell("", Reason.NO_ATTESTATION)
    change = a_change(
        1, cell, node="xa_ntm/15.4", ruleset="R211", cause=Cause.RULESET, operator="is_true", threshold=None
    )

    written = as_text(messages(catalog, change)[CENTRE])

    assert "thay đổi quy định theo 211/QĐ-TTg, không phải suy giảm" in written
    assert "hiệu lực từ 01/03/2024" in written


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        pytest.param(Cause.DATA, "(nữ) đã đạt trở lại (91,02 %)", id="data"),
        pytest.param(Cause.CORRECTION, "(nữ) đã đính chính số liệu: không còn chưa đạt (91,02 %)", id="correction"),
        pytest.param(Cause.RULESET, "(nữ) đạt theo quy định mới (số liệu không đổi) (91,02 %)", id="ruleset"),
    ],
)
def test_the_end_of_an_alert_says_why(catalog: Catalog, cause: Cause, words: str) -> None:
    first = apply([], [], [a_breach()])
    outcome = apply(first.alerts.values(), first.marks.values(), [a_recovery(2, cause=cause)])
    entries = Planner(catalog, Windows()).plan(outcome.steps, [], MORNING).entries
    (told, *_) = group((due(entry, number) for number, entry in enumerate(entries)), 100)

    message = compose(catalog, told, Material(alerts=outcome.alerts), MORNING, 20)

    assert message.subject.endswith(words)


def test_a_breach_and_its_end_in_one_message_are_one_item(catalog: Catalog) -> None:
    message = messages(catalog, a_breach(), a_recovery())[BHXH]

    assert [item.kind for item in message.items] == [ItemKind.OPENED_AND_RESOLVED]
    assert message.subject.endswith("đã phát sinh và đã khắc phục (91,02 %)")


def test_a_breach_that_lost_its_data_is_told_as_lost_data(catalog: Catalog) -> None:
    first = apply([], [], [a_breach()])
    silent = a_change(2, a_cell("male", 1200, 1250), a_silent_cell("female"), from_status=Status.NOT_MET)
    outcome = apply(first.alerts.values(), first.marks.values(), [silent])
    entries = Planner(catalog, Windows()).plan(outcome.steps, [], MORNING).entries
    (told, *_) = group((due(entry, number) for number, entry in enumerate(entries)), 100)

    message = compose(catalog, told, Material(alerts=outcome.alerts), MORNING, 20)

    assert message.subject.endswith("(nữ): mất dữ liệu, cảnh báo chưa đạt vẫn mở")


def test_several_alerts_of_one_addressee_are_numbered_items_under_a_counting_subject(catalog: Catalog) -> None:
    message = messages(
        catalog, a_breach(1), a_breach(2, unit="06190"), a_change(3, a_silent_cell("male"), unit="06193")
    )[BHXH]

    assert message.subject == "[Đạt Chuẩn] 3 nội dung tại 3 địa bàn: 2 chưa đạt, 1 thiếu số liệu"
    assert "\n2. THIẾU SỐ LIỆU\n" in as_text(message)


def test_a_very_long_message_tells_the_rest_by_headline(catalog: Catalog) -> None:
    codes = [f"{code:05d}" for code in range(6190, 6251, 3) if code != 6229]

    message = messages(catalog, *(a_breach(number, unit=unit) for number, unit in enumerate(codes, 1)))[OFFICE]

    assert (len(message.items), len(message.brief)) == (20, len(codes) - 20)
    assert all(line in as_text(message) for line in message.brief)


def test_who_has_no_lead_unit_is_told_so_in_the_words_of_the_dispatch(catalog: Catalog) -> None:
    change = a_change(
        1,
        failing("health", Reason.BELOW_TARGET, numerator=20, denominator=25, gap=5),
        node="xa_ntm/17.10",
        threshold=100.0,
    )

    written = messages(catalog, change)

    assert "Chưa có đơn vị chủ trì theo công văn." in as_text(written[OFFICE])
    assert "Chưa có đơn vị chủ trì" not in as_text(written[CENTRE])


def test_a_message_follows_the_earlier_ones_about_the_same_alert(catalog: Catalog) -> None:
    earlier: Threads = {(BHXH, "06208:xa_ntm/15.1:female:1"): ("<a@x>", "<b@x>")}

    written = messages(catalog, a_breach(), threads=earlier)

    assert written[BHXH].references == ("<a@x>", "<b@x>")
    assert written[OFFICE].references == ()


def test_no_message_claims_the_title(catalog: Catalog) -> None:
    for message in messages(catalog, *fall()).values():
        written = as_text(message)
        assert "Chỉ phản ánh phần y tế; không phải kết luận công nhận nông thôn mới." in written
        assert "đạt chuẩn nông thôn mới" not in written.lower()


def test_every_legal_number_has_its_source_and_confidence_beside_it(catalog: Catalog) -> None:
    item = messages(catalog, a_breach())[BHXH].items[0]

    assert item.basis == "QĐ 318/QĐ-TTg 8/3/2022, Phụ lục I, tiêu chí 15"
    assert "ngưỡng chung: đã kiểm chứng qua nguồn đọc được" in item.confidence
    assert "ngưỡng theo vùng: nhớ lại, chưa thấy văn bản" in item.confidence
    assert "số hiệu chỉ tiêu: nhớ lại" in item.confidence


def test_the_webhook_body_has_the_facts_with_stable_keys(catalog: Catalog) -> None:
    outcome = apply([], [], [a_breach()])
    entries = Planner(catalog, Windows()).plan(outcome.steps, [], MORNING).entries
    (told, *_) = group((due(entry, number) for number, entry in enumerate(entries)), 100)
    material = Material(alerts=outcome.alerts)
    message = compose(catalog, told, material, MORNING, 20)

    body = payload_of(message, told, views_of(catalog, told, material), "d1", "<d1@x>", "text")

    (item,) = body["items"]
    assert (item["kind"], item["unit"], item["node"], item["cell"]) == ("opened", "06208", "xa_ntm/15.1", "female")
    assert item["alert"]["threshold"] == 90.0
    assert item["duties"][0] == {
        "responsible_unit": "bhxh",
        "role": "lead",
        "dispatch": "caoloc-ubnd-vp-2024-09",
        "clauses": ["c7a"],
    }


def test_the_webhook_body_has_the_facts_of_items_that_the_text_tells_by_headline_only(catalog: Catalog) -> None:
    outcome = apply([], [], [a_breach(number, unit=unit) for number, unit in enumerate(("06190", "06193", "06208"), 1)])
    entries = Planner(catalog, Windows()).plan(outcome.steps, [], MORNING).entries
    told = next(g for g in group((due(entry, n) for n, entry in enumerate(entries)), 100) if g.address == BHXH)
    material = Material(alerts=outcome.alerts)
    message = compose(catalog, told, material, MORNING, 1)

    body = payload_of(message, told, views_of(catalog, told, material), "d1", "<d1@x>", "text")

    assert [(item["unit"], item["node"], item["cell"], item["alert"]["id"]) for item in body["items"]] == [
        (unit, "xa_ntm/15.1", "female", f"{unit}:xa_ntm/15.1:female:1") for unit in ("06190", "06193", "06208")
    ]
    assert len(body["brief"]) == 2


def test_the_same_duty_is_quoted_once(catalog: Catalog) -> None:
    written = as_text(messages(catalog, a_breach(1), a_breach(2, unit="06190"))[BHXH])

    assert written.count("truyền truyền người dân tham gia bảo hiểm y tế") == 1
    assert "Nhiệm vụ được giao: như nội dung 1." in written


def test_a_target_missed_again_says_how_often_and_a_gap_before_it_does_not_count(catalog: Catalog) -> None:
    gap = a_change(1, a_cell("male", 1200, 1250), a_silent_cell("female"))

    once = messages(catalog, gap, a_breach(2))[BHXH]
    twice = messages(catalog, a_breach(1), a_recovery(2), a_breach(3))[BHXH]

    assert [item.since for item in once.items if item.word == "chưa đạt"] == ["15/10/2024"]
    assert "15/10/2024 (lần chưa đạt thứ 2)" in [item.since for item in twice.items]


def test_a_group_that_falls_short_while_another_is_silent_says_that_the_whole_has_no_verdict_yet(
    catalog: Catalog,
) -> None:
    change = a_change(1, a_silent_cell("male"), a_cell("female", 900), to=Status.NOT_EVALUABLE)

    items = messages(catalog, change)[BHXH].items

    breach = next(item for item in items if item.word == "chưa đạt")
    assert breach.notes[0].startswith("Kết luận của cả chỉ tiêu: chưa đánh giá được (")


def test_a_condition_on_men_and_women_is_explained_in_one_message_to_its_one_owner(catalog: Catalog) -> None:
    change = a_change(1, a_cell("male", 1100, 1250), a_cell("female"))

    message = messages(catalog, change)[BHXH]

    assert message.addressees == ("Bảo hiểm xã hội huyện",)
    assert {item.headline.partition(" BHYT ")[2].partition(" ")[0] for item in message.items} == {"(nam)", "(nữ)"}
    for item in message.items:
        assert item.requirement == "≥ 90 %, áp dụng cho cả nam và nữ"
        assert [line.partition(":")[0] for line in item.cells] == ["nam", "nữ"]


def test_what_one_group_reaches_and_another_misses_is_one_item_that_shows_both(catalog: Catalog) -> None:
    (item,) = messages(catalog, a_breach())[BHXH].items

    assert item.cells == (
        "nam: 1.200/1.250 = 96,00 % – đạt",
        "nữ: 1.149/1.292 = 88,93 % – chưa đạt, còn thiếu 14 nữ tham gia BHYT",
    )
