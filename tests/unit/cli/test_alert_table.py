"""Alerts listed for people, on screens of any width."""

import datetime as dt
import io
from dataclasses import replace

import msgspec
import pytest

from datchuan.cli.alert_table import print_alerts
from datchuan.cli.output import Screen
from services.notifier.adapters.alert_pages import AlertState, AlertView
from services.notifier.domain.alerts import EndReason
from services.notifier.domain.book import apply
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.testing.verdicts import MORNING, a_breach

WHO = "Trần Văn D, Phó Giám đốc Bảo hiểm xã hội huyện Cao Lộc"
ALERT = "06208:xa_ntm_nang_cao/14.1:female:1"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def a_view() -> AlertView:
    (alert,) = apply([], [], [a_breach(node="xa_ntm_nang_cao/14.1")]).alerts.values()
    return AlertView(alert, AlertState.ACKNOWLEDGED, (), MORNING, WHO, MORNING + dt.timedelta(days=10))


def printed(catalog: Catalog, view: AlertView, width: int) -> str:
    file = io.StringIO()
    print_alerts(Screen(file, width), catalog, [view])
    return file.getvalue()


@pytest.mark.parametrize("width", [20, 60, 80, 100, 120, 160, 240])
def test_no_id_is_broken_on_a_screen_of_any_width(catalog: Catalog, width: int) -> None:
    assert ALERT in printed(catalog, a_view(), width)


def test_a_wide_screen_shows_a_table_and_a_narrow_one_a_paragraph_for_each_alert(catalog: Catalog) -> None:
    wide, narrow = printed(catalog, a_view(), 160), printed(catalog, a_view(), 80)

    assert "┃" in wide
    assert narrow.splitlines()[1:4] == [ALERT, "  trạng thái / state: acknowledged", "  loại / kind: breach"]


def test_only_of_what_has_ended_the_list_says_when(catalog: Catalog) -> None:
    ended_at = dt.datetime(2024, 10, 16, 2, 0, tzinfo=dt.UTC)
    alert = msgspec.structs.replace(a_view().alert, ended_at=ended_at, end_reason=EndReason.MET)

    ended = printed(catalog, replace(a_view(), alert=alert, state=AlertState.ENDED, acknowledged_at=None), 80)

    assert "  kết thúc / ended: 2024-10-16 09:00 (met)" in ended
    assert "kết thúc / ended" not in printed(catalog, a_view(), 80)


def test_of_no_alerts_there_is_a_table_without_rows(catalog: Catalog) -> None:
    file = io.StringIO()

    print_alerts(Screen(file, 160), catalog, [])

    assert "cảnh báo / alerts: 0" in file.getvalue()
