"""Cuts JSON bodies: the rows of one array, with all that stands beside it repeated for every slice.

Rows are found in the bytes as they came, so nothing of them changes: no number is rounded, no key is merged.
"""

import codecs
import mmap
import re
from collections.abc import Callable, Generator
from typing import Final, NoReturn

import msgspec

from services.ingest.adapters.formats.fhir import refuse_references_to_persons
from services.ingest.adapters.formats.slices import (
    MAX_GAP_BYTES,
    MAX_HEAD_BYTES,
    MAX_ROW_BYTES,
    MAX_ROWS,
    SLICE_BYTES,
    Cutting,
    Relocate,
    Slice,
    row_too_large,
    too_many_rows,
)
from services.ingest.domain.documents import UNDECODABLE, decode_document
from services.ingest.domain.errors import BodyTooLargeError, MalformedBodyError
from services.ingest.domain.faults import RefusedError
from services.ingest.domain.native import decode_fast, diagnose

_TEXT: Final = rb'"(?:[^"\\]++|\\.)*+"'
_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_NAME: Final = re.compile(rb"(" + _TEXT + rb")[ \t\r\n]*+:[ \t\r\n]*+", re.DOTALL)
_FLAT_ROW: Final = re.compile(rb'[ \t\r\n]*+\{(?:[^"{}\[\]]++|' + _TEXT + rb")*+\}[ \t\r\n]*+(?=[,\]])", re.DOTALL)
_TOKEN: Final = re.compile(_TEXT + rb'|[\[\]{}"]', re.DOTALL)
_SCALAR: Final = re.compile(_TEXT + rb'|[^\s,"\[\]{}]++', re.DOTALL)
_INDEX: Final = re.compile(r"\[(\d+)\]")
_COMMA, _END_OF_ARRAY, _END_OF_OBJECT, _ARRAY, _OBJECT = b",]}[{"
_ROWS_BETWEEN_YIELDS: Final = 10_000
_decode_rows: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode

_Span = tuple[int, int, int]
_Check = Callable[[bytes], Generator[None, None, None]]


def cut_rows(body: mmap.mmap, slice_bytes: int = SLICE_BYTES) -> Cutting:
    """Cut an array of native events; data of a person in one of them refuses the whole body."""
    document = _Document(body, slice_bytes, _check_events, "")
    return _cut_array(document, "A body of this size must be an array of events: one event is never that large.")


def cut_batch(body: mmap.mmap, slice_bytes: int = SLICE_BYTES) -> Cutting:
    """Cut a batch of CloudEvents."""
    document = _Document(body, slice_bytes, _check_document, "")
    return _cut_array(document, "A body of this size must be a batch of CloudEvents: one is never that large.")


def _cut_array(document: "_Document", refusal: str) -> Cutting:
    """Cut a body that is one array and nothing else."""
    if document.next_byte() != _ARRAY:
        raise BodyTooLargeError(refusal)
    document.position += 1
    spans = yield from document.read_array()
    document.expect_end()
    return [Slice(start, end, b"[", b"]", f"[{row}]", str, row) for start, end, row in spans]


def cut_data_values(body: mmap.mmap, slice_bytes: int = SLICE_BYTES) -> Cutting:
    """Cut a DHIS2 data value set."""
    name = "dataValues"
    document = _Document(body, slice_bytes, _check_document, name)
    beside, spans = yield from document.read_object("Send fewer data values at a time.")
    head = yield from _head(name, beside)
    return [Slice(start, end, head, b"]}", f"{name}[{row}]", _later(row), row) for start, end, row in spans]


def cut_bundle(body: mmap.mmap, slice_bytes: int = SLICE_BYTES) -> Cutting:
    """Cut a FHIR Bundle between its entries, each of which makes several rows."""
    name = "entry"
    document = _Document(body, slice_bytes, _check_resources, name)
    beside, spans = yield from document.read_object("Send a Bundle of MeasureReports, or fewer at a time.")
    head = yield from _head(name, beside)
    return [Slice(start, end, head, b"]}", f"Bundle.{name}[{at}]", _later(at)) for start, end, at in spans]


def _head(name: str, beside: list[bytes]) -> Generator[None, None, bytes]:
    """Return what stands before the rows of every slice: all members beside them, wherever they came."""
    head = b"{" + b"".join(member + b"," for member in beside) + msgspec.json.encode(name) + b":["
    yield from _check_document(head + b"]}", is_whole=True)
    return head


def _later(by: int) -> Relocate:
    """Return what adds to the first index in a place: that of the array that was cut."""
    return lambda place: _INDEX.sub(lambda found: f"[{int(found[1]) + by}]", place, count=1)


class _Document:
    """A JSON document that is read from its beginning; `position` is where to go on."""

    def __init__(self, body: mmap.mmap, slice_bytes: int, check: "_Check", name: str) -> None:
        self._body = body
        self._slice_bytes = slice_bytes
        self._check = check
        self._name = name
        self.position = len(codecs.BOM_UTF8) if body[:3] == codecs.BOM_UTF8 else 0

    def next_byte(self) -> int:
        """Go to the next byte that is no space and return it, 0 at the end."""
        found = _SPACE.match(self._body, self.position, self.position + MAX_GAP_BYTES)
        self.position = found.end() if found else self.position
        return self._body[self.position] if self.position < len(self._body) else 0

    def read_object(self, unless: str) -> Generator[None, None, tuple[list[bytes], list[_Span]]]:
        """Return the members beside the array of rows, as they came, and the slices of the array."""
        if self.next_byte() != _OBJECT:
            raise BodyTooLargeError(f"A JSON body of this size must be an object. {unless}")
        beside: list[bytes] = []
        spans: list[_Span] | None = None
        separator = _COMMA
        while separator == _COMMA:
            self.position += 1
            self.next_byte()
            start, name = self.position, self._read_name()
            if name != self._name:
                beside.append(self._read_beside(start, sum(map(len, beside)), unless))
            elif spans is not None or self.next_byte() != _ARRAY:
                self._refuse(f'"{name}" must be one array')
            else:
                self.position += 1
                spans = yield from self.read_array()
            separator = self.next_byte()
        if separator != _END_OF_OBJECT:
            self._refuse("a comma or the end of the object is missing")
        self.position += 1
        self.expect_end()
        if spans is None:
            raise BodyTooLargeError(f'A JSON body of this size must have an array "{self._name}". {unless}')
        return beside, spans

    def read_array(self) -> Generator[None, None, list[_Span]]:
        """Return where the slices of the array, whose bracket was passed, begin and end, and their first rows."""
        body, start, row, first = self._body, self.position, 0, 0
        spans: list[_Span] = []
        if self.next_byte() == _END_OF_ARRAY:
            self.position += 1
            return [(start, start, 0)]
        while True:
            end = self._end_of_row(row)
            row += 1
            is_last = body[end] == _END_OF_ARRAY
            if is_last or end - start >= self._slice_bytes:
                yield from self._check_slice(start, end, first)
                spans.append((start, end, first))
                start, first = end + 1, row
                body.madvise(mmap.MADV_DONTNEED)
            elif row % _ROWS_BETWEEN_YIELDS == 0:
                if row - first >= MAX_ROWS:
                    raise too_many_rows(f"{self._name}[{row}]")
                yield
            self.position = end + 1
            if is_last:
                return spans

    def expect_end(self) -> None:
        """Raise unless nothing but spaces follows."""
        if self.next_byte():
            self._refuse("something follows after the end of the document")

    def _end_of_row(self, row: int) -> int:
        found = _FLAT_ROW.match(self._body, self.position, self.position + MAX_ROW_BYTES)
        if found:
            return found.end()
        self._pass_value(MAX_ROW_BYTES, f"{self._name}[{row}]")
        if self.next_byte() not in (_COMMA, _END_OF_ARRAY):
            self._refuse("a comma or the end of the array is missing", row)
        return self.position

    def _read_name(self) -> str:
        found = _NAME.match(self._body, self.position, self.position + MAX_HEAD_BYTES)
        if found is None:
            self._refuse("a name in quotes and a colon are missing")
        self.position = found.end()
        try:
            return str(msgspec.json.decode(found[1]))
        except UNDECODABLE:
            self._refuse("a name is no text")

    def _read_beside(self, start: int, so_far: int, unless: str) -> bytes:
        self._pass_value(MAX_HEAD_BYTES, f'what stands beside "{self._name}"')
        if so_far + self.position - start > MAX_HEAD_BYTES:
            raise BodyTooLargeError(f'What stands beside "{self._name}" is too large. {unless}')
        return self._body[start : self.position]

    def _pass_value(self, limit: int, place: str) -> None:
        """Go behind the value that begins here."""
        first, start = self.next_byte(), self.position
        end = start + limit
        if first not in (_OBJECT, _ARRAY):
            found = _SCALAR.match(self._body, start, end)
            if found is None:
                self._cut_off(end, place)
            self.position = found.end()
            return
        depth = 0
        for found in _TOKEN.finditer(self._body, start, end):
            token = found[0]
            if token in (b"{", b"["):
                depth += 1
            elif token in (b"}", b"]"):
                depth -= 1
                if not depth:
                    self.position = found.end()
                    return
        self._cut_off(end, place)

    def _cut_off(self, end: int, place: str) -> NoReturn:
        if end < len(self._body) and self._body[self.position] in b'{["':
            raise row_too_large(place)
        self._refuse(f"{place} is no value, or the body is cut off")

    def _check_slice(self, start: int, end: int, first: int) -> Generator[None, None, None]:
        try:
            yield from self._check(b"[" + self._body[start:end] + b"]")
        except RefusedError as refused:
            self._refuse(refused.fault.detail, first)

    def _refuse(self, why: str, row: int | None = None) -> NoReturn:
        where = f"byte {self.position}" if row is None else f"{self._name}[{row}] or a later row of the same part"
        raise MalformedBodyError(f"The body is not JSON at {where}: {why}. Nothing of it was stored.")


def _check_document(text: bytes, *, is_whole: bool = False) -> Generator[None, None, None]:
    yield
    try:
        decode_document(text)
    except RefusedError as refused:
        if is_whole:
            raise MalformedBodyError(f"The body is not JSON: {refused.fault.detail}.") from None
        raise


def _check_resources(text: bytes) -> Generator[None, None, None]:
    refuse_references_to_persons(text)
    yield from _check_document(text)


def _check_events(text: bytes) -> Generator[None, None, None]:
    """Raise for data of persons and for what is no JSON; what else is wrong with an event is told when it is read."""
    try:
        rows = _decode_rows(text)
    except UNDECODABLE:
        yield from _check_document(text)
        return
    for number, raw in enumerate(rows):
        if number % 2_000 == 0:
            yield
        try:
            decode_fast(raw)
        except UNDECODABLE:
            diagnose(bytes(raw))
