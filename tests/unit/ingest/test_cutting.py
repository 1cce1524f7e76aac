"""Large bodies: the parts together say what the whole says, wherever it is cut, and what is no document is refused."""

import csv
import io
import json
import mmap
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.adapters.formats.cutting import CUTTERS, cut
from services.ingest.adapters.formats.slices import MAX_ROW_BYTES, Slice
from services.ingest.domain.errors import BodyTooLargeError, IngestError, MalformedBodyError, PatientLevelDataError
from services.ingest.domain.reading import PayloadFormat

JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.sampled_from(["dataElement", "value", "period", 'a"b', "\\", "[{"])
FLAT = st.dictionaries(NAMES, JSON_TEXT | st.integers() | st.booleans() | st.none(), max_size=4)
ROWS = st.lists(FLAT | st.dictionaries(NAMES, FLAT, max_size=2) | JSON_TEXT | st.integers(), max_size=20)
SIZES = st.integers(min_value=1, max_value=200)
FIELDS = st.lists(st.text('ab,"\n ;é', max_size=6), min_size=3, max_size=3)
PLACES = st.lists(st.lists(st.integers(0, 99), max_size=6), max_size=8)


def parts_of(format_: PayloadFormat, body: bytes, slice_bytes: int) -> list[tuple[Slice, bytes]]:
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            steps = cut(format_, mapped, slice_bytes)
            while True:
                try:
                    next(steps)
                except StopIteration as done:
                    slices: list[Slice] = done.value
                    break
    return [(part, part.head + body[part.start : part.end] + part.tail) for part in slices]


def indented(document: object, indent: int | None) -> bytes:
    return json.dumps(document, indent=indent, ensure_ascii=False).encode()


@given(ROWS, SIZES, st.sampled_from([None, 2]), st.booleans())
def test_the_data_values_of_the_parts_are_those_of_the_whole(
    rows: list[Any], size: int, indent: int | None, below: bool
) -> None:
    above = {"period": "202409", "x": {"y": ["]", "}"]}}
    whole = {"dataValues": rows, **above} if below else {**above, "dataValues": rows}

    parts = parts_of(PayloadFormat.DHIS2, indented(whole, indent), size)

    documents = [json.loads(body) for _, body in parts]
    assert [row for document in documents for row in document["dataValues"]] == rows
    assert all({**document, "dataValues": []} == {**above, "dataValues": []} for document in documents)
    first = 0
    for (part, _), document in zip(parts, documents, strict=True):
        assert (part.first_row, part.relocate("dataValues[0]")) == (first, f"dataValues[{first}]")
        first += len(document["dataValues"])


@given(ROWS, SIZES, st.sampled_from([None, 1]))
def test_the_rows_of_an_array_are_those_of_the_whole(rows: list[Any], size: int, indent: int | None) -> None:
    parts = parts_of(PayloadFormat.NATIVE_JSON, indented(rows, indent), size)

    assert [row for _, body in parts for row in json.loads(body)] == rows


def test_the_entries_of_a_bundle_keep_their_places() -> None:
    body = b'{"resourceType":"Bundle","entry":[{"a":{"b":1}},{"c":2},{"d":3}],"type":"collection"}'

    parts = parts_of(PayloadFormat.FHIR, body, 1)

    assert [json.loads(text)["entry"] for _, text in parts] == [[{"a": {"b": 1}}], [{"c": 2}], [{"d": 3}]]
    assert all(json.loads(text)["type"] == "collection" for _, text in parts)
    place = "Bundle.entry[0].resource.group[0].population[1]"
    assert [part.relocate(place)[:15] for part, _ in parts] == ["Bundle.entry[0]", "Bundle.entry[1]", "Bundle.entry[2]"]
    assert {part.first_row for part, _ in parts} == {None}


def test_numbers_come_through_as_they_were_written() -> None:
    body = b'{"dataValues":[{"value":1e400},{"value":100000000000000000000000000001},{"value":0.10},{"value":NaN}]}'

    parts = parts_of(PayloadFormat.DHIS2, body, 1)

    assert [text[15:-2] for _, text in parts] == [
        b'{"value":1e400}', b'{"value":100000000000000000000000000001}', b'{"value":0.10}', b'{"value":NaN}',
    ]  # fmt: skip


@given(st.lists(st.text('ab{" é', max_size=8), max_size=20), SIZES)
def test_the_lines_of_the_parts_are_those_of_the_whole_with_their_numbers(lines: list[str], size: int) -> None:
    body = "\n".join([*lines, "{}"]).encode()

    parts = parts_of(PayloadFormat.NDJSON, body, size)

    assert b"".join(text for _, text in parts) == body
    assert [body[: part.start].count(b"\n") for part, _ in parts] == [part.first_row for part, _ in parts]


@given(
    st.lists(FIELDS, min_size=1, max_size=20), SIZES, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"])
)
def test_the_records_of_the_parts_are_those_of_the_whole_with_their_lines(
    records: list[list[str]], size: int, delimiter: str, line_end: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(["dataelement", "period", "value"])
    writer.writerows(records)

    parts = parts_of(PayloadFormat.DHIS2_CSV, text.getvalue().encode(), size)

    read = [list(csv.reader(io.StringIO(body.decode(), newline=""), delimiter=delimiter)) for _, body in parts]
    assert [record for part in read for record in part[1:]] == records
    assert all(part[0] == ["dataelement", "period", "value"] for part in read)
    for part, body in parts:
        before = text.getvalue().encode()[: part.start].count(b"\n")
        assert part.relocate("line 2, value") == f"line {before + 1}, value"
        assert body


def test_a_quotation_mark_within_a_field_holds_no_records_together() -> None:
    body = b'dataelement,period,value\n5" pipe,202409,1\n6" pipe,202409,2\n'

    parts = parts_of(PayloadFormat.DHIS2_CSV, body, 1)

    assert [body[part.start : part.end] for part, _ in parts] == [b'5" pipe,202409,1\n', b'6" pipe,202409,2\n']


@given(PLACES, SIZES, st.sampled_from(["", "a:"]), st.booleans())
def test_the_values_of_adx_parts_are_those_of_the_whole_with_their_places(
    groups: list[list[int]], size: int, prefix: str, spaced: bool
) -> None:
    gap = "\n  <!-- <group> -->" if spaced else ""
    inner = "".join(
        f'{gap}<{prefix}group orgUnit="x>{number}">'
        + "".join(
            f"{gap}<{prefix}dataValue value='{value}'><annotation>n</annotation></{prefix}dataValue>"
            for value in values
        )
        + f"</{prefix}group>"
        for number, values in enumerate(groups, 1)
    )
    named = f'xmlns:{prefix.strip(":")}="urn:x"' if prefix else 'xmlns="urn:x"'
    body = f'<?xml version="1.0"?><{prefix}adx {named} exported="e">{inner}</{prefix}adx>'.encode()

    parts = parts_of(PayloadFormat.ADX, body, size)

    assert list(placed_values(parts)) == list(placed_values([(Slice(0, 0, b"", b"", "", str), body)]))


def placed_values(parts: list[tuple[Slice, bytes]]) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield the place in the whole body, the org unit and the value of every data value."""
    for part, body in parts:
        root = ET.fromstring(body)  # noqa: S314 - written above
        for number, group in enumerate(root.findall("{urn:x}group"), 1):
            for row, value in enumerate(group.findall("{urn:x}dataValue"), 1):
                place = part.relocate(f"/adx/group[{number}]/dataValue[{row}]")
                yield place, group.get("orgUnit"), value.get("value")


@given(st.integers(0, 30), SIZES)
def test_the_values_of_dxf2_parts_are_those_of_the_whole_with_their_places(count: int, size: int) -> None:
    rows = "".join(f'<dataValue value="{number}"/>' for number in range(1, count + 1))
    body = f'<dataValueSet xmlns="urn:x" period="202409">{rows}</dataValueSet>'.encode()

    found = []
    for part, text in parts_of(PayloadFormat.DHIS2_XML, body, size):
        root = ET.fromstring(text)  # noqa: S314 - written above
        assert root.get("period") == "202409"
        for row, value in enumerate(root.findall("{urn:x}dataValue"), 1):
            found.append((part.relocate(f"/dataValueSet/dataValue[{row}]"), value.get("value")))

    assert found == [(f"/dataValueSet/dataValue[{number}]", str(number)) for number in range(1, count + 1)]


@pytest.mark.parametrize("format_", sorted(CUTTERS))
@given(body=st.binary(min_size=1, max_size=300), size=SIZES)
def test_no_body_is_cut_into_anything_but_parts_or_a_refusal(format_: PayloadFormat, body: bytes, size: int) -> None:
    try:
        parts = parts_of(format_, body, size)
    except IngestError:
        return
    ends = [(part.start, part.end) for part, _ in parts]
    assert ends == sorted(ends)
    assert ends[-1][1] <= len(body)


@pytest.mark.parametrize(
    ("format_", "body"),
    [
        pytest.param(PayloadFormat.DHIS2, b'{"dataValues":[{"value":"1"},{"value":"2"}', id="cut off in the array"),
        pytest.param(
            PayloadFormat.DHIS2, b'{"dataValues":[{"value":"1"},{"value":"2"}]', id="cut off behind the array"
        ),
        pytest.param(PayloadFormat.DHIS2, b'{"dataValues":[{"value":"1"},{"value":tru}]}', id="no value"),
        pytest.param(PayloadFormat.DHIS2, b'{"dataValues":[{"value":"1"},]}', id="a comma too many"),
        pytest.param(PayloadFormat.DHIS2, b'{"dataValues":[{"value":"1"}]}[]', id="something behind it"),
        pytest.param(PayloadFormat.DHIS2, b'{"dataValues":[],"dataValues":[]}', id="two arrays"),
        pytest.param(PayloadFormat.DHIS2_CSV, b"Cards,202409,C1,Male,,950\n", id="no header to repeat"),
        pytest.param(PayloadFormat.ADX, b"<adx><group><dataValue/><dataValue/></adx>", id="crossed tags"),
        pytest.param(PayloadFormat.ADX, b"<adx><group><dataValue/>", id="cut off XML"),
        pytest.param(PayloadFormat.ADX, b"<!DOCTYPE adx [<!ENTITY a 'a'>]><adx/>", id="a DOCTYPE"),
        pytest.param(PayloadFormat.ADX, b'<?xml version="1.0" encoding="T"?><adx/>', id="an unknown encoding"),
        pytest.param(PayloadFormat.ADX, b"<adx>" + b"<a>" * 200 + b"</a>" * 200 + b"</adx>", id="deep XML"),
        pytest.param(PayloadFormat.NATIVE_JSON, b'[{"id":"1"},{"id":}]', id="a broken event in an array"),
    ],
)
def test_a_body_that_is_broken_at_its_end_is_refused_before_anything_of_it_is_taken(
    format_: PayloadFormat, body: bytes
) -> None:
    with pytest.raises(MalformedBodyError):
        parts_of(format_, body, 1)


@pytest.mark.parametrize(
    ("format_", "make"),
    [
        pytest.param(PayloadFormat.DHIS2, lambda text: b'{"dataValues":[{},{"value":"' + text + b'"}]}', id="a string"),
        pytest.param(PayloadFormat.DHIS2, lambda text: b'{"x":"' + text + b'","dataValues":[]}', id="beside the rows"),
        pytest.param(PayloadFormat.DHIS2, lambda text: b'{"dataValues":[' + b"[" * len(text), id="nesting"),
        pytest.param(PayloadFormat.NDJSON, lambda text: b"{}\n" + text, id="a line"),
        pytest.param(PayloadFormat.DHIS2_CSV, lambda text: b"dataelement,value\n" + text, id="a record"),
        pytest.param(PayloadFormat.DHIS2_CSV, lambda text: b'dataelement,value\n"' + text, id="a quoted field"),
        pytest.param(PayloadFormat.ADX, lambda text: b'<adx><group a="' + text + b'"/></adx>', id="an attribute"),
    ],
)
def test_one_row_that_is_as_large_as_a_body_is_refused(format_: PayloadFormat, make: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BodyTooLargeError):
        parts_of(format_, make(b"a" * (MAX_ROW_BYTES + 1_000_000)), 1_000)


@pytest.mark.parametrize(
    ("format_", "body"),
    [
        (PayloadFormat.DHIS2, b'{"dataValues":[' + b"1," * 300_000 + b"1]}"),
        (PayloadFormat.NDJSON, b"\n" * 300_000),
        (PayloadFormat.DHIS2_CSV, b"dataelement,value\n" + b"\n" * 300_000),
    ],
)
def test_millions_of_rows_that_are_none_are_refused_before_they_take_minutes(
    format_: PayloadFormat, body: bytes
) -> None:
    with pytest.raises(BodyTooLargeError, match="more than 100000 rows"):
        parts_of(format_, body, 1_000_000)


@pytest.mark.parametrize(
    ("format_", "body"),
    [
        (PayloadFormat.DHIS2, b'{"dataValues":[{"value":"1"},{"value":"2","ho_ten":"x"}]}'),
        (PayloadFormat.ADX, b'<adx><group><dataValue value="1"/><dataValue value="2" ho_ten="x"/></group></adx>'),
        (PayloadFormat.DHIS2_XML, b'<dataValueSet><dataValue value="1"/><dataValue Ngay_Sinh="x"/></dataValueSet>'),
        (PayloadFormat.NATIVE_JSON, b'[{"id":"1"},{"id":"2","ngaySinh":"x"}]'),
        (PayloadFormat.NDJSON, b'{"id":"1"}\n{"id":"2","patientName":"x"}'),
        (PayloadFormat.FHIR, b'{"resourceType":"Bundle","entry":[{},{"resource":{"resourceType":"Patient"}}]}'),
        (
            PayloadFormat.FHIR,
            b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"MeasureReport","type":"individual"}}]}',
        ),
        (
            PayloadFormat.FHIR,
            b'{"resourceType":"Bundle","entry":[{"resource":{"evaluatedResource":[{"reference":"Patient/1"}]}}]}',
        ),
        (PayloadFormat.ADX, b"<adx><group><dataValue/><dataValue><ho_ten>x</ho_ten></dataValue></group></adx>"),
    ],
)
def test_data_of_a_person_in_the_last_row_refuses_the_whole_body(format_: PayloadFormat, body: bytes) -> None:
    with pytest.raises(PatientLevelDataError):
        parts_of(format_, body, 1)


def test_a_workbook_cannot_be_cut() -> None:
    with pytest.raises(BodyTooLargeError, match="cannot be spreadsheet: split the file"):
        parts_of(PayloadFormat.SPREADSHEET, b"PK", 1)
