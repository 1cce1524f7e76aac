"""Units from a plain table: one unit a row."""

from collections import Counter
from typing import Any, Final

from datchuan.units.known import Known
from datchuan.units.provinces import refuse_unknown_provinces
from datchuan.units.succession import TYPES, Made, Options
from datchuan.units.table import CODE_DIGITS, Findings, Row, Table, check_code, day_in, need
from shared.catalog.names import name_parts
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import CommuneType, Confidence, UnitLevel

NEEDED: Final = ("code", "name", "level")
_YES_NO: Final = {"": False, "0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}


def units_of_plain(table: Table, options: Options, known: Known, findings: Findings) -> Made:
    """Return the units of a table with one unit a row; notes everything that is wrong in it.

    An id that is not given is the code, with the first day behind it for a unit that took the code over. A parent is an
    id, or the code of the unit that is above on all days of this one.
    """
    need(table, NEEDED)
    often = Counter(row.get("code") for row in table.rows)
    ids = {row.line: _id(row, known, often[row.get("code")] > 1) for row in table.rows}
    units = {row.line: _unit(row, ids[row.line], options, findings) for row in table.rows}
    made = [(line, unit) for line, unit in units.items() if unit is not None]
    holders = dict(known.by_code)
    for _, unit in made:
        holders[unit.code] = [*holders.get(unit.code, ()), unit]
    by_id = {unit.id: unit for unit in (*known.units, *(unit for _, unit in made))}
    placed = [(line, _placed(unit, holders, by_id)) for line, unit in made]
    by_id |= {unit.id: unit for _, unit in placed}
    above = {line: _provinces_of(unit, by_id) for line, unit in placed}
    if not findings.found:
        refuse_unknown_provinces(table.name, options.provinces, frozenset().union(*above.values()))
    wanted = [(line, unit) for line, unit in placed if not options.provinces or above[line] & options.provinces]
    return Made([unit for _, unit in wanted], [line for line, _ in wanted])


def _id(row: Row, known: Known, is_shared: bool) -> str:
    code, since = row.get("code"), row.get("effective_from")
    if row.get("id"):
        return row.get("id")
    return f"{code}@{since}" if since and (is_shared or code in known.by_code) else code


def _unit(row: Row, unit_id: str, options: Options, findings: Findings) -> AdminUnit | None:
    before = len(findings.found)
    level = _one_of(row, "level", UnitLevel, findings)
    kind = _one_of(row, "type", CommuneType, findings) if row.get("type") else TYPES.get(name_parts(row.get("name"))[0])
    fields: dict[str, Any] = {
        "id": unit_id,
        "code": row.get("code"),
        "level": level,
        "name_vi": row.get("name"),
        "type": kind if level is UnitLevel.COMMUNE else None,
        "parent": row.get("parent") or None,
        "region": row.get("region") or (options.region if level is UnitLevel.COMMUNE else None),
        "group": row.get("group") or None,
        "effective_from": day_in(row, "effective_from", findings),
        "effective_to": day_in(row, "effective_to", findings),
        "successors": tuple(row.get("successors").replace(";", " ").replace("|", " ").split()),
        "split": _YES_NO.get(row.get("split").casefold()),
        "confidence": _one_of(row, "confidence", Confidence, findings) or Confidence.RECALLED,
        "source": row.get("source") or options.source,
    }
    for name in ("code", "name"):
        if not row.get(name):
            findings.add(row.line, f"{name} is empty", "fill it in")
    if level is not None:
        check_code(row.line, "code", row.get("code"), level, findings)
        for successor in fields["successors"]:
            check_code(row.line, "successors", successor, level, findings)
    _check_parent(row, findings)
    if fields["split"] is None:
        findings.add(row.line, f"split = {row.get('split')} is neither yes nor no", "write true or false")
    if len(findings.found) > before:
        return None
    try:
        return AdminUnit.model_validate(fields)
    except ValueError as error:
        findings.add(row.line, f"{row.get('code')} makes no unit", " ".join(str(error).split()))
        return None


def _one_of(row: Row, column: str, words: Any, findings: Findings) -> Any:
    text = row.get(column).casefold()
    if not text and column != "level":
        return None
    if text in tuple(words):
        return words(text)
    findings.add(row.line, f"{column} = {row.get(column)} is not known", f"use {', '.join(words)}")
    return None


def _placed(unit: AdminUnit, holders: dict[str, list[AdminUnit]], by_id: dict[str, AdminUnit]) -> AdminUnit:
    """Return a unit with the id of its parent, where the parent is given by a code that somebody held all the time."""
    parent = unit.parent
    if parent is None or (parent in by_id and by_id[parent].covers(unit)):
        return unit
    above = next((holder for holder in holders.get(parent, ()) if holder.covers(unit)), None)
    return unit if above is None else unit.model_copy(update={"parent": above.id})


def _check_parent(row: Row, findings: Findings) -> None:
    """Note the code of a parent that is too short for a province, or too long for a district."""
    parent = row.get("parent")
    if parent.isdigit() and len(parent) not in (CODE_DIGITS[UnitLevel.PROVINCE], CODE_DIGITS[UnitLevel.DISTRICT]):
        check_code(row.line, "parent", parent, UnitLevel.PROVINCE, findings)


def _provinces_of(unit: AdminUnit, by_id: dict[str, AdminUnit]) -> frozenset[str]:
    """Return code and id of the province that a unit is in, or is."""
    seen: set[str] = set()
    above: AdminUnit | None = unit
    while above is not None and above.id not in seen:
        if above.level is UnitLevel.PROVINCE:
            return frozenset((above.code, above.id))
        seen.add(above.id)
        above = by_id.get(above.parent or "")
    return frozenset()
