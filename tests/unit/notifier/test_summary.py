"""The message for more news than anybody reads one by one."""

import pytest

from services.notifier.adapters.renderer import TemplateRenderer
from services.notifier.domain.specimens import Wish, specimen
from services.notifier.domain.summary import Amounts, compose_summary
from services.notifier.domain.views import Message
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import NoticeKind, Role
from shared.testing.verdicts import MORNING


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def summary(catalog: Catalog, amounts: Amounts) -> Message:
    rule = catalog.rule_for("xa_ntm/15.1", MORNING.date())
    assert rule is not None
    wish = Wish(catalog.unit_by_id["06208"], rule, "female", Role.CONSOLIDATING, NoticeKind.OPENED)
    return compose_summary(catalog, *specimen(catalog, wish, MORNING), amounts, MORNING)


def test_the_summary_counts_by_chi_tieu_and_by_place_and_tells_the_first_items_in_full(catalog: Catalog) -> None:
    by_node = {
        (NoticeKind.OPENED, "xa_ntm/15.1"): 2_000,
        (NoticeKind.RESOLVED, "xa_ntm/15.1"): 345,
        (NoticeKind.OPENED, "xa_ntm/15.3"): 100,
    }

    told = summary(catalog, Amounts(2_445, by_node, {"06208": 2_000, "06190": 445}))

    assert told.subject == ("[Đạt Chuẩn] Tin tóm tắt: 2.445 nội dung tại 2 địa bàn: 2.100 chưa đạt, 345 đã đạt trở lại")
    assert told.summary is not None
    assert told.summary.by_indicator[0] == (
        "15.1 Tỷ lệ người dân tham gia bảo hiểm y tế (áp dụng đạt cho cả nam và nữ): 2.000 chưa đạt, 345 đã đạt trở lại"
    )
    assert told.summary.by_place == ("Huyện Cao Lộc: 2.445 (Xã Thụy Hùng 2.000, Xã Bảo Lâm 445)",)
    assert len(told.items) == 1


def test_text_and_html_have_the_counts_before_the_first_items(catalog: Catalog) -> None:
    amounts = Amounts(2_445, {(NoticeKind.OPENED, "xa_ntm/15.1"): 2_445}, {"06208": 2_445})
    told = summary(catalog, amounts)
    renderer = TemplateRenderer()

    for body in (renderer.render(told), renderer.render_html(told)):
        assert body.index("TIN TÓM TẮT: 2.445 nội dung") < body.index("15.1 – Tỷ lệ")


def test_the_summary_stays_short_however_much_there_is(catalog: Catalog) -> None:
    units = {unit.id: 30 for unit in catalog.units}
    nodes = {(NoticeKind.OPENED, f"xa_ntm/{number}"): 1_000 for number in range(1_000)}

    told = summary(catalog, Amounts(1_000_000, nodes, units))

    assert told.summary is not None
    assert len(told.summary.by_indicator) == 101
    assert told.summary.by_indicator[-1] == "và 900 chỉ tiêu khác"
    assert len(TemplateRenderer().render(told)) < 200_000
