"""DHIS2 data values as CSV: columns by name or by DHIS2's order, and lines as places."""

from collections.abc import Awaitable, Callable

import pytest

from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import MalformedBodyError, PatientLevelDataError
from services.ingest.domain.reading import PayloadFormat, Reading
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Part
from shared.contracts.vocabulary import QuarantineReason as Reason

ReadCsv = Callable[..., Awaitable[Reading]]
HEADER = "dataelement,period,orgunit,categoryoptioncombo,attributeoptioncombo,value,storedby,lastupdated,comment"
CARDS = "Cards,202409,C1,Male,,950,john,2024-10-02,"
PEOPLE = "People,202409,C1,Male,,1000,john,2024-10-02,"


@pytest.fixture
def read_csv(read_body: Callable[..., Awaitable[Reading]]) -> ReadCsv:
    """Reads a body in CSV; keywords are wishes."""

    async def run(body: str | bytes, **wishes: object) -> Reading:
        raw = body if isinstance(body, bytes) else body.encode()
        return await read_body(PayloadFormat.DHIS2_CSV, raw, **wishes)

    return run


async def test_the_halves_of_a_ratio_are_paired_and_their_places_are_lines(read_csv: ReadCsv) -> None:
    reading = await read_csv(f"{HEADER}\n{CARDS}\n{PEOPLE}\n")

    (draft,) = reading.good
    assert (draft.event.numerator, draft.event.denominator, draft.event.cell) == (950, 1000, "male")
    assert [reading.place(row) for row in (draft.row, *draft.mates)] == ["line 2", "line 3"]


@pytest.mark.parametrize(
    "header",
    [
        "Value,ORGUNIT,Period,CatOptCombo,DataElement,AttrOptCombo,LstUpd,Cmt,FlwUp,StrBy,Deleted",
        '"value","orgunit","period","catoptcombo","dataelement","attroptcombo","timestamp","cmt","flwup","strby","x_name"',
        "value , Org Unit,period,category_option_combo,Data Element,attribute-option-combo,created,comment,followup,,",
        "value,orgunit,period,catoptcombo,dataelelement",
    ],
)
async def test_columns_are_found_by_any_of_their_names(read_csv: ReadCsv, header: str) -> None:
    (draft,) = (await read_csv(f"{header}\n950,C1,202409,Male,Cards,,,,,\n")).good

    assert (draft.event.numerator, draft.event.unit, draft.event.cell) == (950, "C1", "male")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
async def test_delimiters_and_byte_order_marks_are_seen(read_csv: ReadCsv, delimiter: str, encoding: str) -> None:
    text = f"{HEADER}\r\n{CARDS}\r\n".replace(",", delimiter)

    assert len((await read_csv(text.encode(encoding))).good) == 1


async def test_rows_may_be_shorter_than_the_header_or_end_in_blanks(read_csv: ReadCsv) -> None:
    reading = await read_csv(f"{HEADER},followup,deleted\n{CARDS}\nPeople,202409,C1,Male,,1000\n{CARDS},,,,,\n")

    assert (reading.rows, len(reading.good), reading.repeated_rows, reading.bad) == (3, 1, 1, [])


async def test_a_row_that_is_longer_than_the_header_is_set_aside(read_csv: ReadCsv) -> None:
    reading = await read_csv(f"{HEADER}\n{CARDS}extra,more\n{CARDS}\n")

    (bad,) = reading.bad
    assert (bad.fault.reason, bad.fault.value, reading.place(bad.row)) == (Reason.WRONG_TYPE, "more", "line 2")
    assert len(reading.good) == 1


async def test_a_file_without_header_is_read_in_the_order_of_dhis2(read_csv: ReadCsv) -> None:
    reading = await read_csv(f"{CARDS}\n{PEOPLE}\n")

    (draft,) = reading.good
    assert (draft.event.part, reading.rows, reading.place(1)) == (Part.MEASURE, 2, "line 2")


async def test_a_sender_may_say_that_there_is_no_header(read_csv: ReadCsv) -> None:
    reading = await read_csv(f"Cards,nonsense,C1,Male,,950\n{PEOPLE}\n", first_row_is_header=False)

    assert ([bad.fault.reason for bad in reading.bad], len(reading.good)) == ([Reason.BAD_PERIOD], 1)


async def test_a_sender_who_says_that_there_is_a_header_must_have_one(read_csv: ReadCsv) -> None:
    with pytest.raises(MalformedBodyError, match="header"):
        await read_csv(f"{CARDS}\n{PEOPLE}\n", first_row_is_header=True)


async def test_lines_are_counted_as_an_editor_shows_them(read_csv: ReadCsv) -> None:
    wrong = CARDS.replace("C1", "nowhere")
    remark = wrong + '"two\nlines"'

    reading = await read_csv(f"\n{HEADER}\n{CARDS}\n\n\n{remark}\n{wrong.replace('202409', '202408')}\n,,,\n{wrong}x\n")

    assert [reading.place(bad.row) for bad in sorted(reading.bad, key=lambda bad: bad.row)] == [
        "line 6",
        "line 8",
        "line 10",
    ]


async def test_a_column_that_dhis2_does_not_have_is_a_disaggregation(read_csv: ReadCsv) -> None:
    reading = await read_csv(
        "dataelement,period,orgunit,value,sex,orgunitname\nMembers,202409,C1,10,M,Xã A\nMembers,202409,C1,30,X,Xã A\n"
    )

    assert [draft.event.cell for draft in reading.good] == ["male"]
    assert [(bad.fault.reason, bad.fault.field) for bad in reading.bad] == [(Reason.UNKNOWN_ALIAS, "sex")]


@pytest.mark.parametrize(("flag", "deleted"), [("true", True), ("TRUE", True), ("1", True), ("false", False)])
async def test_a_deleted_value_needs_no_value(read_csv: ReadCsv, flag: str, deleted: bool) -> None:
    (draft,) = (
        await read_csv(f"dataelement,period,orgunit,catoptcombo,value,deleted\nCards,202409,C1,Male,9,{flag}")
    ).good

    assert draft.event.deleted is deleted


async def test_a_source_with_a_usual_period_needs_no_column_for_it(read_csv: ReadCsv, catalog: Catalog) -> None:
    profile = catalog.profile_by_source["hmis"].model_copy(update={"default_period": "month"})

    reading = await read_csv("dataelement,orgunit,catoptcombo,value\nCards,C1,Male,7\n", table=AliasTable(profile))

    assert [draft.event.period_end.isoformat() for draft in reading.good] == ["2024-09-30"]


async def test_a_period_or_a_deletion_may_come_with_the_request(read_csv: ReadCsv) -> None:
    reading = await read_csv("dataelement,orgunit,catoptcombo\nCards,C1,Male\n", period="202409", delete=True)

    assert [draft.event.deleted for draft in reading.good] == [True]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param("", "empty", id="nothing"),
        pytest.param("\n\n  \n,", "header", id="no header"),
        pytest.param("dataelement,orgunit,value\nCards,C1,1\n", "period", id="no period"),
        pytest.param("dataelement,period,orgunit\nCards,202409,C1\n", "value", id="no value"),
        pytest.param("dataelement,period,orgunit,value,Value\n", "twice", id="a column twice"),
        pytest.param("Chỉ số,Kỳ,Xã,Nam,Nữ,Chung\nCards,202409,C1,1,2,3\n", "header", id="another table"),
        pytest.param(f"{HEADER}\nCards,202409,C1,Male,,\0950\n", "Line 2 has a NUL", id="a NUL"),
        pytest.param(f"{HEADER}\n{CARDS}".encode("utf-16-le"), "NUL", id="UTF-16 without its mark"),
        pytest.param(HEADER.encode() + b"\nXa \xff,1,2\n", "UTF-8", id="no UTF-8"),
        pytest.param(b"\xff,1,2\n", "UTF-8", id="no UTF-8 at once"),
        pytest.param(f'{HEADER}\n{CARDS}\n{CARDS}"open\n{CARDS}\n', "line 3.*quotation", id="an open quotation"),
        pytest.param(f'{HEADER}\n{CARDS}"{"x" * 200_000}"\n', "line 2.*limit", id="an endless field"),
        pytest.param("x" * 50_000, "longer", id="an endless line"),
        pytest.param(HEADER + "\n" * 1_100_000, "blank lines", id="endless blank lines"),
    ],
)
async def test_a_body_that_is_no_table_of_data_values_is_refused_as_a_whole(
    read_csv: ReadCsv, body: str | bytes, words: str
) -> None:
    with pytest.raises(MalformedBodyError, match=words):
        await read_csv(body)


@pytest.mark.parametrize(
    "header",
    [
        "STT,HO_TEN,NGAY_SINH,MA_THE",
        "dataelement,period,orgunit,value,Ho_Ten",
        "dataelement,period,orgunit,value,Mã thẻ BHYT",
        "dataelement,period,Họ và tên,orgunit,value",
        "STT,Họ và tên,Số CCCD,Số tiền",
    ],
)
async def test_columns_about_persons_refuse_the_file(read_csv: ReadCsv, header: str) -> None:
    with pytest.raises(PatientLevelDataError):
        await read_csv(f"{header}\n1,2,3,4,5\n")
