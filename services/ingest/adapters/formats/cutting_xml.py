"""Cuts XML bodies (ADX and DHIS2's dxf2) between their data values; the tags above them are repeated."""

import codecs
import mmap
import re
from typing import Final
from xml.parsers import expat

import msgspec

from services.ingest.adapters.formats.slices import (
    MAX_HEAD_BYTES,
    MAX_ROW_BYTES,
    SLICE_BYTES,
    Cutting,
    Relocate,
    Slice,
    row_too_large,
)
from services.ingest.adapters.formats.xml_elements import MAX_EMPTY
from services.ingest.domain.errors import MalformedBodyError, UnsupportedFormatError
from services.ingest.domain.privacy import refuse_personal_names, refuse_personal_text

_BLOCK: Final = 256 * 1024
_MAX_DEPTH: Final = 100
_MAX_REMEMBERED: Final = 1_000
_GROUP, _ROW = "group", "dataValue"
_GROUP_INDEX: Final = re.compile(r"\bgroup\[(\d+)\]")
_ROW_INDEX: Final = re.compile(r"\bdataValue\[(\d+)\]")
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"<\0", b"\0<")


class _Cut(msgspec.Struct, frozen=True):
    """Where a slice begins: in which line and group (from 1; 0 when there are none), after how many of its rows.

    `group` is its tag as a span of the body when the cut is within it.
    """

    at: int
    line: int
    number: int
    rows: int
    group: tuple[int, int] | None = None


def cut_elements(body: mmap.mmap, slice_bytes: int = SLICE_BYTES) -> Cutting:
    """Cut XML; a pass of the parser over the whole body comes first, so nothing is cut that is not well-formed."""
    if body[:2] in _UTF16:
        raise UnsupportedFormatError("XML of this size is read in UTF-8: convert it.")
    outline = _Outline(slice_bytes)
    for start in range(0, len(body), _BLOCK):
        yield
        outline.feed(body[start : start + _BLOCK], is_last=start + _BLOCK >= len(body))
        body.madvise(mmap.MADV_DONTNEED)
    if not outline.cuts:
        return [Slice(0, len(body), b"", b"", "its root", str)]
    slices: list[Slice] = []
    ends = [*outline.cuts[1:], _Cut(outline.end, 0, 0, 0)]
    for cut, following in zip(outline.cuts, ends, strict=True):
        yield
        refuse_personal_text(body[cut.at : following.at])
        slices.append(outline.slice_of(body, cut, following))
        body.madvise(mmap.MADV_DONTNEED)
    return slices


class _Outline:
    """What a pass of the parser finds: the root, the groups, and where to cut."""

    def __init__(self, slice_bytes: int) -> None:
        self._slice_bytes = slice_bytes
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._on_start
        self._parser.EndElementHandler = self._on_end
        self._parser.StartDoctypeDeclHandler = _on_doctype
        self._depth = self._number = self._rows = 0
        self._group_at: int | None = None
        self._group: tuple[int, int] | None = None
        self._last = self._fed = self._idle = 0
        self._root = self._group_name = ""
        self.end = 0
        self.cuts: list[_Cut] = []
        self._seen: set[str] = set()

    def feed(self, block: bytes, *, is_last: bool) -> None:
        """Parse a further block."""
        try:
            self._parser.Parse(block, is_last)
        except expat.ExpatError as error:
            why = f"{expat.ErrorString(error.code)} in line {error.lineno}"
            raise MalformedBodyError(f"The body is not XML: {why}. Nothing of it was stored.") from None
        except (LookupError, ValueError):
            raise MalformedBodyError("The XML declares an encoding that is not read here: send it as UTF-8.") from None
        self._fed += len(block)
        if not is_last and self._fed - self._last > MAX_ROW_BYTES:
            raise row_too_large(f"line {self._parser.CurrentLineNumber}")

    def slice_of(self, body: mmap.mmap, cut: _Cut, following: _Cut) -> Slice:
        """Return the slice between two cuts."""
        above = body[: self.cuts[0].at] if self.cuts[0].at <= MAX_HEAD_BYTES else None
        group = body[cut.group[0] : cut.group[1]] if cut.group else b""
        if above is None or len(group) > MAX_HEAD_BYTES:
            raise MalformedBodyError("What stands above the first data value is too large.")
        closed = f"</{self._group_name}>" if following.group else ""
        tail = f"{closed}</{self._root}>".encode()
        return Slice(cut.at, following.at, above + group, tail, f"line {cut.line}", _later(cut))

    def _on_start(self, name: str, attributes: dict[str, str]) -> None:
        self._last = at = self._parser.CurrentByteIndex
        if name not in self._seen or not self._seen.issuperset(attributes):
            self._look_at_names(name, attributes)
        self._depth += 1
        if self._depth == 1:
            self._root = name
        elif self._depth <= 3:
            self._note(name, at)
            self._refuse_idle(at)
        elif self._depth > _MAX_DEPTH:
            raise MalformedBodyError(f"Elements are nested more than {_MAX_DEPTH} deep.")

    def _refuse_idle(self, at: int) -> None:
        """Raise when so much stands between two values that no slice could end there."""
        self._idle += 1
        if self._idle > MAX_EMPTY:
            raise MalformedBodyError(f"The XML has more than {MAX_EMPTY} elements that say nothing to us.")
        if at - self.cuts[-1].at > self._slice_bytes + MAX_ROW_BYTES:
            raise row_too_large(f"line {self._parser.CurrentLineNumber}")

    def _look_at_names(self, name: str, attributes: dict[str, str]) -> None:
        names = [name, *attributes]
        refuse_personal_names(text.rpartition(":")[2] for text in names)
        if len(self._seen) < _MAX_REMEMBERED:
            self._seen.update(names)

    def _note(self, name: str, at: int) -> None:
        local = name.rpartition(":")[2]
        is_group = local == _GROUP and self._depth == 2
        if is_group:
            self._number, self._rows, self._group_at, self._group = self._number + 1, 0, at, None
            self._group_name = name
        elif local == _ROW and self._group_at is not None and self._group is None:
            self._group = (self._group_at, at)
        if not self.cuts:
            self.cuts.append(_Cut(at, self._parser.CurrentLineNumber, self._number, 0))
        elif (is_group or local == _ROW) and at - self.cuts[-1].at >= self._slice_bytes:
            self.cuts.append(_Cut(at, self._parser.CurrentLineNumber, self._number, self._rows, self._group))
        if local == _ROW:
            self._rows += 1
            self._idle = 0

    def _on_end(self, name: str) -> None:
        self._last = self._parser.CurrentByteIndex
        self._depth -= 1
        if self._depth == 1 and name == self._group_name:
            self._group_at = self._group = None
        elif self._depth == 0:
            self.end = self._last


def _on_doctype(*_: object) -> None:
    raise MalformedBodyError("The body has a DOCTYPE; none is read, whatever it says: leave it out.")


def _later(cut: _Cut) -> Relocate:
    """Return what makes a place in a slice one in the whole body, where its first group is number `cut.number`."""

    def relocate(place: str) -> str:
        group = _GROUP_INDEX.search(place)
        if group is not None:
            place = _GROUP_INDEX.sub(f"group[{int(group[1]) + cut.number - 1}]", place, count=1)
        if group is None or group[1] == "1":
            place = _ROW_INDEX.sub(lambda row: f"dataValue[{int(row[1]) + cut.rows}]", place, count=1)
        return place

    return relocate
