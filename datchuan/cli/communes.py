"""Which administrative unit an operator means by a code, an id or a name."""

import datetime as dt
import unicodedata

from datchuan.errors import USAGE, CommandError
from shared.catalog.catalog import Catalog
from shared.catalog.names import name_key, name_parts
from shared.catalog.units import AdminUnit, resolve_unit
from shared.contracts.vocabulary import UnitLevel

COMMUNES = frozenset({UnitLevel.COMMUNE})
ANY_LEVEL = frozenset(UnitLevel)
_LISTED = 12


def find_unit(catalog: Catalog, text: str, on: dt.date, levels: frozenset[UnitLevel] = COMMUNES) -> AdminUnit:
    """Return the one unit that `text` names on the day `on`; a CommandError lists the candidates otherwise."""
    wanted = unicodedata.normalize("NFC", text.strip())
    if wanted in catalog.unit_by_id and catalog.unit_by_id[wanted].code != wanted:
        return catalog.unit_by_id[wanted]
    if wanted in catalog.units_by_code:
        return _by_code(catalog, wanted, on, levels)
    return _by_name(catalog, wanted, on, levels)


def place(catalog: Catalog, unit: AdminUnit) -> str:
    """Return the unit with all above it: "Xã Thụy Hùng (06208), Huyện Cao Lộc, Tỉnh Lạng Sơn"."""
    above = [ancestor.name_vi for ancestor in catalog.ancestors(unit)]
    return ", ".join([f"{unit.name_vi} ({unit.code})", *above])


def _by_code(catalog: Catalog, code: str, on: dt.date, levels: frozenset[UnitLevel]) -> AdminUnit:
    candidates = tuple(unit for unit in catalog.units_by_code[code] if unit.level in levels)
    if not candidates:
        other, wanted = catalog.units_by_code[code][0], " or ".join(level for level in UnitLevel if level in levels)
        raise CommandError(f"{code} is {other.name_vi}, a {other.level.value}", f"Name a {wanted}.", USAGE)
    unit = resolve_unit(candidates, on)
    if unit is not None:
        return unit
    held = "; ".join(_candidate(catalog, candidate) for candidate in candidates)
    raise CommandError(
        f"no unit held the code {code} on {on.isoformat()}; it was held by {held}",
        "Give one of these ids, or another date.",
        USAGE,
    )


def _by_name(catalog: Catalog, name: str, on: dt.date, levels: frozenset[UnitLevel]) -> AdminUnit:
    wanted, (kind, bare) = name_key(name), name_parts(name)
    borne = [(unit, *name_parts(unit.name_vi)) for unit in catalog.units if unit.level in levels]
    named = [unit for unit, its_kind, its_bare in borne if its_bare == bare and kind in ("", its_kind)]
    exact = [unit for unit in named if name_key(unit.name_vi) == wanted]
    for candidates in (exact, named):
        present = [unit for unit in candidates if unit.in_force(on)]
        if len(present) == 1:
            return present[0]
        if len(candidates) == 1:
            return candidates[0]
    if not named:
        raise CommandError(
            f"the catalog has no unit with the code or name {name!r}",
            "Give a code such as 06208, or the whole name with its accents (NFC).",
            USAGE,
        )
    listed = "; ".join(_candidate(catalog, unit) for unit in named[:_LISTED])
    more = f"; … and {len(named) - _LISTED} more" if len(named) > _LISTED else ""
    raise CommandError(
        f"{name!r} names {len(named)} units: {listed}{more}", "Give the code or id of one of them.", USAGE
    )


def _candidate(catalog: Catalog, unit: AdminUnit) -> str:
    since = unit.effective_from.isoformat() if unit.effective_from else "…"
    until = unit.effective_to.isoformat() if unit.effective_to else "…"
    return f"{unit.id} = {place(catalog, unit)} [{since} – {until}]"
