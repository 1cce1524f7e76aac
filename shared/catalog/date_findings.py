"""Days that no dispatch covers: places without one on a day, gaps between two, dates that are missing or too long."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator

from shared.catalog.catalog import Catalog
from shared.catalog.dispatch_findings import DispatchFinding, FindingKind, Severity, warning
from shared.catalog.dispatches import OfficialDispatch
from shared.catalog.missing_dispatches import ended_vi, last_dispatch, needed_below_vi
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import UnitLevel


def without_dispatch(catalog: Catalog, on: dt.date) -> tuple[DispatchFinding, ...]:
    """Return one finding for each district or province whose communes have no dispatch in force on a day.

    It names the last dispatches there, when they ended, and whose document is missing.
    """
    missing: defaultdict[str, list[AdminUnit]] = defaultdict(list)
    for unit in catalog.units:
        if unit.level is UnitLevel.COMMUNE and unit.in_force(on) and catalog.dispatch_for(unit, on) is None:
            missing[unit.parent or unit.id].append(unit)
    findings = []
    for place, communes in missing.items():
        above = catalog.unit_by_id[place]
        found = (last_dispatch(catalog, unit, on) for unit in communes)
        last = {dispatch.id: dispatch for dispatch in found if dispatch is not None}
        what = (
            f"{len(communes)} đơn vị cấp xã thuộc {above.name_vi} không có văn bản phân công có hiệu lực ngày "
            f"{on:%d/%m/%Y}."
        )
        sentences = [what, *ended_vi(last.values()), needed_below_vi(above)]
        findings.append(DispatchFinding(Severity.WARNING, FindingKind.NO_DISPATCH, None, above.id, " ".join(sentences)))
    return tuple(findings)


def date_findings(catalog: Catalog, dispatch: OfficialDispatch) -> Iterator[DispatchFinding]:
    """Yield what is missing in the dates of a dispatch: its first day, or an end before that of the place."""
    if dispatch.effective_from is None:
        what = "Văn bản không có ngày bắt đầu (effective_from): mọi ngày trong quá khứ đều theo văn bản này."
        yield warning(FindingKind.DATES, dispatch.id, "effective_from", what)
    for name in dispatch.scope:
        unit = catalog.unit_by_id.get(name)
        if unit is not None and unit.span[1] < dispatch.span[1]:
            what = (
                f"{unit.name_vi} kết thúc ngày {unit.span[1]:%d/%m/%Y}, trước văn bản: sau ngày đó văn bản không phân "
                "công cho ai ở nơi này."
            )
            yield warning(FindingKind.DATES, dispatch.id, name, what)
    yield from _gaps_before(catalog, dispatch)


def _gaps_before(catalog: Catalog, dispatch: OfficialDispatch) -> Iterator[DispatchFinding]:
    """Yield the places that had a dispatch before this one, with days between the two that have none."""
    for name in dispatch.scope:
        earlier = [
            other.span[1]
            for other in catalog.dispatches
            if other.id != dispatch.id and name in other.scope and other.span[1] < dispatch.span[0]
        ]
        if earlier and max(earlier) + dt.timedelta(days=1) < dispatch.span[0]:
            first, last = max(earlier) + dt.timedelta(days=1), dispatch.span[0] - dt.timedelta(days=1)
            what = f"Từ {first:%d/%m/%Y} đến {last:%d/%m/%Y} nơi này không có văn bản phân công nào."
            yield warning(FindingKind.DATE_GAP, dispatch.id, name, what)
