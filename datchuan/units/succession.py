"""Units from a table of succession: which commune of one day became which commune of the next, whole or in pieces."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from datchuan.units.known import Known
from datchuan.units.provinces import refuse_unknown_provinces
from datchuan.units.table import Findings, Row, Table, check_code, need
from shared.catalog.names import name_key, name_parts
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import CommuneType, Confidence, UnitLevel

NEEDED: Final = ("old_code", "old_name", "old_district_code", "old_district", "new_code", "new_name")
TYPES: Final = {name_key(name): kind for name, kind in (
    ("xã", CommuneType.XA), ("phường", CommuneType.PHUONG), ("thị trấn", CommuneType.THI_TRAN),
    ("đặc khu", CommuneType.DAC_KHU),
)}  # fmt: skip
_KINDS: Final = {"whole": False, "split": True, "split-default": True, "false": False, "true": True}
_LEVELS: Final = {
    "old_code": UnitLevel.COMMUNE, "new_code": UnitLevel.COMMUNE, "old_district_code": UnitLevel.DISTRICT,
    "new_province_code": UnitLevel.PROVINCE, "new_province": UnitLevel.PROVINCE, "old_province": UnitLevel.PROVINCE,
}  # fmt: skip
_ONE_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Options:
    """What the file does not say. `as_of` is the first day of the new units; `old_provinces` go by district code."""

    as_of: dt.date
    provinces: frozenset[str] = frozenset()
    old_provinces: Mapping[str, str] | None = None
    region: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """The units that were made, in their order, and of which line each came (0: of several)."""

    units: list[AdminUnit]
    lines: list[int]


def is_succession(table: Table) -> bool:
    """Return whether a table tells successions: it has old and new codes."""
    return {"old_code", "new_code"} <= table.columns


def units_of_succession(table: Table, options: Options, known: Known, findings: Findings) -> Made:
    """Return the units in a table of succession that the catalog does not have; notes everything that is wrong in it.

    Old communes and districts end the day before `as_of`, new communes begin on it. Nothing is invented: a province has
    no name when nothing gives it one, and a former district no province when nothing tells it.
    """
    need(table, NEEDED)
    refuse_unknown_provinces(table.name, options.provinces, {_new_province(row) for row in table.rows} - {""})
    rows = [row for row in table.rows if not options.provinces or _new_province(row) in options.provinces]
    return _Succession(table, options, known, findings).read(rows)


def _new_province(row: Row) -> str:
    return row.get("new_province_code") or row.get("new_province")


class _Succession:
    def __init__(self, table: Table, options: Options, known: Known, findings: Findings) -> None:
        self._options, self._known, self._findings = options, known, findings
        self._last = options.as_of - _ONE_DAY
        self._old_codes = {row.get("old_code") for row in table.rows}
        self._made: dict[str, tuple[AdminUnit, int]] = {}

    def read(self, rows: Sequence[Row]) -> Made:
        by_old: defaultdict[str, list[Row]] = defaultdict(list)
        by_new: defaultdict[str, list[Row]] = defaultdict(list)
        by_district: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if self._is_sound(row):
                by_old[row.get("old_code")].append(row)
                by_new[row.get("new_code")].append(row)
                by_district[row.get("old_district_code")].append(row)
        provinces = {code: self._province(code) for code in sorted({_new_province(row) for row in rows} - {""})}
        districts = {code: self._district(code, by_district[code], provinces) for code in sorted(by_district)}
        new = {code: self._new(code, by_new[code], provinces) for code in sorted(by_new)}
        for code in sorted(by_old):
            self._old(code, by_old[code], districts, new)
        made = sorted(self._made.values(), key=_order)
        return Made([unit for unit, _ in made], [line for _, line in made])

    def _is_sound(self, row: Row) -> bool:
        empty = [column for column in NEEDED if not row.get(column)]
        if not _new_province(row):
            empty.append("new_province_code")
        for column in empty:
            self._findings.add(row.line, f"{column} is empty", "fill it in")
        wrong = [name for name, level in _LEVELS.items()
                 if row.get(name) and not check_code(row.line, name, row.get(name), level, self._findings)]  # fmt: skip
        empty += wrong
        kind = self._kind(row)
        if kind not in _KINDS:
            self._findings.add(row.line, f"kind = {kind} is not known", "use whole, split or split-default")
        for column in ("old_name", "new_name"):
            if row.get(column) and name_parts(row.get(column))[0] not in TYPES:
                what = f"{column} = {row.get(column)} does not begin with its kind"
                self._findings.add(row.line, what, "begin it with Xã, Phường, Thị trấn or Đặc khu")
                empty.append(column)
        return not empty and kind in _KINDS

    @staticmethod
    def _kind(row: Row) -> str:
        return (row.get("kind") or row.get("split") or "whole").casefold()

    def _same(self, rows: Sequence[Row], code_column: str, columns: Collection[str]) -> None:
        """Note rows that say different things of one code."""
        first = rows[0]
        for row in rows[1:]:
            for column in columns:
                if row.get(column) != first.get(column):
                    what = f"{column} = {row.get(column)}, but line {first.line} has {first.get(column)}"
                    self._findings.add(row.line, f"{what} for {code_column} {first.get(code_column)}", "correct one")

    def _add(self, row: Row | None, **fields: Any) -> AdminUnit:
        given = {"confidence": Confidence.RECALLED, "source": self._options.source}
        if row is not None:
            given |= {name: row.get(name) for name in ("confidence", "source") if row.get(name)}
        line = row.line if row else 0
        try:
            unit = AdminUnit.model_validate(given | fields)
        except ValueError as error:
            self._findings.add(line, f"{fields['code']} makes no unit", " ".join(str(error).split()))
            unit = AdminUnit.model_construct(**given | fields)
        self._made[unit.id] = (unit, line)
        return unit

    def _province(self, code: str) -> str:
        """Return the id of the province of new communes: the catalog's, or one that is known by its code only."""
        held = self._known.holder(code, self._options.as_of)
        if held is not None:
            return held.id
        name = f"Tỉnh, thành phố mã {code}"
        unit = self._add(None, id=f"{code}@{self._options.as_of}", code=code, level=UnitLevel.PROVINCE, name_vi=name,
                         effective_from=self._options.as_of, confidence=Confidence.UNCERTAIN)  # fmt: skip
        return unit.id

    def _old_province(self, code: str | None, successors: Collection[str]) -> str | None:
        if code is None:
            return None
        held = self._known.holder(code, self._last)
        if held is not None:
            return held.id
        before = self._made.get(code)
        followed = sorted({*successors, *(before[0].successors if before else ())})
        name = f"Tỉnh, thành phố mã {code} (đến {self._last:%d/%m/%Y})"
        unit = self._add(None, id=code, code=code, level=UnitLevel.PROVINCE, name_vi=name, effective_to=self._last,
                         successors=tuple(followed) if len(followed) == 1 else (),
                         confidence=Confidence.UNCERTAIN)  # fmt: skip
        return unit.id

    def _district(self, code: str, rows: Sequence[Row], provinces: Mapping[str, str]) -> str:
        self._same(rows, "old_district_code", ("old_district", "old_province"))
        held = self._known.holder(code, self._last)
        if held is not None:
            return held.id
        row = rows[0]
        said = row.get("old_province") or (self._options.old_provinces or {}).get(code)
        above = self._old_province(said, {provinces[_new_province(each)] for each in rows})
        known = {} if above else {"confidence": Confidence.UNCERTAIN}
        unit = self._add(row, id=code, code=code, level=UnitLevel.DISTRICT, name_vi=row.get("old_district"),
                         parent=above, effective_to=self._last, **known)  # fmt: skip
        return unit.id

    def _new(self, code: str, rows: Sequence[Row], provinces: Mapping[str, str]) -> str:
        self._same(rows, "new_code", ("new_name", "new_province_code", "new_province"))
        row, held = rows[0], self._known.holder(code, self._options.as_of)
        if held is not None:
            self._agree(row, held, row.get("new_name"))
            return held.id
        reused = code in self._old_codes or code in self._known.by_code
        unit = self._add(row, id=f"{code}@{self._options.as_of}" if reused else code, code=code,
                         level=UnitLevel.COMMUNE, name_vi=row.get("new_name"), type=_type(row.get("new_name")),
                         parent=provinces[_new_province(row)], region=self._options.region,
                         effective_from=self._options.as_of)  # fmt: skip
        return unit.id

    def _old(self, code: str, rows: Sequence[Row], districts: Mapping[str, str], new: Mapping[str, str]) -> None:
        self._same(rows, "old_code", ("old_name", "old_district_code"))
        row, successors = rows[0], [new[each.get("new_code")] for each in rows]
        self._check_pieces(rows)
        followed = tuple(sorted(set(successors)))
        held = self._known.holder(code, self._last)
        if held is not None:
            self._agree(row, held, row.get("old_name"), followed)
            return
        self._add(row, id=code, code=code, level=UnitLevel.COMMUNE, name_vi=row.get("old_name"),
                  type=_type(row.get("old_name")), parent=districts[row.get("old_district_code")],
                  region=self._options.region, effective_to=self._last, successors=followed,
                  split=len(followed) > 1)  # fmt: skip

    def _check_pieces(self, rows: Sequence[Row]) -> None:
        seen: dict[str, int] = {}
        for row in rows:
            code, divided = row.get("new_code"), _KINDS[self._kind(row)]
            if code in seen:
                self._findings.add(row.line, f"says the same as line {seen[code]}", "remove one of the two")
            elif divided and len(rows) == 1:
                self._findings.add(row.line, "is split, but has no second successor", "add the others, or write whole")
            elif not divided and len(rows) > 1:
                self._findings.add(row.line, f"is whole, but {row.get('old_code')} has other lines", "write split")
            seen.setdefault(code, row.line)

    def _agree(self, row: Row, held: AdminUnit, name: str, successors: tuple[str, ...] | None = None) -> None:
        """Note where the catalog says something else of a unit that it has already."""
        if name_key(held.name_vi) != name_key(name):
            self._findings.add(row.line, f"{name} is {held.name_vi} ({held.id}) in the catalog", "correct one of them")
        if successors is not None and set(held.successors) != set(successors):
            catalog, here = ", ".join(held.successors) or "nothing", ", ".join(successors)
            what = f"{held.id} becomes {catalog} in the catalog, {here} here"
            self._findings.add(row.line, what, "correct one of them")


def _type(name: str) -> CommuneType:
    return TYPES[name_parts(name)[0]]


def _order(made: tuple[AdminUnit, int]) -> tuple[int, bool, str]:
    unit = made[0]
    return list(UnitLevel).index(unit.level), unit.effective_from is not None, unit.id
