"""The rows of one FHIR MeasureReport: every number that counts, as a data value with its place."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from services.ingest.adapters.formats.fhir_head import (
    WITHDRAWN,
    Head,
    ReportContext,
    element_of,
    head_of,
    is_proportion,
    unit_of,
)
from services.ingest.adapters.formats.fhir_model import Group, MeasureReport, Scored
from services.ingest.adapters.formats.fhir_numbers import Part, Question, parts_of
from services.ingest.adapters.formats.fhir_places import OrgUnit
from services.ingest.adapters.formats.fhir_strata import Cell, cells_of, differing_sums, is_wanted, unlisted_names
from services.ingest.domain.faults import Fault, RefusedError, refuse, shorten
from services.ingest.domain.values import BadValue, DataValue, Row
from shared.catalog.profiles import ANY_OPTION, NO_OPTION, Alias
from shared.contracts.vocabulary import QuarantineReason

_WHERE: Final = re.compile(r"(.*) - at `\$(.*)`", re.DOTALL)
PlacedRow = tuple[Row, str]


class _Asked(NamedTuple):
    """A group, and what its numbers are asked for."""

    group: Group
    place: str
    element: str
    unit: OrgUnit
    question: Question


def rows_of(document: Mapping[str, Any], place: str, context: ReportContext) -> Iterator[PlacedRow]:
    """Yield the rows of a report with their places; what is wrong with a group spoils only that group.

    Raises PatientLevelDataError when its subject is a person.
    """
    try:
        head = head_of(msgspec.convert(document, MeasureReport), place, context)
    except (RefusedError, msgspec.ValidationError) as error:
        yield _bad(error, "", document, place)
        return
    withdrawn = head.report.status == WITHDRAWN
    for index, group in enumerate(head.report.group):
        for row, where in _group_rows(group, f"group[{index}]", head, context):
            yield (_withdraw(row) if withdrawn else row), where


def _group_rows(document: object, inside: str, head: Head, context: ReportContext) -> Iterator[PlacedRow]:
    try:
        group = msgspec.convert(document, Group)
        asked = _ask(group, inside, head, context)
        yield from _rows(asked, head, context)
    except (RefusedError, msgspec.ValidationError) as error:
        yield _bad(error, inside, document, head.place)


def _ask(group: Group, inside: str, head: Head, context: ReportContext) -> _Asked:
    table = context.table
    element = element_of(group, head, table)
    alias = table.alias_of(element)
    unit = head.unit if group.subject is None else unit_of((group.subject,), head.directory)
    return _Asked(group, inside, element, unit, Question(alias, table, head.is_proportion or is_proportion(group)))


def _rows(asked: _Asked, head: Head, context: ReportContext) -> Iterator[PlacedRow]:
    """Yield the strata that the indicator needs, or else the group's own numbers.

    The total of a group whose strata are taken is superfluous; strata that the profile does not know are left out
    beside a total that is taken. Nothing is left out when that would leave nothing.
    """
    table, question = context.table, asked.question
    cells = cells_of(asked.group, table)
    by = _divided_by(question)
    wanted = {cell.place for cell in cells if by and is_wanted(cell, by, table)}
    whole = _numbers(asked.group, asked.place, question)
    of_counts = question._replace(is_stratum_of_counts=_is_counted(asked.group))
    strata = [(cell, _numbers(cell.stratum, f"{asked.place}.{cell.place}", of_counts)) for cell in cells]
    _remark_sums(asked, head, whole, strata, context)
    if wanted:
        _remark_refused_total(head, whole, context)
        whole = [part for part in whole if isinstance(part, Part) and isinstance(part.number, bool)]
    elif whole:
        _remark_unlisted(asked, head, cells, context)
    for part in whole:
        yield _row(part, asked, head, asked.place, None)
    for cell, parts in strata:
        if cell.place in wanted or not (wanted or whole):
            inside = f"{asked.place}.{cell.place}"
            for part in parts or [Fault(QuarantineReason.NO_MEASURE, inside)]:
                yield _row(part, asked, head, inside, cell)
    if not whole and not cells:
        raise refuse(QuarantineReason.NO_MEASURE, "population")


def _divided_by(question: Question) -> str | None:
    """Return by what the indicator must be divided and the element itself does not say it."""
    alias: Alias | None = question.alias
    indicator = None if alias is None else question.table.indicator_of(alias)
    if alias is None or indicator is None:
        return None
    is_said = alias.option in (NO_OPTION, ANY_OPTION) and (alias.sex is not None or alias.sector is not None)
    return None if is_said else indicator.by


def _is_counted(group: Group) -> bool:
    """Return whether a group has counts and no score: then the scores of its strata are counts as well."""
    return bool(group.population) and group.score is None


def _numbers(scored: Scored, inside: str, question: Question) -> list[Part | Fault]:
    try:
        return list(parts_of(scored, question))
    except RefusedError as refused:
        return [_within(refused.fault, inside)]


def _row(part: Part | Fault, asked: _Asked, head: Head, inside: str, cell: Cell | None) -> PlacedRow:
    value = DataValue(
        element=asked.element,
        org_unit=asked.unit.code,
        org_unit_name=asked.unit.name,
        period=head.period,
        categories=cell.categories if cell is not None else None,
        observed_at=head.observed_at,
        stage=head.stage,
    )
    if isinstance(part, Fault):
        numbers = msgspec.to_builtins(asked.group if cell is None else cell.stratum)
        return BadValue(part, _kept(value, numbers)), f"{head.place}.{part.field}"
    value.role, value.value = part.role, part.number
    return value, f"{head.place}.{inside}.{part.place}"


def _withdraw(row: Row) -> Row:
    if isinstance(row, BadValue):
        return row
    fault = Fault(QuarantineReason.UNSUPPORTED_DATA, "status", WITHDRAWN, "withdrawn: the sender calls it an error")
    return BadValue(fault, _kept(row, {"status": WITHDRAWN}))


def _kept(value: DataValue, why: Mapping[str, Any]) -> bytes:
    """Return the text of a row that must not be taken later either: no array of data values."""
    return msgspec.json.encode({"row": value, "fhir": why})


def _remark_sums(
    asked: _Asked,
    head: Head,
    whole: Sequence[Part | Fault],
    strata: Sequence[tuple[Cell, Sequence[Part | Fault]]],
    context: ReportContext,
) -> None:
    parts = [part for part in whole if isinstance(part, Part)]
    if asked.question.alias is None or not strata:
        return
    for which, role, total, count in differing_sums(parts, strata, context.table):
        context.remark(
            f"{head.place}.{asked.place}.stratifier[{which}]",
            f"{role}: the strata add up to {total:.12g}, the group says {count:.12g}. The numbers are kept as sent.",
            f"{role}: tổng các nhóm là {total:.12g}, số chung là {count:.12g}. Số liệu được giữ nguyên như đã gửi.",
        )


def _remark_refused_total(head: Head, whole: Sequence[Part | Fault], context: ReportContext) -> None:
    """Note what is wrong with a total for which its strata stand in: it may tell of a mistake in them."""
    for fault in whole:
        if isinstance(fault, Fault):
            said = " ".join(part for part in (fault.value, f"({fault.detail})" if fault.detail else "") if part)
            context.remark(
                f"{head.place}.{fault.field}",
                f"The strata were read instead of the total, in which something is wrong: {fault.reason}: {said}.",
                f"Đã đọc các nhóm thay cho số chung; số chung có lỗi: {fault.reason}: {said}.",
            )


def _remark_unlisted(asked: _Asked, head: Head, cells: Sequence[Cell], context: ReportContext) -> None:
    names = ", ".join(shorten(name) or "?" for name in unlisted_names(cells, context.table)[:10])
    if names:
        context.remark(
            f"{head.place}.{asked.place}.stratifier",
            f"The profile does not know the disaggregation {names}: only the group's own numbers were read.",
            f"Hồ sơ nguồn chưa khai báo phân tổ {names}: chỉ đọc số liệu chung của nhóm.",
        )


def _bad(error: RefusedError | msgspec.ValidationError, inside: str, document: object, place: str) -> PlacedRow:
    """Return what is wrong with a report or a group as a whole, named as FHIRPath does."""
    if isinstance(error, RefusedError):
        fault = _within(error.fault, inside)
    else:
        match = _WHERE.fullmatch(str(error))
        detail, where = (match[1], match[2]) if match else (str(error), "")
        fault = Fault(QuarantineReason.WRONG_TYPE, f"{inside}{where}".lstrip("."), "", detail)
    return BadValue(fault, msgspec.json.encode(document)), f"{place}.{fault.field}".rstrip(".")


def _within(fault: Fault, inside: str) -> Fault:
    return msgspec.structs.replace(fault, field=f"{inside}.{fault.field}".strip("."))
