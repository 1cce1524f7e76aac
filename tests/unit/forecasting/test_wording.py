import datetime as dt

import pytest

from datchuan.forecasting.alerting import Standing, alert, keys_of
from datchuan.forecasting.judging import Known, judge
from datchuan.forecasting.wording import alert_forecasts, verdict_forecasts
from services.evaluator.domain.engine import Engine
from services.evaluator.domain.telling import verdicts_of
from services.ingest.domain.forecast import AlertForecast, VerdictForecast
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.wire import IndicatorReported
from shared.testing.factories import NOON, a_report
from shared.testing.verdicts import MORNING

TODAY = dt.date(2024, 10, 15)
UNIT = "06208"
MEN = a_report(1, cell="male", numerator=950)
WOMEN = a_report(2, cell="female", numerator=950)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The catalog that ships."""
    return load_catalog(SHIPPED)


def foretell(
    catalog: Catalog, facts: list[IndicatorReported], *reports: IndicatorReported
) -> tuple[list[VerdictForecast], list[AlertForecast]]:
    """Return what reports would change of a commune whose stored verdicts rest on `facts`, and who would be told."""
    verdicts = verdicts_of(Engine(catalog, TODAY).restore(facts, {}, NOON))
    known = Known(facts, {key: verdict for key, verdict in verdicts.items() if key[0] == UNIT})
    judged = judge(catalog, [UNIT], known, reports, TODAY, NOON)
    standing = Standing(keys_of(judged.after))
    alerted = alert(Planner(catalog, Windows()), standing, judged.before, judged.after, MORNING)
    return verdict_forecasts(catalog, judged.after), alert_forecasts(catalog, alerted)


def test_a_fall_names_the_commune_the_rate_and_how_many_are_missing(catalog: Catalog) -> None:
    verdicts, _ = foretell(catalog, [MEN, WOMEN], a_report(3, cell="female", numerator=883))

    (found,) = (each for each in verdicts if each.node == "xa_ntm/15.1")
    assert (found.from_status, found.to_status, found.reason, found.gap) == ("met", "not_met", "below_target", 17)
    assert found.unit_name_vi == "Xã Thụy Hùng"
    assert found.text_vi == (
        "Xã Thụy Hùng: chỉ tiêu 15.1 người dân tham gia BHYT: đạt → chưa đạt "
        "(nữ: 883/1.000 = 88,30 % – chưa đạt, còn thiếu 17 nữ tham gia BHYT)"
    )


def test_a_fall_is_told_to_the_units_of_the_dispatch_in_the_words_of_the_mail(catalog: Catalog) -> None:
    _, alerts = foretell(catalog, [MEN, WOMEN], a_report(3, cell="female", numerator=883))

    (lead,) = (each for each in alerts if each.node == "xa_ntm/15.1" and each.role == "lead")
    assert (lead.cell, lead.notice, lead.channel, lead.unroutable) == ("female", "opened", "mail", "")
    assert (lead.addressee_vi, lead.dispatch) == ("Bảo hiểm xã hội huyện", "caoloc-ubnd-vp-2024-09")
    assert lead.role_vi == "chủ trì"
    assert lead.clause
    assert "còn thiếu 17 nữ tham gia BHYT" in lead.text_vi
    assert "@" not in repr(alerts)


def test_numbers_that_move_while_the_verdict_stands_change_nothing_and_tell_nobody(catalog: Catalog) -> None:
    facts = [MEN, a_report(2, cell="female", numerator=883)]
    verdicts = verdicts_of(Engine(catalog, TODAY).restore(facts, {}, NOON))
    known = Known(facts, {key: verdict for key, verdict in verdicts.items() if key[0] == UNIT})
    first = judge(catalog, [UNIT], Known([], None), facts, TODAY, NOON)
    judged = judge(catalog, [UNIT], known, [a_report(3, cell="female", numerator=800)], TODAY, NOON)
    standing = Standing(keys_of([*first.after, *judged.after]))

    alerted = alert(Planner(catalog, Windows()), standing, first.after, judged.after, MORNING)

    assert judged.after  # the numbers did move
    assert verdict_forecasts(catalog, judged.after) == []
    assert alert_forecasts(catalog, alerted) == []


def test_an_older_report_that_comes_late_changes_nothing(catalog: Catalog) -> None:
    august = {"period_start": dt.date(2024, 8, 1), "period_end": dt.date(2024, 8, 31)}

    assert foretell(catalog, [MEN, WOMEN], a_report(3, cell="female", numerator=100, **august)) == ([], [])


def test_no_forecast_says_that_a_commune_holds_the_title(catalog: Catalog) -> None:
    verdicts, alerts = foretell(catalog, [], MEN, WOMEN)

    texts = [text for each in verdicts for text in (each.text_vi, each.node_name_vi)] + [a.text_vi for a in alerts]
    assert texts
    assert [text for text in texts if "xã đạt chuẩn" in text.lower()] == []
    rolled_up = [each for each in verdicts if "." not in each.node]
    assert [each for each in rolled_up if not each.node_name_vi.startswith("phần y tế của")] == []
