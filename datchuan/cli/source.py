"""`datchuan source`: the profiles of sources, and what a file would become by one of them."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from datchuan.cli.group import new_group
from datchuan.cli.import_report import Lang
from datchuan.cli.output import JsonOption, console, plain, print_json, say, table
from datchuan.cli.session import Session
from datchuan.errors import FINDINGS, USAGE, CommandError
from datchuan.sending.folders import Item, open_items
from datchuan.tracing import Summary, Trace, Tracer
from services.ingest.adapters.formats.detecting import check_format, detect
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.adapters.intake import alias_table
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import IngestError, PatientLevelDataError
from services.ingest.domain.reading import FORM_FORMATS, PayloadFormat
from shared.catalog.catalog import Catalog
from shared.catalog.checks.forms import check_profile_forms
from shared.catalog.checks.profiles import (
    check_aliases,
    check_categories,
    check_profile_places,
    check_profile_sources,
)
from shared.catalog.problems import Problem
from shared.catalog.profiles import SourceProfile
from shared.catalog.shape import validate
from shared.catalog.strict_yaml import parse_yaml

commands = new_group("Look at the profiles of sources, and try files on them.")

_MAX_BYTES = 256 * 1024 * 1024
_SUFFIXES = (".yaml", ".yml")


@commands.command("list")
def list_sources(as_json: JsonOption = False) -> None:
    """List the sources that have a profile in the catalog."""
    profiles = Session().catalog().profiles
    if as_json:
        print_json([_summary_of(profile) for profile in profiles])
        return
    shown = table("", "source", "name", "aliases", "id schemes", "codes as of", "default period", "forms")
    for profile in profiles:
        as_of = profile.codes_as_of.isoformat() if profile.codes_as_of else "end of period"
        shown.add_row(
            profile.source, profile.name_vi, str(len(profile.aliases)), ", ".join(profile.id_schemes), as_of,
            profile.default_period or "–", ", ".join(profile.forms) or "–",
        )  # fmt: skip
    console().print(shown)


@commands.command("check")
def check_source(
    profile: Annotated[
        str, typer.Argument(help="A source of the catalog, the YAML file of a profile, or for a form any source.")
    ],
    file: Annotated[Path, typer.Argument(help="A file that the source sends, or an archive of some.")],
    form: Annotated[str, typer.Option("--form", help="The column template of spreadsheets and CSV.")] = "",
    period: Annotated[str, typer.Option("--period", help="The period of rows that name none: 202409.")] = "",
    observed_at: Annotated[str, typer.Option("--observed-at", help="When rows without a time were observed.")] = "",
    format_: Annotated[PayloadFormat | None, typer.Option("--format", help="Instead of detecting it.")] = None,
    lang: Annotated[Lang, typer.Option("--lang", help="The language of remedies.")] = Lang.EN,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines: the values, then the summary.")] = False,
) -> None:
    """Show what each value of a file would become by a profile; nothing is sent, and no server is needed.

    At the end: values by outcome, elements and options of the file that the profile does not know, and what of the
    profile the file never used. Exit status: 0 every value would be taken, 1 some would be set aside, 2 the file or
    the profile cannot be read.
    """
    session = Session()
    catalog = session.catalog()
    found = _profile(profile, catalog)
    aliases = AliasTable.empty(profile) if found is None else alias_table(found, catalog)
    tracer = Tracer(catalog, aliases, found.source if found else profile, session.clock().now())
    for item in open_items(file):
        if found is None and not _is_form(item, format_):
            known = ", ".join(sorted(catalog.profile_by_source)) or "none"
            remedy = f"Give one of: {known}; or a YAML file. Only spreadsheets and CSV forms need none."
            raise CommandError(f"no source {profile!r} has a profile", remedy, USAGE)
        wishes = Wishes(period=period, observed_at=observed_at, form=form, file_name=item.name)
        traces = _trace(tracer, item, format_, wishes)
        for trace in traces:
            if as_json:
                _print_line({"file": item.path, **trace.document()})
            else:
                say(_line(trace, lang))
    summary = tracer.finish()
    if as_json:
        _print_line({"summary": _document_of(summary)})
    else:
        _print_summary(summary, f"by the profile {found.source}" if found else "without a profile")
    if not summary.is_clean:
        raise typer.Exit(FINDINGS)


def _profile(name: str, catalog: Catalog) -> SourceProfile | None:
    """Return the profile of a source of the catalog, None if it has none, or of a YAML file that is not in it yet."""
    if not name.endswith(_SUFFIXES):
        return catalog.profile_by_source.get(name)
    try:
        data, problem = parse_yaml(name, Path(name).read_bytes())
        profile, problems = (None, [problem]) if problem else validate(SourceProfile, name, data)
        if profile is not None:
            problems = _problems_of(profile, name, catalog)
    except OSError as error:
        raise CommandError(f"cannot read {name}: {error.strerror}", "Give the file of a profile.", USAGE) from error
    if profile is None or problems:
        raise CommandError("\n".join(str(problem) for problem in problems), "Mend the profile.", USAGE)
    return profile


def _problems_of(profile: SourceProfile, file: str, catalog: Catalog) -> list[Problem]:
    """Return what `catalog check` would say of a profile beside the other parts of the catalog."""
    with_it = catalog.model_copy(update={"profiles": (profile,)})
    checks = (check_profile_sources, check_categories, check_profile_places, check_aliases, check_profile_forms)
    return [problem for check in checks for problem in check(with_it, (file,))]


def _is_form(item: Item, format_: PayloadFormat | None) -> bool:
    """Return whether a file says itself what its columns mean, so that no profile is asked."""
    if item.content is None:
        return True  # what is wrong with it is told when it is read
    try:
        return (format_ or detect("", item.name, item.head())) in FORM_FORMATS
    except IngestError:
        return False


def _trace(tracer: Tracer, item: Item, format_: PayloadFormat | None, wishes: Wishes) -> list[Trace]:
    if item.content is None:
        raise CommandError(f"{item.path}: {item.problem}", "Give a file that the source sends.", USAGE)
    if item.size > _MAX_BYTES:
        raise CommandError(f"{item.path} is larger than {_MAX_BYTES} bytes", "Check a part of it.", USAGE)
    head = item.head()
    item.content.seek(0)
    body = item.content.read()
    try:
        detected = detect("", item.name, head) if format_ is None else check_format(format_, head)
        return asyncio.run(tracer.trace(detected, body, wishes))
    except PatientLevelDataError as error:
        raise CommandError(f"{item.path} holds data of single persons", "Send counts of people only.", USAGE) from error
    except IngestError as error:
        raise CommandError(f"{item.path}: {error}", "Mend the file or name its --format.", USAGE) from error


def _line(trace: Trace, lang: Lang) -> str:
    """Return one line on one value: where it stands, what was sent, what it becomes, and what is wrong with it."""
    sent, becomes = trace.sent, trace.meaning or {}
    words = [sent.get("element"), sent.get("option"), *(f"{k}={v}" for k, v in sent.get("categories", {}).items())]
    named = " / ".join(str(word) for word in words if word) or str(sent.get("id", ""))
    said = " = ".join(str(text) for text in (named, sent.get("value")) if text not in (None, ""))
    told = f"{trace.place}: {said}" if said else trace.place
    if becomes:
        told += f" → {_meaning(becomes)}"
    if trace.remedy:
        remedy = trace.remedy_vi if lang is Lang.VI else trace.remedy
        fault = f"{trace.faulty_field}={trace.faulty_value!r}"
        return f"{told} – {trace.outcome} {fault}{f': {trace.detail}' if trace.detail else ''}. {remedy}"
    return f"{told} – {trace.outcome}"


def _meaning(becomes: Mapping[str, Any]) -> str:
    what = " ".join(str(becomes[name]) for name in ("indicator", "role", "sex", "sector", "cell") if becomes.get(name))
    by = f"code {becomes['by_code']}" if becomes.get("by_code") else "name" if becomes.get("by_name") else ""
    as_of = f" as of {becomes['codes_as_of']}" if by and becomes.get("codes_as_of") else ""
    where = f"{becomes.get('unit', '')} {becomes.get('unit_name_vi') or ''}".strip()
    parts = [what, f"{where} ({by}{as_of})" if by else where]
    if becomes.get("part_of_merged"):
        parts.append(f"a part of it, {becomes['part_of_merged']}")
    if becomes.get("period_start"):
        parts.append(f"{becomes['period_start']} to {becomes['period_end']}")
    number = becomes.get("number", becomes.get("value", becomes.get("numerator")))
    parts.append("deleted" if becomes.get("deleted") else f"{plain(number)}")
    if becomes.get("observed_at"):
        parts.append(f"observed {plain(becomes['observed_at'])}")
    return ", ".join(part for part in parts if part)


def _print_line(document: object) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=plain) + "\n")


def _print_summary(summary: Summary, by: str) -> None:
    out = console()
    shown = table("", f"outcome {by}", "values")
    for outcome, count in summary.outcomes.most_common():
        shown.add_row(outcome, str(count))
    out.print(shown)
    if summary.unknown:
        missing = table("", "in the file, and not in the profile", "values")
        for name, count in summary.unknown.most_common():
            missing.add_row(name, str(count))
        out.print(missing)
    if summary.unused:
        out.print(f"In the profile, and not in the file: {', '.join(summary.unused)}.", soft_wrap=True)


def _document_of(summary: Summary) -> dict[str, Any]:
    return {
        "values": summary.outcomes.total(), "outcomes": dict(summary.outcomes), "unknown": dict(summary.unknown),
        "unused_aliases": summary.unused,
    }  # fmt: skip


def _summary_of(profile: SourceProfile) -> dict[str, Any]:
    return {
        "source": profile.source, "name_vi": profile.name_vi, "aliases": len(profile.aliases),
        "id_schemes": list(profile.id_schemes), "codes_as_of": profile.codes_as_of,
        "default_period": profile.default_period, "forms": list(profile.forms),
    }  # fmt: skip
