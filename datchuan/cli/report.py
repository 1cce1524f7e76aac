"""`datchuan report`: consolidated reports, those that were sent and those of any other period."""

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.group import new_group
from datchuan.cli.output import JsonOption, console, moment, print_json, say, table, write_file
from datchuan.cli.session import Session, parse_day
from datchuan.errors import USAGE, CommandError
from services.notifier.adapters.report_store import ReportSummary, SqlReportStore
from services.notifier.adapters.workbook import workbook_of
from services.notifier.domain.consolidated import span_under
from services.notifier.domain.report_content import Report
from services.notifier.domain.report_periods import PERIOD_VI, span_of
from services.notifier.domain.report_views import lines_of, report_headline
from services.notifier.domain.working_calendar import WorkingCalendar
from services.notifier.handlers.reporting import ReportMaker
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import OfficialDispatch
from shared.contracts.vocabulary import ReportPeriod

commands = new_group("Consolidated reports: those that were sent, and those of any other period.")

OutOption = Annotated[Path | None, typer.Option("--out", help="Write the workbook to FILE.xlsx.")]


@commands.command("list")
def list_reports(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List the reports that were made for sending, newest first."""

    async def work(engine: AsyncEngine) -> list[ReportSummary]:
        return await SqlReportStore(engine).reports(limit)

    found = Session().run(work)
    if as_json:
        print_json([asdict(report) for report in found])
        return
    shown = table(f"reports: {len(found)}", "id", "unit", "period", "from", "to", "made", "file", whole=("id",))
    for each in found:
        last = each.period_end - dt.timedelta(days=1)
        period = PERIOD_VI[ReportPeriod(each.period)]
        days = (each.period_start.isoformat(), last.isoformat())
        shown.add_row(each.id, each.unit, period, *days, moment(each.created_at), each.file_name)
    console().print(shown)


@commands.command("show")
def show(
    report_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a report, as `list` shows it.")],
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a report that was made for sending, as it was."""

    async def work(engine: AsyncEngine) -> tuple[Report, bytes] | None:
        return await SqlReportStore(engine).report(report_id)

    found = Session().run(work)
    if found is None:
        raise CommandError(f"there is no report {report_id!r}", "See `datchuan report list`.")
    _tell(*found, out, as_json=as_json)


@commands.command("make")
def make(
    period: Annotated[ReportPeriod, typer.Option("--period", help="The kind of period.")] = ReportPeriod.WEEK,
    of: Annotated[str | None, typer.Option("--of", help="A day of the period, YYYY-MM-DD; default: today.")] = None,
    dispatch: Annotated[str | None, typer.Option("--dispatch", help="The dispatch; default: the one in force.")] = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the report of any period, also of one that still runs, and send it to nobody."""
    session = Session()
    catalog, clock = session.catalog(), session.clock()
    span = span_of(period, parse_day(of, clock.today()), WorkingCalendar(catalog.policies.calendar))
    chosen = _dispatch(catalog, dispatch, span.last_day)
    part = span_under(chosen, span)
    if part is None:
        days = f"{span.start} to {span.last_day}"
        raise CommandError(
            f"{chosen.id} is not in force at the end of {days}", "Give another --of or --dispatch.", USAGE
        )

    async def work(engine: AsyncEngine) -> tuple[Report, bytes]:
        maker = ReportMaker(SqlReportStore(engine), catalog, workbook_of)
        return await maker.make(chosen, period, part, clock.now())

    _tell(*session.run(work), out, as_json=as_json)


def _dispatch(catalog: Catalog, dispatch: str | None, on: dt.date) -> OfficialDispatch:
    if dispatch is not None:
        found = catalog.dispatch_by_id.get(dispatch)
        if found is None:
            raise CommandError(f"there is no dispatch {dispatch!r}", f"Known are {_ids(catalog.dispatches)}.", USAGE)
        return found
    in_force = [each for each in catalog.dispatches if each.in_force(on)]
    if len(in_force) != 1:
        choice = _ids(in_force or catalog.dispatches)
        raise CommandError(f"{len(in_force)} dispatches are in force on {on}", f"Give --dispatch: {choice}.", USAGE)
    return in_force[0]


def _ids(dispatches: list[OfficialDispatch] | tuple[OfficialDispatch, ...]) -> str:
    return ", ".join(each.id for each in dispatches)


def _tell(report: Report, workbook: bytes, out: Path | None, *, as_json: bool) -> None:
    if out is not None:
        if out.suffix != ".xlsx":
            raise CommandError(f"{out} has another suffix than .xlsx", "Name the file .xlsx.", USAGE)
        write_file(out, workbook)
    if as_json:
        print_json(msgspec.to_builtins(report))
        return
    say(report_vi(report))
    if out is not None:
        say(f"Đã ghi tệp: {out}")


def report_vi(report: Report) -> str:
    """Return a report as text."""
    view = lines_of(report)
    parts = (
        ("Số liệu trong kỳ", view.figures),
        ("Đang mở theo chỉ tiêu", view.by_indicator),
        ("Đang mở theo địa bàn", view.by_place),
        ("Các cảnh báo đang mở", (*view.open, *([f"và {view.more} cảnh báo khác, xem tệp"] if view.more else ()))),
        ("Thay đổi kết quả tổng hợp phần y tế", view.changes),
        ("Địa bàn có cảnh báo nhưng chưa có văn bản giao nhiệm vụ", view.without_dispatch),
        ("Lưu ý", (*report.notes, "Chỉ phản ánh phần y tế.")),
    )
    lines = [report_headline(report), f"Lập lúc {view.made_at}", *([view.nil] if view.nil else ())]
    for name, found in parts:
        if found:
            lines += [f"{name}:", *(f"  - {line}" for line in found)]
    return "\n".join([*lines, f"Mã niêm phong nhật ký kiểm toán: {view.audit_head or 'chưa có'}"])
