"""Whom of a dispatch nobody can reach, and addresses at which nobody of it will ever be written to."""

from collections.abc import Iterator

from shared.catalog.catalog import Catalog
from shared.catalog.dispatch_findings import DispatchFinding, FindingKind, warning
from shared.catalog.dispatches import OfficialDispatch, ResponsibleUnit
from shared.catalog.ownership_findings import charged_units
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import UnitLevel


def address_findings(catalog: Catalog, dispatch: OfficialDispatch) -> Iterator[DispatchFinding]:
    """Yield the charged units without an address, and the addresses of units or communes that it does not concern."""
    communes = tuple(_communes(catalog, dispatch))
    charged = charged_units(dispatch)
    for unit in dispatch.units:
        if unit.id in charged:
            yield from _without_address(catalog, dispatch, unit, communes)
    reached = charged | {unit.parent for unit in dispatch.units if unit.id in charged}
    places = {commune.id for commune in communes}
    for address in catalog.addresses:
        if address.dispatch != dispatch.id:
            continue
        if address.unit not in reached:
            what = f"Địa chỉ của {address.unit} không bao giờ được dùng: đơn vị này không có trong quy tắc nào."
            yield warning(FindingKind.UNUSED_ADDRESS, dispatch.id, address.unit, what)
        elif address.commune is not None and address.commune not in places:
            what = f"Địa chỉ riêng cho {address.commune} không bao giờ được dùng: nơi này ngoài phạm vi của văn bản."
            yield warning(FindingKind.UNUSED_ADDRESS, dispatch.id, f"{address.unit}/{address.commune}", what)


def _without_address(
    catalog: Catalog, dispatch: OfficialDispatch, unit: ResponsibleUnit, communes: tuple[AdminUnit, ...]
) -> Iterator[DispatchFinding]:
    known = catalog.address_by_place
    names = [name for name in (unit.id, unit.parent) if name is not None]
    if any((dispatch.id, name, None) in known for name in names):
        return
    if not unit.one_per_commune:
        what = f"Đơn vị {unit.name_vi} chưa có địa chỉ nhận thông báo."
        yield warning(FindingKind.NO_ADDRESS, dispatch.id, unit.id, what)
        return
    missing = [place.name_vi for place in communes if not any((dispatch.id, name, place.id) in known for name in names)]
    if missing:
        what = f"{unit.name_vi}: {len(missing)} nơi chưa có địa chỉ nhận thông báo ({', '.join(missing)})."
        yield warning(FindingKind.NO_ADDRESS, dispatch.id, unit.id, what)


def _communes(catalog: Catalog, dispatch: OfficialDispatch) -> Iterator[AdminUnit]:
    for unit in catalog.units:
        if unit.level is UnitLevel.COMMUNE and unit.overlaps(dispatch):
            places = {unit.id, *(above.id for above in catalog.ancestors(unit))}
            if places & set(dispatch.scope):
                yield unit
