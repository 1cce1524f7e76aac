"""Bodies as large as may be, made so that reading them takes as long as it can: others must not wait for it."""

# ruff: noqa: E501 - tables, one case a line

import gzip
from collections.abc import Iterator

from tests.integration.ingest.hostile import (
    ADX,
    CLOUDEVENT,
    CSV,
    DHIS2,
    EVENTS,
    FHIR,
    FHIR_JSON,
    IMPORT,
    JSON,
    NDJSON,
    SECONDS,
    SLOW,
    XML,
    Attack,
    Target,
    chunked,
    post,
    raw,
)
from tests.integration.ingest.hostile_persons import GOOD_EVENT, GOOD_VALUE, NAME

BATCH = "application/cloudevents-batch+json"
# What is still read into memory, by default and with the limits of the quick run.
SIZE = 15_000_000 if SLOW else 2_800_000
HUNDRED_MB = 100_000_000
ANYWAY = (200, 202, 400, 409, 413, 415, 422)


def repeated(piece: str | bytes, before: str = "", after: str = "", between: str = ",") -> bytes:
    """As many pieces as fit."""
    text = piece if isinstance(piece, bytes) else piece.encode()
    count = (SIZE - len(before) - len(after)) // (len(text) + len(between))
    return before.encode() + between.encode().join([text] * count) + after.encode()


def events(line: bytes, between: bytes = b"\n") -> bytes:
    """As many events as fit, each with an id of its own."""
    return between.join(line % number for number in range(SIZE // (len(line) + 6)))


LOOSE = GOOD_EVENT.replace(b'"numerator":1', b'"numerator" : 1')
EXTRA = GOOD_EVENT[:-1] + b',"d%d":1,"dekete":1}'
MANY = GOOD_EVENT[:-1] + b"," + b",".join(b'"n%da%%d":1' % number for number in range(80)) + b"}"
CLOUD = b'{"specversion":"1.0","source":"hmis","type":"t","id":"c%d","data":' + GOOD_EVENT + b"}"
MEASURE = (
    '{"resource":{"resourceType":"MeasureReport","status":"complete","type":"summary","measure":"http://x/M/stunting_u5",'
    '"subject":{"identifier":{"value":"06208"}},"period":{"start":"2024-09-01","end":"2024-09-30"},"group":[{}]}}'
)
STRATA = '{"component":[{"code":{"coding":[{"code":"a"}]},"value":{"coding":[{"code":"b"}]}}]}'
GROUP = '{"resourceType":"MeasureReport","status":"complete","type":"summary","measure":"x","group":[{"stratifier":[{"stratum":['
ATTACKS: list[Attack] = [
    post("values with a name twice above them", lambda: repeated(GOOD_VALUE, '{"period":"1","period":"2","dataValues":[', "]}"), (400, 413), ""),
    post("values with blanks before colons", lambda: repeated(GOOD_VALUE.replace(":", " :"), '{"dataValues":[', "]}"), ANYWAY, ""),
    post("values with a quoted colon", lambda: repeated(GOOD_VALUE.replace('"9"', '"9\\":"'), '{"dataValues":[', "]}"), (413,), "body_too_large"),
    post("values with an unknown head", lambda: repeated(GOOD_VALUE, '{"x":1,"dataValues":[', "]}"), ANYWAY, ""),
    post("values and a NaN at their end", lambda: repeated(GOOD_VALUE, '{"dataValues":[', ',{"value":NaN}]}'), ANYWAY, ""),
    post("values that contradict each other", lambda: repeated(GOOD_VALUE + "," + GOOD_VALUE.replace('"9"', '"8"'), '{"dataValues":[', "]}"), (413, 422), ""),
    post("values that are empty objects", lambda: repeated("{}", '{"dataValues":[', "]}"), (413,), "body_too_large"),
    post("values that are nothing", lambda: repeated("1", '{"dataValues":[', "]}"), (413,), "body_too_large"),
    post("one value of all letters", lambda: repeated("x", '{"dataValues":[{"value":"', '"}]}', ""), ANYWAY, ""),
    post("values of categories", lambda: repeated(GOOD_VALUE[:-1] + ',"categoryOptionCombo":{"a":"b","c":"d"}}', '{"dataValues":[', "]}"), (413, 422), ""),
    post("events with a NaN among them", lambda: b"[" + events(GOOD_EVENT, b",") + b',{"value":NaN}]', ANYWAY, "", JSON, EVENTS),
    post("events with blanks before colons", lambda: events(LOOSE), ANYWAY, "", NDJSON, EVENTS),
    post("events with fields nearly known", lambda: events(EXTRA.replace(b"%d", b"%d", 1).replace(b'"d%d"', b'"dx"')), ANYWAY, "", NDJSON, EVENTS),
    post("events with 80 unknown fields each", lambda: b"\n".join(MANY % ((n,) * 81) for n in range(SIZE // 1_100)), ANYWAY, "", NDJSON, EVENTS),
    post("events that are no JSON", lambda: repeated("{", between="\n"), (413,), "body_too_large", NDJSON, EVENTS),
    post("CloudEvents, many", lambda: b"[" + b",".join(CLOUD % (n, n) for n in range(SIZE // 260)) + b"]", ANYWAY, "", BATCH, EVENTS),
    post("CloudEvents that are empty", lambda: repeated("{}", "[", "]"), (413,), "body_too_large", BATCH, EVENTS),
    post("a CloudEvent of many values", lambda: repeated(GOOD_VALUE, '{"specversion":"1.0","source":"hmis","type":"t","id":"c","data":{"dataValues":[', "]}}"), ANYWAY, "", CLOUDEVENT, EVENTS),
    post("a Bundle of many reports", lambda: repeated(MEASURE, '{"resourceType":"Bundle","type":"collection","entry":[', "]}"), ANYWAY, "", FHIR_JSON, FHIR),
    post("a report of many strata", lambda: repeated(STRATA, GROUP, "]}]}]}"), ANYWAY, "", FHIR_JSON, FHIR),
    post("a Bundle of nothing", lambda: repeated("{}", '{"resourceType":"Bundle","entry":[', "]}"), ANYWAY, "", FHIR_JSON, FHIR),
    post("XML of many values", lambda: repeated('<dataValue dataElement="SddDuocDo01" orgUnit="06208" period="202409" value="9"/>', "<dataValueSet>", "</dataValueSet>", ""), ANYWAY, "", XML),
    post("ADX of many groups", lambda: repeated('<group orgUnit="1" period="2"/>', "<adx>", "</adx>", ""), ANYWAY, "", ADX, DHIS2),
    post("ADX of annotations", lambda: repeated("x", '<adx><group orgUnit="1" period="2"><dataValue dataElement="SddDuocDo01"><annotation>', "</annotation></dataValue></group></adx>", ""), ANYWAY, "", ADX, IMPORT),
    post("CSV of many values", lambda: repeated("SddDuocDo01,202409,06208,9", "dataelement,period,orgunit,value\n", between="\n"), ANYWAY, "", CSV),
    post("CSV of one quoted field", lambda: repeated("x\n", 'dataelement,period,orgunit,value\n"', '"', ""), ANYWAY, "", CSV),
    post("CSV of a form, all lines wrong", lambda: repeated("a;b;c;d;e;f;g;h;i", "Mã xã;Tên xã;Chỉ tiêu;Kỳ;Giới tính;Ngành quản lý;Tử số;Mẫu số;Giá trị\n", between="\n"), (413, 422), "", CSV),
    post("text without an end", lambda: repeated("a", between=""), (400, 415), "", CSV),
]  # fmt: skip


def hundred_mb(
    name: str, piece: bytes, statuses: tuple[int, ...], before: bytes = b"", after: bytes = b"", kind: str = JSON
) -> Attack:
    """A body of 100 MB in chunks."""

    def pieces(target: Target) -> Iterator[bytes]:
        block = piece * (1_000_000 // len(piece))

        def body() -> Iterator[bytes]:
            yield before or b" "
            for _ in range(HUNDRED_MB // len(block)):
                yield block
            yield after or b" "

        yield from chunked(IMPORT, target, body(), **{"Content-Type": kind})

    return raw(f"100 MB: {name}", f"POST {IMPORT} {kind}, in chunks", pieces, statuses, seconds=3 * SECONDS, slow=True)


_OPEN = b'{"dataValues":['
ATTACKS += [
    hundred_mb("a person in the last row", GOOD_VALUE.encode() + b",", (422,), _OPEN, f'{{"ho_ten":"{NAME}"}}]}}'.encode()),
    hundred_mb("the same value again and again", GOOD_VALUE.encode() + b",", (200, 202), _OPEN, GOOD_VALUE.encode() + b"]}"),
    hundred_mb("empty values", b"{},", (413,), _OPEN, b"{}]}"),
    hundred_mb("a nest", b"[", (400, 413, 415)),
    hundred_mb("one text", b"x", (400, 413), b'{"dataValues":[{"value":"', b'"}]}'),
    hundred_mb("XML of nothing", b"<a/>", (400, 413), b"<dataValueSet>", b"</dataValueSet>", XML),
    hundred_mb("CSV lines too long", b"1,2,3,4,5\n", (413,), b"dataelement,period,orgunit,value\n", kind=CSV),
    hundred_mb("CSV of one quoted field", b"x", (400, 413), b'dataelement,period,orgunit,value\n"', b'"', CSV),
    hundred_mb("lines that are no JSON", b"{\n", (413,), kind=NDJSON),
    post("100 MB: values in a gzip", lambda: gzip.compress(_OPEN + (GOOD_VALUE.encode() + b",") * 1_300_000 + GOOD_VALUE.encode() + b"]}", 1), (200, 202), "", slow=True),
]  # fmt: skip
