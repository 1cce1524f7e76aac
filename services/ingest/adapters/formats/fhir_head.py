"""What holds for all groups of a FHIR MeasureReport: whom it is about, when, how final; or why it is not read."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from services.ingest.adapters.formats.fhir_dates import moment_of, period_of
from services.ingest.adapters.formats.fhir_model import Group, MeasureReport, Reference
from services.ingest.adapters.formats.fhir_places import Directory, OrgUnit
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.faults import refuse
from services.ingest.domain.reading import MAX_REMARKS, Remark
from services.ingest.domain.remedies import add_field
from shared.contracts.vocabulary import QuarantineReason, Stage

WITHDRAWN: Final = "error"
MAX_TEXT: Final = 500
_SUMMARY: Final = "summary"
_STAGES: Final = {"complete": Stage.FINAL, "pending": Stage.PROVISIONAL}
_RECONCILED: Final = {"realtime": Stage.PROVISIONAL, "reconciled": Stage.FINAL}
_PROPORTION: Final = "proportion"


class ReportContext(msgspec.Struct, frozen=True):
    """What holds for all reports of a body: the profile, the request's wishes, and the resources of its Bundle."""

    table: AliasTable
    wishes: Wishes
    directory: Directory
    remarks: list[Remark]

    def remark(self, place: str, text: str, text_vi: str) -> None:
        """Note something that the sender should know, though nothing is refused for it."""
        if len(self.remarks) < MAX_REMARKS:
            self.remarks.append(Remark(place, text, text_vi))


class Head(NamedTuple):
    """What holds for all groups of a report."""

    report: MeasureReport
    place: str
    directory: Directory
    unit: OrgUnit
    period: str
    observed_at: str | None
    measure_name: str
    stage: Stage | None
    is_proportion: bool


def head_of(report: MeasureReport, place: str, context: ReportContext) -> Head:
    """Return the head of a report, or refuse the report."""
    _refuse_unread(report)
    zone, wishes = context.table.zone, context.wishes
    directory = context.directory.holding(report.contained)
    measure = (report.measure or "").partition("|")[0].partition("#")[0]
    return Head(
        report,
        place,
        directory,
        unit_of((report.subject, report.reporter), directory),
        _short("period", period_of(report.period, zone) if report.period is not None else wishes.period),
        _short("date", moment_of(report.date, zone) or wishes.observed_at) or None,
        _short("measure", measure.rstrip("/").rpartition("/")[2]),
        _stage(report),
        is_proportion(report),
    )


def _refuse_unread(report: MeasureReport) -> None:
    """Refuse a report that is not the whole truth about a summary."""
    for field, given in (("type", report.type), ("status", report.status)):
        if not given:
            raise refuse(QuarantineReason.MISSING_FIELD, field, remedy=add_field(field))
    if report.type != _SUMMARY:
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "type", report.type, "only summary reports are read")
    if report.status not in _STAGES and report.status != WITHDRAWN:
        detail = "must be complete, pending or error"
        raise refuse(QuarantineReason.WRONG_TYPE, "status", report.status, detail)
    if report.data_update_type not in (None, "snapshot"):
        detail = "an increment is no report of the whole: send a snapshot"
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, "dataUpdateType", report.data_update_type, detail)
    if report.modifier_extension or report.implicit_rules:
        field = "modifierExtension" if report.modifier_extension else "implicitRules"
        detail = "rules that change the meaning are not read"
        raise refuse(QuarantineReason.UNSUPPORTED_DATA, field, report.implicit_rules or "", detail)
    if not report.group:
        raise refuse(QuarantineReason.NO_MEASURE, "group")


def unit_of(references: Sequence[Reference | None], directory: Directory) -> OrgUnit:
    """Return the unit of the first reference that is given."""
    first = next((reference for reference in references if reference is not None), None)
    if first is None:
        return OrgUnit()
    unit = directory.find(first)
    return OrgUnit(_short("subject", unit.code), _short("subject", unit.name))


def _short(field: str, text: str) -> str:
    """Return a text that goes into every row of the report; one that is too long for that is refused once."""
    if len(text) > MAX_TEXT:
        raise refuse(QuarantineReason.WRONG_TYPE, field, text, f"longer than {MAX_TEXT} characters")
    return text


def _stage(report: MeasureReport) -> Stage | None:
    """Return whether the report is final: a campaign's figures are so once reconciled, whatever the status says."""
    said = (_RECONCILED.get(ext.value_code or "") for ext in report.extension if ext.url.endswith("-vs-reconciled"))
    return next((stage for stage in said if stage is not None), _STAGES.get(report.status or ""))


def is_proportion(part: MeasureReport | Group) -> bool:
    """Return whether the scores are declared to be proportions, which FHIR writes as fractions."""
    concepts = [ext.value_codeable_concept for ext in part.extension if ext.url.endswith("measureScoring")]
    if isinstance(part, MeasureReport):
        concepts.append(part.scoring)
    return any(concept is not None and _PROPORTION in concept.names for concept in concepts)


def element_of(group: Group, head: Head, table: AliasTable) -> str:
    """Return what the group measures: the first of its names that the profile knows, else the first.

    Its names are its codes, or without any its linkId and id; the measure's name stands in only for a group without a
    code, for a group with an unknown one may be another part of the measure.
    """
    names = list(group.code.names) if group.code is not None else []
    if not names:
        local = [name for name in (group.link_id, group.id) if name]
        names = [*(name for name in local if table.alias_of(name)), head.measure_name, *local]
    found = next((name for name in names if table.alias_of(name)), next((name for name in names if name), ""))
    return _short("code", found)
