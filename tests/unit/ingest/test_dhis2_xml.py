"""DHIS2 data value sets in XML: rows and defaults as attributes, and what no XML may bring along."""

import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from services.ingest.adapters.formats.xml_elements import MAX_TAG_BYTES
from services.ingest.domain.errors import MalformedBodyError, PatientLevelDataError, UnsupportedRequestError
from services.ingest.domain.reading import PayloadFormat, Reading
from shared.contracts.vocabulary import QuarantineReason as Reason
from shared.contracts.vocabulary import Stage

ReadBody = Callable[..., Awaitable[Reading]]
ReadXml = Callable[..., Awaitable[Reading]]
CARDS = '<dataValue dataElement="Cards" categoryOptionCombo="Male" period="202409" orgUnit="C1" value="950"/>'
PEOPLE = '<dataValue dataElement="People" categoryOptionCombo="Male" period="202409" orgUnit="C1" value="1000"/>'


@pytest.fixture
def read_xml(read_body: ReadBody) -> ReadXml:
    """Reads a body in XML; keywords are wishes."""

    async def run(body: str | bytes, **wishes: object) -> Reading:
        raw = body if isinstance(body, bytes) else body.encode()
        return await read_body(PayloadFormat.DHIS2_XML, raw, **wishes)

    return run


@pytest.mark.parametrize(
    ("root", "end"),
    [
        ('<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0">', "</dataValueSet>"),
        ("<dataValueSet>", "</dataValueSet>"),
        ('<?xml version="1.0"?><!-- a licence --><dataValueSet xmlns="urn:other">', "</dataValueSet>"),
    ],
)
async def test_the_halves_of_a_ratio_are_paired_whatever_the_namespace(read_xml: ReadXml, root: str, end: str) -> None:
    reading = await read_xml(f"{root}\n{CARDS}\n  {PEOPLE}{end}")

    (draft,) = reading.good
    assert (draft.event.numerator, draft.event.denominator, draft.event.cell) == (950, 1000, "male")
    assert [reading.place(row) for row in (draft.row, *draft.mates)] == [
        "/dataValueSet/dataValue[1]",
        "/dataValueSet/dataValue[2]",
    ]


async def test_what_stands_in_the_root_holds_for_rows_that_do_not_say(read_xml: ReadXml) -> None:
    reading = await read_xml(
        '<dataValueSet idScheme="code" dataSet="DS" completeDate="2024-10-02" period="202409" orgUnit="OrgUnit0001">'
        '<dataValue dataElement="Paper" value="true" timestamp="2024-10-02"/></dataValueSet>'
    )

    (draft,) = reading.good
    assert (draft.event.unit, draft.event.value, draft.event.stage) == ("C1", 1.0, Stage.FINAL)
    assert draft.event.observed_at.isoformat() == "2024-10-01T17:00:00+00:00"
    assert reading.complete_date == "2024-10-02"


async def test_a_value_that_is_deleted_needs_no_value(read_xml: ReadXml) -> None:
    row = CARDS.replace('value="950"', 'deleted="true"')

    reading = await read_xml(f"<dataValueSet>{row}</dataValueSet>")

    assert [draft.event.deleted for draft in reading.good] == [True]


async def test_a_bad_row_is_set_aside_with_its_place(read_xml: ReadXml) -> None:
    flag = CARDS.replace("/>", ' deleted="yes"/>').replace("202409", "202407")
    unknown = PEOPLE.replace("C1", "nowhere")

    reading = await read_xml(f"<dataValueSet>{CARDS}{flag}{unknown}</dataValueSet>")

    assert [(reading.place(bad.row), bad.fault.reason) for bad in sorted(reading.bad, key=lambda bad: bad.row)] == [
        ("/dataValueSet/dataValue[2]", Reason.WRONG_TYPE),
        ("/dataValueSet/dataValue[3]", Reason.UNKNOWN_COMMUNE),
    ]
    assert len(reading.good) == 1


async def test_options_of_an_attribute_are_never_merged_into_the_whole(read_xml: ReadXml) -> None:
    row = CARDS.replace("/>", ' categoryCombo="Mechanism" attributeCategoryOptions="A,B"/>')

    reading = await read_xml(f"<dataValueSet>{row}</dataValueSet>")

    assert [bad.fault.field for bad in reading.bad] == ["attributeOptionCombo"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1258"])
async def test_encodings_that_the_text_declares_are_read(read_xml: ReadXml, encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    row = CARDS.replace("/>", ' comment="Đà"/>')

    assert len((await read_xml(f"{declared}<dataValueSet>{row}</dataValueSet>".encode(encoding))).good) == 1


@pytest.mark.parametrize("strategy", ["DELETE", "DELETES"])
async def test_a_strategy_in_the_root_holds(read_xml: ReadXml, strategy: str) -> None:
    (draft,) = (await read_xml(f'<dataValueSet importStrategy="{strategy}">{CARDS}</dataValueSet>')).good

    assert draft.event.deleted


@pytest.mark.parametrize("attribute", ['dryRun="true"', 'importStrategy="UPDATE"', 'dataElementIdScheme="NAME"'])
async def test_a_root_that_asks_for_what_we_do_not_do_is_refused(read_xml: ReadXml, attribute: str) -> None:
    with pytest.raises(UnsupportedRequestError):
        await read_xml(f"<dataValueSet {attribute}>{CARDS}</dataValueSet>")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param("", "empty", id="nothing"),
        pytest.param("<dataValueSet>", "line 1, column", id="no end"),
        pytest.param(f"<dataValueSet>\n{CARDS}\n<oops", "line 3, column", id="a broken tail"),
        pytest.param(f"<dataValueSet>{CARDS}</dataValueSet><more/>", "junk after", id="two roots"),
        pytest.param("<dataValueSet>\0</dataValueSet>", "line 1", id="a NUL"),
        pytest.param(b"<dataValueSet a='\xff'/>", "line 1", id="no UTF-8"),
        pytest.param('<?xml version="1.0" encoding="klingon"?><dataValueSet/>', "encoding", id="an unknown encoding"),
        pytest.param('<?xml version="1.0" encoding="shift_jis"?><dataValueSet/>', "encoding", id="a wide encoding"),
        pytest.param("<!DOCTYPE dataValueSet><dataValueSet/>", "DOCTYPE", id="a DOCTYPE"),
        pytest.param(
            '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><dataValueSet>&b;</dataValueSet>',
            "DOCTYPE",
            id="a billion laughs",
        ),
        pytest.param(
            '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><dataValueSet period="&f;"/>', "DOCTYPE", id="a file"
        ),
        pytest.param("<dataValueSet>&f;</dataValueSet>", "undefined entity", id="an entity of no DOCTYPE"),
        pytest.param("<dataValueSet>" + "<a>" * 50 + "</a>" * 50 + "</dataValueSet>", "nested", id="deep"),
        pytest.param(
            "<dataValueSet " + " ".join(f'a{n}=""' for n in range(300)) + "/>", "attributes", id="many attributes"
        ),
        pytest.param(f'<dataValueSet a="{"x" * 2 * MAX_TAG_BYTES}"/>', "longer than", id="a long tag"),
        pytest.param(f"<!--{'>' * 2 * MAX_TAG_BYTES}--><dataValueSet/>", "longer than", id="a long comment"),
        pytest.param("<MeasureReport xmlns='http://hl7.org/fhir'/>", "<MeasureReport>", id="another root"),
        pytest.param("<adx/>", "<adx>", id="ADX under another name"),
        pytest.param(f"<dataValueSet><x>{CARDS}</x></dataValueSet>", "<dataValue> stands", id="a value elsewhere"),
        pytest.param("<dataValueSet><deletion/></dataValueSet>", "deletion", id="a deletion scope"),
    ],
)
async def test_a_body_that_is_no_data_value_set_is_refused_as_a_whole(
    read_xml: ReadXml, body: str | bytes, words: str
) -> None:
    with pytest.raises(MalformedBodyError, match=words):
        await read_xml(body)


@pytest.mark.parametrize(
    "body",
    [
        "<GIAMDINHHS><THONGTINDONVI/></GIAMDINHHS>",
        "<TONG_HOP><MA_LK>1</MA_LK><HO_TEN>x</HO_TEN></TONG_HOP>",
        "<DANHSACH><x><so_cccd>1</so_cccd></x></DANHSACH>",
        f'<dataValueSet>{CARDS}<dataValue HO_TEN="x"/></dataValueSet>',
        f"<dataValueSet>{CARDS}<dataValue><MA_THE_BHYT/></dataValue></dataValueSet>",
        '<h:Patient xmlns:h="http://hl7.org/fhir"/>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
async def test_data_of_persons_are_refused_in_any_encoding(read_xml: ReadXml, body: str, encoding: str) -> None:
    with pytest.raises(PatientLevelDataError):
        await read_xml(body.encode(encoding))


async def test_memory_stays_bounded_however_many_rows_there_are(read_body: ReadBody) -> None:
    """Rows that repeat each other, so that nothing but the reading needs memory."""
    body = b"<dataValueSet>" + CARDS.encode() * 60_000 + b"</dataValueSet>"

    tracemalloc.start()
    try:
        reading = await read_body(PayloadFormat.DHIS2_XML, body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert reading.rows == 60_000
    assert peak < 3_000_000
