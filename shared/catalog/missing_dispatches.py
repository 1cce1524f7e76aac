"""What is missing where no dispatch is in force: which was the last there, when it ended, and who has to issue one."""

import datetime as dt
from collections.abc import Iterable, Iterator

from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import OfficialDispatch
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Confidence, UnitLevel

DOUBT_VI = {
    Confidence.RECALLED: "ngày này nhớ lại, chưa thấy văn bản ghi",
    Confidence.UNCERTAIN: "ngày này chưa chắc chắn: văn bản không ghi",
}


def missing_dispatch_vi(catalog: Catalog, unit: AdminUnit, on: dt.date) -> str:
    """Return in Vietnamese that a unit has no dispatch on a day, its last one, and what has to be issued by whom."""
    last, following = last_dispatch(catalog, unit, on), next_dispatch(catalog, unit, on)
    sentences = [
        f"Không có văn bản phân công nào có hiệu lực cho {unit.name_vi} vào ngày {_day(on)}.",
        *ended_vi((last,) if last is not None else ()),
    ]
    if following is not None and following.effective_from is not None:
        starts = f"chỉ có hiệu lực từ ngày {_day(following.effective_from)}{_doubt(following)}"
        sentences.append(f"Văn bản sau đó, {cited(following)}, {starts}.")
    if last is None and following is None:
        sentences.append("Danh mục chưa có văn bản phân công nào của nơi này.")
    return " ".join([*sentences, needed_vi(catalog, unit, on)])


def ended_vi(dispatches: Iterable[OfficialDispatch]) -> Iterator[str]:
    """Yield a sentence for each dispatch that has ended: which it was, when it ended, how far the day is known."""
    for last in dispatches:
        ended = f"đã hết hiệu lực ngày {_day(last.span[1])}{_doubt(last)}"
        yield f"Văn bản gần nhất: {cited(last)}, {ended}."


def needed_vi(catalog: Catalog, unit: AdminUnit, on: dt.date) -> str:
    """Return the sentence that says whose document is missing for a unit on a day."""
    return f"Cần văn bản phân công mới của {issuers_vi(catalog, unit, on)}."


def needed_below_vi(above: AdminUnit) -> str:
    """Return the sentence that says whose document is missing for the communes of a district or province."""
    own = " hoặc UBND từng xã, phường" if above.level is UnitLevel.PROVINCE else ""
    return f"Cần văn bản phân công mới của {_committee(above)}{own}."


def last_dispatch(catalog: Catalog, unit: AdminUnit, on: dt.date) -> OfficialDispatch | None:
    """Return the dispatch that ended last before a day at the place of a unit, that of its predecessors included."""
    ended = [found for found in catalog.dispatches if found.span[1] < on]
    if not ended:
        return None
    places = {found.id for origin in _origins(catalog, unit) for found in (origin, *catalog.ancestors(origin))}
    here = [found for found in ended if places & set(found.scope)]
    return max(here, key=lambda found: found.span[1], default=None)


def next_dispatch(catalog: Catalog, unit: AdminUnit, on: dt.date) -> OfficialDispatch | None:
    """Return the dispatch that starts first after a day for a unit, or None."""
    places = {unit.id, *(above.id for above in catalog.ancestors(unit))}
    coming = [found for found in catalog.dispatches if found.span[0] > on and places & set(found.scope)]
    return min(coming, key=lambda found: found.span[0], default=None)


def issuers_vi(catalog: Catalog, unit: AdminUnit, on: dt.date) -> str:
    """Return whose document is missing: that of the committee above on the day, or of the commune's own."""
    above = next((found for found in catalog.ancestors(unit) if found.in_force(on)), None)
    committees = [above] if above is not None else []
    if unit.level is UnitLevel.COMMUNE and unit.in_force(on) and (above is None or above.level is UnitLevel.PROVINCE):
        committees.append(unit)
    return " hoặc ".join(_committee(found) for found in committees or [unit])


def cited(dispatch: OfficialDispatch) -> str:
    """Return a dispatch as a sentence cites it: its title, issuer and date."""
    return f"“{dispatch.title_vi}” của {dispatch.issuer_vi}, {dispatch.issued_vi}"


def _origins(catalog: Catalog, unit: AdminUnit) -> Iterator[AdminUnit]:
    """Yield a unit and all that have become it, wholly or in part."""
    yield unit
    for before in catalog.predecessors.get(unit.id, ()):
        yield from _origins(catalog, before)


def _doubt(dispatch: OfficialDispatch) -> str:
    """Return how far the dates of a dispatch can be trusted, nothing when they were read in it."""
    words = DOUBT_VI.get(dispatch.dates_confidence)
    return f" ({words})" if words else ""


def _committee(unit: AdminUnit) -> str:
    return f"UBND {unit.name_vi[0].lower()}{unit.name_vi[1:]}"


def _day(day: dt.date) -> str:
    return f"{day:%d/%m/%Y}"
