"""`datchuan notify preview`: any message for any role, without sending it."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.communes import ANY_LEVEL, find_unit
from datchuan.cli.criteria import find_rule
from datchuan.cli.output import plain, say, write_file
from datchuan.cli.session import Session, parse_day
from datchuan.errors import USAGE, CommandError
from services.notifier.adapters.material_store import read_material
from services.notifier.adapters.queries import story
from services.notifier.adapters.renderer import TemplateRenderer
from services.notifier.domain.alerts import Alert
from services.notifier.domain.course import step_subject
from services.notifier.domain.grouping import Group, group
from services.notifier.domain.material import Material
from services.notifier.domain.message import compose, views_of
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.payload import payload_of
from services.notifier.domain.specimens import NoSpecimenError, Wish, digest, entries_of
from services.notifier.domain.views import Message
from services.notifier.settings import NotifierSettings
from shared.catalog.catalog import Catalog
from shared.catalog.rulesets import IndicatorRule
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import AlertKind, NoticeKind, Role, Sector, Sex
from shared.runtime.settings import SettingsError, load

SAMPLE_VI = "BẢN XEM TRƯỚC, KHÔNG GỬI – SỐ LIỆU MINH HỌA: các con số, kỳ số liệu và ngày trong tin không phải số thật"
STORED_VI = "BẢN XEM TRƯỚC, KHÔNG GỬI"
_MORNING = dt.time(9, 30, tzinfo=VIET_NAM)
_DETAILED = 20


class Format(StrEnum):
    """What a preview is printed as: the mail as text or HTML, or the body of a webhook."""

    TEXT = "text"
    HTML = "html"
    JSON = "json"


def preview(
    role: Annotated[Role, typer.Option("--role", help="The role of the unit that gets the message.")] = Role.LEAD,
    notice: Annotated[NoticeKind | None, typer.Option("--notice", help="What it tells; opened when left out.")] = None,
    commune: Annotated[
        list[str] | None, typer.Option("--commune", help="Code, id or whole name of the commune; may be given again.")
    ] = None,
    code: Annotated[
        list[str] | None, typer.Option("--chi-tieu", help="Number of the chỉ tiêu, e.g. 15.1; may be given again.")
    ] = None,
    sector: Annotated[Sector | None, typer.Option("--sector", help="Managing sector of a food-safety one.")] = None,
    sex: Annotated[Sex | None, typer.Option("--sex", help="Sex of a chỉ tiêu that is counted by sex.")] = None,
    alert: Annotated[
        str | None, typer.Option("--alert", metavar="ID", help="A stored alert, with its numbers.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="DATE", help="The day it is written; today if none.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="text, html, or json as a webhook gets it.")] = Format.TEXT,
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.", dir_okay=False)] = None,
) -> None:
    """Show a message as a role would get it, without sending it; only --alert needs the database.

    Several communes and chỉ tiêu make one message about all of them, as a digest is.
    Without --alert its numbers are made up, and it says so ("số liệu minh họa").
    """
    if notice is NoticeKind.REPORT:
        raise CommandError("a report is no message about a chỉ tiêu", "See `datchuan report make`.", USAGE)
    session = Session()
    catalog = session.catalog()
    now = _moment(session, at)
    try:
        if alert is not None:
            shown, banner = _stored(session, catalog, alert, role, notice, now), STORED_VI
        else:
            asked = _asked(catalog, commune or [], code or [], now)
            kind = notice or NoticeKind.OPENED
            wishes = [Wish(unit, rule, _cell(catalog, rule, sector, sex), role, kind) for unit, rule in asked]
            shown, banner = digest(catalog, wishes, now), SAMPLE_VI
    except NoSpecimenError as error:
        raise CommandError(f"there is no such message: {error}", "Ask for another role, notice or date.") from error
    written = write(catalog, shown, banner, now, form, templates())
    if out is None:
        say(written)
    else:
        write_file(out, written)


def write(
    catalog: Catalog,
    shown: tuple[Group, Material],
    banner: str,
    now: dt.datetime,
    form: Format,
    renderer: TemplateRenderer,
) -> str:
    """Return a message as it would be sent at a moment, under a banner that says what it is not."""
    group_, material = shown
    message: Message = compose(catalog, group_, material, now, _DETAILED)
    message = replace(message, banner=f"{banner}. {message.banner}" if message.banner else banner)
    if form is Format.HTML:
        return renderer.render_html(message)
    text = renderer.render(message)
    if form is Format.TEXT:
        return f"Subject: {message.subject}\n\n{text}"
    views = views_of(catalog, group_, material)
    body = payload_of(message, group_, views, "preview", "<preview@datchuan.example>", text)
    return json.dumps(body, ensure_ascii=False, indent=2, default=plain) + "\n"


def templates() -> TemplateRenderer:
    """Return the renderer with the operator's own templates, if the environment names any."""
    try:
        return TemplateRenderer(load(NotifierSettings).templates)
    except SettingsError as error:
        raise CommandError(str(error), "Mend it and try again.", USAGE) from error


def _moment(session: Session, at: str | None) -> dt.datetime:
    clock = session.clock()
    return clock.now() if at is None else dt.datetime.combine(parse_day(at, clock.today()), _MORNING)


def _asked(
    catalog: Catalog, communes: Sequence[str], codes: Sequence[str], now: dt.datetime
) -> list[tuple[AdminUnit, IndicatorRule]]:
    if not communes or not codes:
        raise CommandError("there is nothing to show", "Give --commune and --chi-tieu, or --alert.", USAGE)
    day = now.astimezone(VIET_NAM).date()
    units = [find_unit(catalog, commune, day, ANY_LEVEL) for commune in communes]
    return [(unit, find_rule(catalog, code, unit.level, day)) for unit in units for code in codes]


def _cell(catalog: Catalog, rule: IndicatorRule, sector: Sector | None, sex: Sex | None) -> str:
    by = catalog.indicator_by_key[rule.indicator].by
    for option, given, kind in (("--sector", sector, "sector"), ("--sex", sex, "sex")):
        if given is not None and by != kind:
            raise CommandError(f"{rule.node} is not counted by {kind}", f"Leave {option} out.", USAGE)
    if by == "sector":
        return (sector or Sector.HEALTH).value
    return (sex or Sex.FEMALE).value if by == "sex" else ""


def _stored(
    session: Session, catalog: Catalog, alert_id: str, role: Role, notice: NoticeKind | None, now: dt.datetime
) -> tuple[Group, Material]:
    """Return the message about a stored alert with its own numbers, deadlines and consequences."""

    async def work(engine: AsyncEngine) -> tuple[Group, Material]:
        found = await story(engine, alert_id)
        if found is None:
            raise CommandError(f"there is no alert {alert_id!r}", "See `datchuan alerts list`.")
        wish = _wish(catalog, found.alert, role, notice)
        entries = entries_of(catalog, wish, found.alert.id, found.alert.id, now)
        async with engine.connect() as connection:
            material = await read_material(connection, entries)
        course = material.courses.get(alert_id)
        steps = [] if course is None else [step for step in course.steps if step.kind is wish.notice]
        subject = step_subject(alert_id, steps[0]) if steps else alert_id
        (told,) = group((replace(entry, subject=subject) for entry in entries), len(entries))
        return told, material

    return session.run(work)


def _wish(catalog: Catalog, alert: Alert, role: Role, notice: NoticeKind | None) -> Wish:
    rule = next((rule for rule in catalog.rules if rule.node == alert.key.node), None)
    if rule is None:
        raise NoSpecimenError(f"the catalog has no chỉ tiêu {alert.key.node}")
    tells = NoticeKind.AT_RISK if alert.kind is AlertKind.AT_RISK else NoticeKind.OPENED
    default = tells if alert.is_open else NoticeKind.RESOLVED
    return Wish(catalog.unit_by_id[alert.key.unit], rule, alert.key.cell, role, notice or default)
