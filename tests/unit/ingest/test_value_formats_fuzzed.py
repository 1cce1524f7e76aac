"""Whatever bytes come as data values, they are read, or refused with a reason: nothing else may happen."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.ingest.domain.errors import IngestError
from services.ingest.domain.reading import PayloadFormat, Reading

ReadBody = Callable[..., Coroutine[Any, Any, Reading]]
_SEEDS: Final = {
    PayloadFormat.DHIS2: b'{"period":"202409","dataValues":[{"dataElement":"Cards","orgUnit":"C1","value":"9",'
    b'"categoryOptionCombo":"Male","lastUpdated":"2024-10-02"},{"dataElement":"Members","orgUnit":"C1","value":8,'
    b'"categoryOptionCombo":{"sex":"M"},"deleted":true}]}',
    PayloadFormat.DHIS2_XML: b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0" period="202409">'
    b'<dataValue dataElement="Cards" orgUnit="C1" value="9" categoryOptionCombo="Male"/></dataValueSet>',
    PayloadFormat.DHIS2_CSV: b'dataelement,period,orgunit,catoptcombo,value,deleted\n"Cards",202409,C1,Male,9,false\n'
    b'Paper,202409,C1,,"true"\r\n',
    PayloadFormat.ADX: b'<adx xmlns="urn:ihe:qrph:adx:2015" exported="2024-10-02T00:00:00Z"><group orgUnit="C1" '
    b'period="2024-09-01/P1M"><dataValue dataElement="Members" sex="M" value="0"><annotation>9</annotation></dataValue>'
    b"</group></adx>",
}
_ODD: Final = (
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b'"', b'""', b"<", b">", b"&", b"]]>", b"<!--", b"<!DOCTYPE x>",
    b"&amp;", b"{", b"}", b"[", b"null", b"NaN", b"1e400", b"-1", b"99999999999999999999999", b"\\ud800", b"\n", b"\t",
    b";", b",", b"0000-00-00", b"9999-12-31/P9999Y", b"2024-13", b"0001-01-01T00:00:00+14:00", b"\xe1\xba\xa1",
)  # fmt: skip
_CHANGES: Final = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 12), st.sampled_from(_ODD) | st.binary(max_size=4)), max_size=4
)


@pytest.mark.parametrize("format_", _SEEDS)
@given(changes=_CHANGES)
@example(changes=[])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_body_that_was_damaged_is_read_or_refused(
    read_body: ReadBody, format_: PayloadFormat, changes: list[tuple[int, int, bytes]]
) -> None:
    body = _SEEDS[format_]
    for at, length, piece in changes:
        body = body[:at] + piece + body[at + length :]

    try:
        reading = asyncio.run(read_body(format_, body))
    except IngestError:
        assert changes
        return
    told = sum(1 + len(draft.mates) for draft in reading.good) + sum(1 + len(bad.mates) for bad in reading.bad)
    assert told + reading.repeated_rows == reading.rows
    assert all(reading.place(row.row) for row in reading.bad)


@pytest.mark.parametrize("format_", _SEEDS)
@given(body=st.binary(max_size=200))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(read_body: ReadBody, format_: PayloadFormat, body: bytes) -> None:
    try:
        reading = asyncio.run(read_body(format_, body))
    except IngestError:
        return
    assert not reading.good
