"""Which unit a data value speaks of: its code read at the source's vintage, followed to the period, checked by name.

A code means nothing without a day. A source that says so (`codes_as_of` of its profile) has its codes read on that day,
and the unit is followed to the last day of the period where that is possible without dividing anything. The name is a
second key only: it must agree with the code, or stand alone and mean exactly one unit; it is never matched fuzzily.
"""

import datetime as dt
from functools import cached_property
from typing import Final

import msgspec

from services.ingest.domain.faults import RefusedError, Remedy, refuse
from services.ingest.domain.places import MAX_NAMED, Span, Spans, dated, followed, heirs_of, not_held, zero_hint
from shared.catalog.catalog import Catalog
from shared.catalog.lineage import Break, BrokenLineError, Lineage, UnknownPartsError
from shared.catalog.names import name_parts
from shared.catalog.units import AdminUnit, resolve_unit
from shared.contracts.vocabulary import QuarantineReason

_MAX_REMEMBERED: Final = 100_000
# No name of a unit is nearly as long: a sender must not fill the memory with names made of spaces.
_MAX_KEY: Final = 300
FIELD: Final = "commune"
_OF_ANOTHER_DAY: Final = Remedy(
    "Use the code that was valid on the last day of the period; if the source sends the codes of another day, state "
    "that day in its profile: codes_as_of.",
    "Dùng mã đơn vị hành chính có hiệu lực vào ngày cuối của kỳ báo cáo; nếu nguồn gửi bộ mã của thời điểm khác, khai "
    "báo ngày của bộ mã đó (codes_as_of) trong hồ sơ của nguồn.",
)
_OWN_ID: Final = Remedy(
    "Send the statistical code of the commune, or add this id to org_units of the source's profile.",
    "Gửi mã đơn vị hành chính của xã, hoặc bổ sung mã riêng này vào org_units trong hồ sơ của nguồn.",
)
_AS_A_WHOLE: Final = Remedy(
    "Report the new unit as a whole: its former units do not add up to it.",
    "Báo cáo số liệu của toàn đơn vị mới: số liệu các đơn vị cũ cộng lại không bằng đơn vị mới.",
)
_OTHER_PARTS: Final = Remedy(
    "Report the new unit as a whole, or bring its other former units into the catalog (datchuan units import) and send "
    "the numbers of all of them in one message.",
    "Báo cáo số liệu của toàn đơn vị mới, hoặc bổ sung các đơn vị cũ còn lại vào danh mục (datchuan units import) rồi "
    "gửi đủ số liệu của tất cả trong cùng một lần.",
)


class Spot(msgspec.Struct, frozen=True, gc=False):
    """The unit in force on the last day of the period that a value counts for.

    `part` is set when the value speaks of one former unit of several that have become `unit`: `parts` are the ids of
    all of them, and only together do they make a number of `unit`.
    """

    unit: str
    part: str = ""
    parts: tuple[str, ...] = ()


class Registry:
    """The units of one catalog by code, by id, by name and by succession."""

    def __init__(self, catalog: Catalog) -> None:
        self.by_code = catalog.units_by_code
        self.by_id = catalog.unit_by_id
        self.lineage = Lineage(catalog)

    @cached_property
    def by_name(self) -> dict[str, list[tuple[str, AdminUnit]]]:
        """(kind, unit) of every unit of every time, by bare name."""
        found: dict[str, list[tuple[str, AdminUnit]]] = {}
        for unit in self.by_id.values():
            kind, bare = name_parts(unit.name_vi)
            found.setdefault(bare, []).append((kind, unit))
        return found

    def named(self, name: str) -> list[AdminUnit]:
        """Return the units of every time that bear a name: with its kind when it has one, else whatever their kind."""
        kind, bare = name_parts(name)
        return [unit for its, unit in self.by_name.get(bare, ()) if kind in ("", its)]


class Communes:
    """Resolves the units of one vintage of codes; remembers what it resolved, so that a value costs one look-up."""

    def __init__(self, registry: Registry, spans: Spans, codes_as_of: dt.date | None) -> None:
        self._registry = registry
        self._spans = spans
        self._codes_as_of = codes_as_of
        self._known: dict[tuple[str, str, str], Spot] = {}

    def find(self, code: str, name: str, period: str) -> Spot:
        """Return the unit of a code (or unit id), a name or both in a period as sent, or refuse it."""
        key = (code, name, period)
        found = self._known.get(key)
        if found is not None:
            return found
        end = self._spans[period].end
        day = self._codes_as_of or end
        unit = self._of_code(code, name, day) if code else self._of_name(name, day)
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        found = self._spot(code or name, unit, end)
        if len(name) <= _MAX_KEY:
            self._known[key] = found
        return found

    def span(self, period: str) -> Span:
        """Return the days of a period as sent, or refuse it."""
        return self._spans[period]

    def heirs(self, code: str, name: str, period: str) -> tuple[str, ...]:
        """Return the ids of the units at the end of a period that a unit which had ended by then has gone into."""
        known = self._registry
        units = known.by_code.get(code, ()) if code else known.named(name)
        return tuple(heir.id for heir in heirs_of(units, self._spans[period].end, known.lineage))

    def former_holder(self, code: str, name: str, unit_id: str) -> str:
        """Return in words the former part of a unit that had its code too; nothing where a name tells the two apart."""
        for holder in self._registry.by_code.get(code, ()):
            is_part = holder.id != unit_id and unit_id in holder.successors
            if is_part and (not name or _bears(holder, name)):
                return dated((holder,))
        return ""

    def names(self, ids: tuple[str, ...]) -> str:
        """Return units in words, for a fault: "06187 (Thị trấn Cao Lộc), 06226 (Xã Hợp Thành)"."""
        return _listed([self._registry.by_id[name] for name in ids])

    def _of_code(self, code: str, name: str, day: dt.date) -> AdminUnit:
        holders = self._registry.by_code.get(code)
        if holders is None:
            unit = self._registry.by_id.get(code)
            if unit is None:
                hint = zero_hint(code, self._registry.by_code)
                remedy = None if hint or code.isdigit() else _OWN_ID
                raise refuse(QuarantineReason.UNKNOWN_COMMUNE, FIELD, code, hint, remedy)
            holders = (unit,)
        else:
            held = resolve_unit(holders, day)
            if held is None:
                detail = not_held(holders, day, self._registry.lineage) + self._vintage(holders, day)
                raise refuse(QuarantineReason.COMMUNE_NOT_VALID_THEN, FIELD, code, detail, _OF_ANOTHER_DAY)
            unit = held
        if name and not _bears(unit, name):
            raise self._other_name(code, name, unit, holders, day)
        return unit

    def _other_name(
        self, code: str, name: str, unit: AdminUnit, holders: tuple[AdminUnit, ...], day: dt.date
    ) -> RefusedError:
        detail = f"{code} is {unit.name_vi} on {day.isoformat()}"
        other = next((holder for holder in holders if holder is not unit and _bears(holder, name)), None)
        if other is not None:
            detail += f"; {dated((other,))} held it: if the codes are of that time, set codes_as_of in the profile"
        elif "(" in name:
            detail += "; a note in parentheses is read as part of the name"
        return refuse(QuarantineReason.COMMUNE_NAME_DIFFERS, FIELD, name, detail)

    def _of_name(self, name: str, day: dt.date) -> AdminUnit:
        bearers = self._registry.named(name)
        found = [unit for unit in bearers if unit.in_force(day)]
        if len(found) == 1:
            return found[0]
        if found:
            raise refuse(QuarantineReason.AMBIGUOUS_COMMUNE, FIELD, name, f"it can be {_listed(found)}")
        detail = f"no unit bore this name on {day.isoformat()}" + (f", but {dated(bearers)} did" if bearers else "")
        raise refuse(QuarantineReason.UNKNOWN_COMMUNE, FIELD, name, detail)

    def _vintage(self, holders: tuple[AdminUnit, ...], day: dt.date) -> str:
        """Return on which day the codes were read, or should be, if they are those of units that had ended by then."""
        if self._codes_as_of is not None:
            return f"; codes_as_of of the profile is {self._codes_as_of}"
        ended = [unit.effective_to for unit in holders if unit.effective_to and unit.effective_to < day]
        if not ended:
            return ""
        return f"; if the source sends the codes of that time, set codes_as_of: {max(ended)} in its profile"

    def _spot(self, said: str, unit: AdminUnit, end: dt.date) -> Spot:
        if unit.in_force(end):
            return Spot(unit.id)
        day, lineage = f"the period ends on {end.isoformat()}", self._registry.lineage
        if self._codes_as_of is None:
            detail = f"{day}; {dated((unit,))}{followed((unit,), end, lineage)}{self._vintage((unit,), end)}"
            raise refuse(QuarantineReason.COMMUNE_NOT_VALID_THEN, FIELD, said, detail, _OF_ANOTHER_DAY)
        try:
            now = lineage.follow(unit, end)
        except BrokenLineError as broken:
            detail = f"{day}; {unit.id} ({unit.name_vi}) {_BROKEN[broken.why]} {_listed(broken.units)}".rstrip()
            split = broken.why is Break.SPLIT
            reason = QuarantineReason.COMMUNE_SPLIT if split else QuarantineReason.COMMUNE_NOT_VALID_THEN
            raise refuse(reason, FIELD, said, detail) from None
        if now.span[1] < unit.span[0]:
            return Spot(now.id)  # back to the one unit that became this one
        on = self._codes_as_of if unit.in_force(self._codes_as_of) else unit.span[1]
        try:
            parts = lineage.parts(now, on)
        except UnknownPartsError as unknown:
            raise _unknown_parts(said, unit, now, unknown) from None
        return Spot(now.id) if parts == (unit,) else Spot(now.id, unit.id, tuple(part.id for part in parts))


_BROKEN: Final = {
    Break.SPLIT: "was divided among",
    Break.MERGED: "was made of",
    Break.GONE: "has no successor or predecessor on that day",
}


def _unknown_parts(said: str, unit: AdminUnit, now: AdminUnit, unknown: UnknownPartsError) -> RefusedError:
    what = f"it is a part of {now.id} ({now.name_vi})"
    if unknown.split:
        why = f"which also took over some of {_listed(unknown.split)}: the parts do not add up to it"
        remedy = _AS_A_WHOLE
    else:
        remedy = _OTHER_PARTS
        why = f"whose other parts the catalog does not have ({', '.join(unknown.missing[:MAX_NAMED]) or 'any'})"
    return refuse(QuarantineReason.COMMUNE_PART, FIELD, said, f"{what}, {why}; {unit.id} is {unit.name_vi}", remedy)


def _bears(unit: AdminUnit, name: str) -> bool:
    """Return whether a name as written means a unit: the bare name must agree, and the kind where both have one."""
    (kind, bare), (its_kind, its_bare) = name_parts(name), name_parts(unit.name_vi)
    return bare == its_bare and (not kind or not its_kind or kind == its_kind)


def _listed(units: tuple[AdminUnit, ...] | list[AdminUnit]) -> str:
    text = ", ".join(f"{unit.id} ({unit.name_vi})" for unit in units[:MAX_NAMED])
    return text if len(units) <= MAX_NAMED else f"{text} and {len(units) - MAX_NAMED} more"
