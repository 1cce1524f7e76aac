"""`datchuan audit`: the story of one alert, for officials and inspectors, and whether anybody has touched the audit."""

import datetime as dt
import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.output import JsonOption, print_json, say, write_file
from datchuan.cli.session import Session
from datchuan.dossier import as_zip, document_of
from datchuan.errors import FINDINGS, USAGE, CommandError
from services.notifier.adapters.audit_check import Verification, verify
from services.notifier.adapters.audit_story import AuditStory, newest_block, story_of
from services.notifier.domain.audit_vi import TrailRow, trail_rows, unsent_vi
from services.notifier.domain.chain import Block, Break, Fault
from services.notifier.domain.facts import Facts
from services.notifier.domain.numbers_vi import VIET_NAM
from shared.catalog.catalog import Catalog

_FAULT_VI = {
    Fault.CHANGED: "dòng đã bị sửa",
    Fault.DELETED: "có dòng đã bị xóa",
    Fault.INSERTED: "có dòng bị chèn thêm",
    Fault.BLOCK_CHANGED: "khối niêm phong đã bị sửa",
    Fault.BLOCK_MISSING: "thiếu khối niêm phong",
    Fault.UNKNOWN_HASH: "chuỗi không chứa mã đã lưu ở nơi khác",
}


def audit(
    alert: Annotated[
        str | None, typer.Argument(metavar="ALERT", help="The id of an alert.", show_default=False)
    ] = None,
    check: Annotated[bool, typer.Option("--verify", help="Compute the chain anew; exit 1 when it is broken.")] = False,
    known: Annotated[str | None, typer.Option("--known", help="With --verify: a hash that was kept elsewhere.")] = None,
    head: Annotated[bool, typer.Option("--head", help="Print the newest hash, to be kept elsewhere.")] = False,
    export: Annotated[Path | None, typer.Option("--export", help="Write a dossier: FILE.zip or FILE.json.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell the story of one alert: who was told what, by which clause, when, and what the server answered.

    The audit is append-only and sealed in a chain of blocks: whoever changes a line behind the product's back is found.
    """
    session = Session()
    if sum((alert is not None, check, head)) != 1:
        raise CommandError("say one thing", "Give an ALERT, or --verify, or --head.", USAGE)
    if (known is not None and not check) or (export is not None and (alert is None or as_json)):
        raise CommandError(
            "these options do not go together", "--known goes with --verify, --export with an ALERT alone.", USAGE
        )
    if check:
        _verify(session, known, as_json=as_json)
    elif head:
        _head(session, as_json=as_json)
    else:
        _story(session, str(alert), export, as_json=as_json)


def _verify(session: Session, known: str | None, *, as_json: bool) -> None:
    async def work(engine: AsyncEngine) -> Verification:
        return await verify(engine, known)

    found = session.run(work)
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        say(f"{found.blocks} khối, {found.lines} dòng đã niêm phong, {found.unsealed} dòng chưa niêm phong.")
        for each in found.breaks:
            say(break_vi(each))
        say(f"Mã niêm phong mới nhất: {found.head}" if not found.breaks else "CHUỖI NIÊM PHONG BỊ PHÁ VỠ.")
    if found.breaks:
        raise typer.Exit(FINDINGS)


def break_vi(found: Break) -> str:
    """Return a break of the chain in one sentence."""
    where = f"Khối {found.block}: {_FAULT_VI[found.fault]}"
    if found.line is not None:
        return f"{where} – dòng {found.line}."
    if found.fault is Fault.DELETED:
        return f"{where} – sau dòng {found.after_line}." if found.after_line else f"{where} – ở đầu khối."
    return f"{where}."


def _head(session: Session, *, as_json: bool) -> None:
    async def work(engine: AsyncEngine) -> Block | None:
        return await newest_block(engine)

    block = session.run(work)
    if block is None:
        raise CommandError("nothing is sealed yet", "Wait some seconds after the first alert.")
    if as_json:
        print_json({"number": block.number, "hash": block.hash, "sealed_at": block.sealed_at})
    else:
        say(f"{block.hash}  khối {block.number}, niêm phong lúc {_moment(block.sealed_at)}")


def _story(session: Session, alert_id: str, export: Path | None, *, as_json: bool) -> None:
    catalog, now = session.catalog(), session.clock().now()

    async def work(engine: AsyncEngine) -> AuditStory | None:
        return await story_of(engine, alert_id)

    story = session.run(work)
    if story is None:
        raise CommandError(f"there is no alert {alert_id!r}", "See `datchuan alerts list`.")
    document = document_of(catalog, story, now)
    if export is not None:
        _export(export, document, story_vi(catalog, story))
        say(f"Đã ghi hồ sơ: {export}")
    elif as_json:
        print_json(document)
    else:
        say(story_vi(catalog, story))


def _export(path: Path, document: dict[str, Any], story: str) -> None:
    if path.suffix == ".json":
        write_file(path, json.dumps(document, ensure_ascii=False, indent=1))
    elif path.suffix == ".zip":
        write_file(path, as_zip(document, story))
    else:
        raise CommandError(f"{path} has no known suffix", "Name the file .zip or .json.", USAGE)


def story_vi(catalog: Catalog, story: AuditStory) -> str:
    """Return the story of an alert as text, one line of the audit after the other."""
    facts = Facts.of(catalog, story.alert)
    head = (
        f"{facts.unit.name_vi}: chỉ tiêu {facts.code} {facts.name}{facts.cell_suffix}, lần thứ {story.alert.occurrence}"
    )
    lines = [head, f"Mã cảnh báo: {story.alert.id}", f"Yêu cầu: {facts.requirement()}"]
    if facts.rule is not None:
        lines.append(f"Căn cứ: {facts.rule.legal_source}; mức tin cậy: {facts.confidence()}")
    for line in story.trail():
        block = story.blocks.get(line.id)
        sealed = f"khối {block}" if block is not None else "chưa niêm phong"
        first, *told = trail_rows(catalog, line)
        lines += ["", f"{_moment(line.at)}  {first.what.upper()}  [dòng {line.id}, {sealed}]", *_details(first)]
        lines += [f"    {row.what} {_told(row)}" for row in told]
    if story.unsent:
        lines += ["", "CHƯA GỬI HOẶC KHÔNG GỬI (theo sổ thông báo hiện nay, không niêm phong)"]
        lines += [f"    {unsent_vi(catalog, each)}" for each in story.unsent]
    return "\n".join([*lines, "", "Chỉ phản ánh phần y tế. Thời hạn là quy định của địa phương."])


def _details(row: TrailRow) -> list[str]:
    said = (
        ("người thực hiện", row.actor),
        ("tới", f"{row.address} ({row.channel})" if row.address else ""),
        ("thư", row.message_id),
        ("máy chủ trả lời", row.reply),
        ("theo văn bản", row.dispatch),
        ("quy định / phiên bản / danh mục", row.rules),
        ("ghi chú", row.note),
    )
    return [f"    {name}: {value}" for name, value in said if value]


def _told(row: TrailRow) -> str:
    clauses = f", theo {row.clauses}" if row.clauses else ""
    address = f" – {row.address} ({row.channel})" if row.address else ""
    note = f"; {row.note}" if row.note else ""
    return f"{row.unit or 'không ai'} ({row.role}{clauses}){address}{note}"


def _moment(at: dt.datetime) -> str:
    return f"{at.astimezone(VIET_NAM):%H:%M:%S %d/%m/%Y}"
