"""Cells that a spreadsheet reader takes for empty and that are not: errors, and formulas that were never computed."""

import re
from collections import defaultdict
from typing import Final

from defusedxml import ElementTree

from services.ingest.adapters.formats.spreadsheet_cells import ERROR_CODE, FORMULA_CODE, UnreadableError

# By row and column, from 0: the code of the cell and its text.
OddCells = dict[int, dict[int, tuple[int, str]]]

_PREFIX: Final = rb"(?:\w+:)?"
_ERROR: Final = re.compile(rb"<" + _PREFIX + rb"""c\s([^>]*\bt=["']e["'][^>]*)>(.*?)</""" + _PREFIX + rb"c>", re.DOTALL)
_FORMULA: Final = re.compile(
    rb"<" + _PREFIX + rb"c\s([^>]*)>\s*<" + _PREFIX + rb"f\b(?:[^>]*/>|[^>]*>[^<]*</" + _PREFIX + rb"f>)\s*"
    rb"(?:<" + _PREFIX + rb"v[^>]*/>|<" + _PREFIX + rb"v[^>]*>([^<]*)</|)"
)
_VALUE: Final = re.compile(rb"<" + _PREFIX + rb"v[^>]*>([^<]*)</")
_REFERENCE: Final = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_TEXT_RESULT: Final = re.compile(rb"""\bt=["']str["']""")
_COMPUTE_LATER: Final = re.compile(rb"""fullCalcOnLoad=["'](?:1|true)["']""")
_WORKBOOK: Final = "xl/workbook.xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_MAIN: Final = "{*}sheets/{*}sheet"


def odd_cells(parts: dict[str, bytes]) -> dict[str, OddCells]:
    """Return the odd cells of each sheet of an XLSX workbook, by its name."""
    computes_later = bool(_COMPUTE_LATER.search(parts.get(_WORKBOOK, b"")))
    by_part = {
        part: found
        for part, content in parts.items()
        if part.startswith("xl/worksheets/") and (found := _odd_in_sheet(content, computes_later=computes_later))
    }
    if not by_part:
        return {}
    return {name: by_part[part] for name, part in _sheet_parts(parts).items() if part in by_part}


def _odd_in_sheet(content: bytes, *, computes_later: bool) -> OddCells:
    found: OddCells = defaultdict(dict)
    if b't="e"' in content or b"t='e'" in content:
        for match in _ERROR.finditer(content):
            shown = _VALUE.search(match[2])
            row, column = _place(match[1])
            found[row][column] = (ERROR_CODE, shown[1].decode("utf-8", "replace")[:20] if shown else "#ERROR")
    for match in _FORMULA.finditer(content):
        value = match[2]
        is_missing = not value and not _TEXT_RESULT.search(match[1])
        # A program that cannot compute writes 0 and asks that the file be computed when it is opened.
        if is_missing or (computes_later and value == b"0"):
            row, column = _place(match[1])
            found[row].setdefault(column, (FORMULA_CODE, "="))
    return found


def _place(attributes: bytes) -> tuple[int, int]:
    match = _REFERENCE.search(attributes)
    if match is None:
        raise UnreadableError(
            "Cells of the file do not say where they stand: open it, save it as .xlsx, send it again."
        )
    column = 0
    for letter in match[1]:
        column = column * 26 + letter - ord("A") + 1
    return int(match[2]) - 1, column - 1


def _sheet_parts(parts: dict[str, bytes]) -> dict[str, str]:
    """Return the part of each sheet by its name."""
    try:
        relations = ElementTree.fromstring(parts.get(_RELATIONS, b""))
        workbook = ElementTree.fromstring(parts[_WORKBOOK])
    except (ElementTree.ParseError, KeyError, ValueError):
        raise UnreadableError("The file does not list its sheets: save it as .xlsx, and send it again.") from None
    targets = {item.get("Id"): item.get("Target", "") for item in relations}
    found = {}
    for sheet in workbook.findall(_MAIN):
        identity = next((value for key, value in sheet.attrib.items() if key.endswith("}id")), "")
        target = targets.get(identity, "")
        found[sheet.get("name", "")] = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    return found
