"""What the units of the catalog are to a form whose rows are units of one level: rows of a level above are sums."""

import datetime as dt
import unicodedata
from collections.abc import Iterable
from functools import cached_property
from typing import Final

from services.ingest.domain.faults import RefusedError, Remedy, refuse
from services.ingest.domain.periods import parse_period
from shared.catalog.forms import Form
from shared.catalog.names import name_parts
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import QuarantineReason, UnitLevel

_RANKS: Final = {UnitLevel.PROVINCE: 0, UnitLevel.DISTRICT: 1, UnitLevel.COMMUNE: 2}
_LEVELS: Final = {
    name_parts(f"{kind} a")[0]: levels
    for kinds, levels in (
        (("xã", "phường", "thị trấn", "đặc khu"), frozenset({UnitLevel.COMMUNE})),
        (("huyện", "quận", "thị xã"), frozenset({UnitLevel.DISTRICT})),
        (("thành phố",), frozenset({UnitLevel.DISTRICT, UnitLevel.PROVINCE})),
        (("tỉnh",), frozenset({UnitLevel.PROVINCE})),
    )
    for kind in kinds
}
_KINDS: Final = ("xã ", "phường ", "thị trấn ", "đặc khu ", "huyện ", "quận ", "thị xã ", "thành phố ", "tỉnh ")
_LONGEST_NAME: Final = 300
_MAX_REMEMBERED: Final = 5_000
_REMEDY: Final = Remedy(
    "Report this form for units of its level, one row each; begin the row of a sum with Tổng cộng, without a code.",
    "Biểu này ghi mỗi đơn vị đúng cấp một dòng (cấp xã: mã 5 chữ số); dòng tổng bắt đầu bằng «Tổng cộng», không ghi "
    "mã.",
)


class FormUnits:
    """The units of all times by name and by code."""

    def __init__(self, units: Iterable[AdminUnit] = ()) -> None:
        self._units = tuple(units)
        self._parts: dict[str, tuple[str, str]] = {}

    @cached_property
    def _by_name(self) -> dict[str, list[tuple[str, AdminUnit]]]:
        found: dict[str, list[tuple[str, AdminUnit]]] = {}
        for unit in self._units:
            kind, bare = name_parts(unit.name_vi)
            found.setdefault(bare, []).append((kind, unit))
        return found

    @cached_property
    def _by_code(self) -> dict[str, list[AdminUnit]]:
        found: dict[str, list[AdminUnit]] = {}
        for unit in self._units:
            for code in {unit.code, unit.id}:
                found.setdefault(code, []).append(unit)
        return found

    def is_unit_like(self, name: str) -> bool:
        """Return whether a text is the name of a unit, or begins with the kind of one, written in full."""
        folded = unicodedata.normalize("NFC", name[:_LONGEST_NAME]).casefold()
        return folded.startswith(_KINDS) or self._parts_of(folded)[1] in self._by_name

    def is_above(self, name: str, level: UnitLevel) -> bool:
        """Return whether a name can only be that of units above a level, by its kind or by the catalog."""
        if len(name) > _LONGEST_NAME:
            return False
        kind, bare = self._parts_of(name)
        levels = _LEVELS.get(kind) or {unit.level for _, unit in self._by_name.get(bare, ())}
        return bool(levels) and all(_RANKS[one] < _RANKS[level] for one in levels)

    def check(self, form: Form, code: str, name: str, period: str, codes_as_of: dt.date | None) -> None:
        """Refuse the unit of a row that is not of the form's level, by its code, or by its name on the day."""
        if form.level is None:
            return
        units = self._by_code.get(code, []) if code else self._named(name, period, codes_as_of)
        if units and all(unit.level is not form.level for unit in units):
            raise _other_level(form, code or name, f"{units[0].name_vi} is a {units[0].level}")
        if code and not units and name and self.is_above(name, form.level):
            raise _other_level(form, code, f"{name[:_LONGEST_NAME]} is no {form.level}")

    def _parts_of(self, name: str) -> tuple[str, str]:
        """Return kind and bare name; the rows of a file repeat few names."""
        parts = self._parts.get(name)
        if parts is None:
            if len(self._parts) >= _MAX_REMEMBERED:
                self._parts.clear()
            parts = self._parts[name] = name_parts(name)
        return parts

    def _named(self, name: str, period: str, codes_as_of: dt.date | None) -> list[AdminUnit]:
        days = parse_period(period)
        if days is None or len(name) > _LONGEST_NAME:
            return []
        kind, bare = self._parts_of(name)
        day = codes_as_of or days.end
        return [unit for its, unit in self._by_name.get(bare, ()) if kind in ("", its) and unit.in_force(day)]


def _other_level(form: Form, said: str, what: str) -> RefusedError:
    detail = f"{what}, and the rows of the form {form.id} are each a {form.level}"
    return refuse(QuarantineReason.INDICATOR_NOT_FOR_LEVEL, "commune", said, detail, _REMEDY)
