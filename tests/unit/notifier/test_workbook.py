import datetime as dt
import io

from python_calamine import CalamineWorkbook

from services.notifier.adapters.workbook import workbook_of
from services.notifier.domain.book import apply
from services.notifier.domain.consolidated import ReportMaterial, build_report
from services.notifier.domain.report_periods import Span
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import ReportPeriod
from shared.testing.verdicts import MORNING, a_breach


def test_a_sheet_holds_so_many_rows_and_says_that_there_are_more() -> None:
    catalog = load_catalog(SHIPPED)
    changes = [a_breach(number, unit=f"{code:05d}") for number, code in enumerate(range(6190, 6208, 3), 1)]
    alerts = list(apply((), (), changes).alerts.values())
    week = Span(dt.date(2024, 10, 14), dt.date(2024, 10, 21))
    dispatch = catalog.dispatch_by_id["caoloc-ubnd-vp-2024-09"]
    report = build_report(catalog, dispatch, ReportPeriod.WEEK, week, ReportMaterial(alerts=alerts), MORNING)

    cut, whole = (
        CalamineWorkbook.from_filelike(io.BytesIO(workbook_of(catalog, report, [], most_rows=most)))
        .get_sheet_by_name("Đang mở")
        .to_python()
        for most in (4, len(alerts))
    )

    assert len(alerts) == len(whole) - 1 == 6
    assert len(cut) == 1 + 4 + 1
    assert str(cut[-1][0]).startswith("Còn nữa: trang này chỉ ghi 4 dòng đầu")
    assert cut[1:5] == whole[1:5]
