"""Consolidated reports and reminders of periodic duties, from the calendar to the mail with its workbook."""

import asyncio
import datetime as dt
import io
import json
import zipfile
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.header import decode_header, make_header
from typing import Any

import pytest
from pydantic import SecretStr
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.audit_chain import SqlAuditChain
from services.notifier.adapters.mime import mail_of
from services.notifier.adapters.report_store import SqlReportStore
from services.notifier.adapters.workbook import workbook_of
from services.notifier.domain.delivery import Delivery, Sent
from services.notifier.handlers.reporting import ReportKeeper, ReportMaker
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import Policies
from shared.contracts.vocabulary import Channel, ReportPeriod
from shared.runtime.database import create_database
from shared.testing.clocks import ManualClock
from shared.testing.verdicts import MORNING, a_breach, a_recovery
from tests.integration.notifier.office import Office

pytestmark = pytest.mark.integration

HANOI = dt.timezone(dt.timedelta(hours=7))
CHAU = "vanphong.caoloc@langson.example"
DAY, WEEK = "day", "week"


def at(day: int, hour: int = 8, minute: int = 0, month: int = 10) -> dt.datetime:
    return dt.datetime(2024, month, day, hour, minute, tzinfo=HANOI)


def catalog_with(*periods: ReportPeriod) -> Catalog:
    """The shipped catalog with reports of some periods, and nothing else that waits; without any, with its duties."""
    shipped = load_catalog(SHIPPED)
    policies = shipped.policies
    wanted = tuple(report for report in policies.reports if report.period in periods)
    own = Policies(roles=policies.roles, reports=wanted, duties=() if periods else policies.duties)
    return Catalog(**{name: getattr(shipped, name) for name in Catalog.model_fields} | {"policies": own})


class Desk(Office):
    """An office that also makes reports."""

    def __init__(self, engine: AsyncEngine, *periods: ReportPeriod) -> None:
        super().__init__(engine, catalog_with(*periods), ManualClock(MORNING))
        self.store = SqlReportStore(engine)

    def keeper(self) -> ReportKeeper:
        """A notifier that has just started."""
        maker = ReportMaker(self.store, self.catalog, workbook_of)
        return ReportKeeper(self.store, maker, self.catalog, self.metrics, self.clock)

    async def keep(self, moment: dt.datetime) -> int:
        """Make what is due at a moment."""
        self.clock.set(moment)
        return await self.keeper().keep_due()

    async def mails(self) -> list[Delivery]:
        """Group what waits at once, whenever it is due, and return the mails; all are sent."""
        async with self.engine.begin() as connection:
            await connection.execute(text("UPDATE notifier.ledger SET due_at = now() WHERE status = 'waiting'"))
        while await self.group():
            pass
        taken = await self.outbox.take(Channel.MAIL, 100)
        for delivery in taken:
            await self.outbox.settle(delivery, Sent("250 kept"))
        return taken

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database answers."""
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_database(SecretStr(database_url), "test", pool_size=6)
    yield engine
    await engine.dispose()


@pytest.fixture
def desk(engine: AsyncEngine) -> Desk:
    return Desk(engine, ReportPeriod.WEEK)


def sheet_of(delivery: Delivery, name: str) -> list[list[Any]]:
    (attachment,) = delivery.attachments
    book = CalamineWorkbook.from_filelike(io.BytesIO(attachment.content))
    return book.get_sheet_by_name(name).to_python()


async def test_the_weekly_report_comes_on_the_first_working_day_after_the_week_and_not_before(desk: Desk) -> None:
    await desk.tell(a_breach())

    before = await desk.keep(at(21, 7, 59))
    then = await desk.keep(at(21, 8))
    again = await desk.keep(at(21, 9))

    assert (before, then, again) == (0, 1, 0)
    (found,) = await desk.store.reports()
    assert (found.id, found.period_start) == (
        "report:caoloc-ubnd-vp-2024-09:vp_hdnd_ubnd:week:2024-10-14",
        dt.date(2024, 10, 14),
    )


async def test_the_report_is_a_mail_of_its_own_with_numbers_clauses_the_audits_hash_and_a_workbook(desk: Desk) -> None:
    await desk.tell(a_breach())
    await desk.mails()
    await SqlAuditChain(desk.engine).seal()
    await desk.keep(at(21))

    (mail,) = [mail for mail in await desk.mails() if mail.attachments]

    head = (await desk.rows("SELECT hash FROM notifier.audit_block"))[0][0]
    assert mail.address == CHAU
    assert mail.subject.startswith("[Đạt Chuẩn] Báo cáo tổng hợp tuần từ 14/10/2024 đến 20/10/2024 – Huyện Cao Lộc")
    for words in ("Phát sinh trong kỳ: 1", "Đang mở cuối kỳ: 1", "Xã Thụy Hùng: 15.1", head, "mục 1", "địa phương"):
        assert words in mail.body
    summary = {row[0]: row[1] for row in sheet_of(mail, "Tổng hợp")}
    assert (summary["Phát sinh trong kỳ"], summary["Đang mở cuối kỳ"]) == (1, 1)
    assert summary["Từ ngày"] == dt.date(2024, 10, 14)
    opened = dict(zip(*sheet_of(mail, "Đang mở")[:2], strict=True))
    assert (opened["Địa bàn"], opened["Tử số"], opened["Mẫu số"]) == ("Xã Thụy Hùng", 1149, 1292)
    trail = sheet_of(mail, "Diễn biến")
    assert any("250 kept" in row for row in trail)
    assert any("phát sinh: mở cảnh báo" in row for row in trail)
    assert sheet_of(mail, "Nguồn")[1][3]


async def test_the_mail_that_leaves_carries_the_workbook_under_its_name(desk: Desk) -> None:
    await desk.tell(a_breach())
    await desk.keep(at(21))
    (report,) = [mail for mail in await desk.mails() if mail.attachments]

    parts = list(message_from_bytes(mail_of(report, "Đạt Chuẩn <datchuan@langson.example>")).walk())

    names = [str(make_header(decode_header(name))) for part in parts if (name := part.get_filename())]
    assert names == ["bao-cao-caoloc-ubnd-vp-2024-09-week-2024-10-14.xlsx"]
    (file,) = [part for part in parts if part.get_filename()]
    assert file.get_payload(decode=True) == report.attachments[0].content


async def test_a_week_in_which_nothing_happened_is_reported_too(desk: Desk) -> None:
    await desk.tell(a_breach())
    await desk.tell(a_recovery())
    await desk.keep(at(21))
    await desk.mails()

    made = await desk.keep(at(28))

    (mail,) = await desk.mails()
    assert made == 1
    assert "không có phát sinh" in mail.subject
    assert "Trong kỳ không có phát sinh." in mail.body
    assert ["Kết quả", "Trong kỳ không có phát sinh."] in sheet_of(mail, "Tổng hợp")


async def test_what_was_opened_and_resolved_within_the_week_is_counted(desk: Desk) -> None:
    await desk.tell(a_breach())
    await desk.tell(a_recovery())
    await desk.keep(at(21))

    (mail,) = [mail for mail in await desk.mails() if mail.attachments]

    assert "Phát sinh trong kỳ: 1" in mail.body
    assert "Đã khắc phục trong kỳ: 1" in mail.body
    assert "Đang mở cuối kỳ: 0" in mail.body


async def test_after_weeks_of_outage_only_the_last_report_is_made_and_says_which_are_missing(desk: Desk) -> None:
    await desk.tell(a_breach())
    await desk.keep(at(21))
    await desk.mails()

    made = await desk.keep(at(18, month=11))

    (mail,) = await desk.mails()
    assert made == 1
    assert "tuần từ 11/11/2024 đến 17/11/2024" in mail.subject
    assert "Từ 21/10/2024 đến 10/11/2024 hệ thống không lập được báo cáo tuần" in mail.body


async def test_the_last_month_of_a_dispatch_is_reported_on_the_day_after_its_end(engine: AsyncEngine) -> None:
    desk = Desk(engine, ReportPeriod.MONTH)
    await desk.tell(a_breach(1))

    made = await desk.keep(dt.datetime(2025, 7, 1, 8, tzinfo=HANOI))

    assert made == 2  # both shipped dispatches end that day
    ids = await desk.rows("SELECT id FROM notifier.report ORDER BY id")
    assert ids[0] == ("report:caoloc-ubnd-vp-2024-09:vp_hdnd_ubnd:month:2025-06-01",)
    assert await desk.keep(dt.datetime(2025, 8, 1, 8, tzinfo=HANOI)) == 0


async def test_nothing_is_reported_of_a_time_of_which_nothing_is_known(desk: Desk) -> None:
    made_of_nothing = await desk.keep(at(14))
    await desk.tell(a_breach())

    made_of_the_week_before = await desk.keep(at(15, 10))

    assert (made_of_nothing, made_of_the_week_before) == (0, 0)


async def test_replicas_that_report_at_once_make_each_report_and_each_entry_once(desk: Desk) -> None:
    await desk.tell(a_breach())
    desk.clock.set(at(21))

    made = await asyncio.gather(*(desk.keeper().keep_due() for _ in range(4)))

    entries = await desk.rows("SELECT subject, address FROM notifier.ledger WHERE kind = 'report'")
    lines = await desk.rows("SELECT details FROM notifier.audit WHERE kind = 'reported'")
    assert sum(made) == len(entries) == len(lines) == 1
    assert json.loads(lines[0][0])["addresses"] == [CHAU]


async def test_the_daily_report_of_a_monday_covers_the_days_off_before_it(engine: AsyncEngine) -> None:
    desk = Desk(engine, ReportPeriod.DAY)
    await desk.tell(a_breach())

    made = [await desk.keep(at(day, 9)) for day in (18, 19, 20, 21)]

    reports = [(found.period_start, found.period_end) for found in await desk.store.reports()]
    assert made == [1, 0, 0, 1]
    assert sorted(reports) == [
        (dt.date(2024, 10, 17), dt.date(2024, 10, 18)),
        (dt.date(2024, 10, 18), dt.date(2024, 10, 21)),
    ]


async def test_a_periodic_duty_is_reminded_once_on_its_working_day_with_its_clause(engine: AsyncEngine) -> None:
    """The 5th of October 2024 is a Saturday: BHXH is reminded on Monday the 7th."""
    desk = Desk(engine)
    await desk.keep(at(1))
    await desk.mails()
    before = await desk.keep(at(5, 9))
    made = [await desk.keep(at(7, 9)), await desk.keep(at(7, 10)), await desk.keep(at(8))]

    (mail,) = await desk.mails()
    assert (before, made) == (0, [1, 0, 0])
    assert mail.address == "bhxh.caoloc@langson.example"
    assert "danh sách thẻ BHYT" in mail.body
    assert "quy định của địa phương" in mail.body
    assert "“" in mail.body
    assert await desk.rows("SELECT subject, role FROM notifier.ledger ORDER BY id DESC LIMIT 1") == [
        ("duty:caoloc-ubnd-vp-2024-09:bhxh:c7b:2024-10", "data")
    ]


async def test_text_that_looks_like_a_formula_stays_text_in_the_workbook(desk: Desk) -> None:
    await desk.tell(a_breach(event_ids=('=HYPERLINK("http://x.example")',)))
    await desk.mails()
    async with desk.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO notifier.audit (kind, alert_id, actor, details) VALUES ('acknowledged', :id, '=1+1', '{}')"
            ),
            {"id": "06208:xa_ntm/15.1:female:1"},
        )
    await desk.keep(at(21))

    (mail,) = [mail for mail in await desk.mails() if mail.attachments]

    actors = [row[13] for row in sheet_of(mail, "Diễn biến")]
    with zipfile.ZipFile(io.BytesIO(mail.attachments[0].content)) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if "worksheets/sheet" in name]
    assert "=1+1" in actors
    assert [sheet for sheet in sheets if "<f>" in sheet] == []
    assert len(sheets) == 5
