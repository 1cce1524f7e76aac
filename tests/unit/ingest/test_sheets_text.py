"""CSV files of communes: encodings, delimiters, and numbers that commas and points make unclear."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.adapters.formats.sheets import SheetReader
from services.ingest.domain.errors import IngestError, MalformedBodyError, PatientLevelDataError
from services.ingest.domain.values import BadValue, DataValue
from tests.unit.ingest.sheet_files import CATALOG, good, numbers, read, text

HEAD = ("Mã xã", "Tên xã", "Chỉ tiêu", "Kỳ", "Giới tính", "Tử số", "Mẫu số")
ROWS = (
    ("06184", "Thị trấn Đồng Đăng", "BHYT", "9T/2024", "Nam", "3.401", "3.512"),
    ("06184", "Thị trấn Đồng Đăng", "BHYT", "9T/2024", "Nữ", "3.498", "3.620"),
)
READER = SheetReader(CATALOG.forms, CATALOG.indicators)
NUMBERS = {"line 2, column 6": 3401, "line 2, column 7": 3512, "line 3, column 6": 3498, "line 3, column 7": 3620}


def cp1258(rows: Any) -> bytes:
    """The rows as old Windows programs write them: letters with their tones behind them."""
    tones = dict(zip("\u0300\u0301\u0303\u0309\u0323", "\xcc\xec\xde\xd2\xf2", strict=True))
    whole = "\r\n".join(";".join(map(str, row)) for row in rows)
    written = bytearray()
    for letter in whole:
        try:
            written += letter.encode("cp1258")
        except UnicodeEncodeError:
            import unicodedata

            marks = unicodedata.normalize("NFD", letter)
            tone = next(mark for mark in marks if mark in tones)
            base = unicodedata.normalize("NFC", marks.replace(tone, ""))
            written += base.encode("cp1258") + tones[tone].encode("latin-1")
    return bytes(written)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_every_usual_encoding_and_delimiter_is_read(encoding: str, delimiter: str) -> None:
    assert numbers(read(text((HEAD, *ROWS), delimiter, encoding))) == NUMBERS


def test_windows_1258_is_read_and_composed() -> None:
    placed = read(cp1258((HEAD, *ROWS)))

    assert numbers(placed) == NUMBERS
    assert good(placed)[0].org_unit_name == "Thị trấn Đồng Đăng"


def test_an_old_font_is_refused_with_its_remedy() -> None:
    with pytest.raises(MalformedBodyError, match="the old fonts of TCVN3 and VNI are not read: save it as CSV UTF-8"):
        read(b"M\xb7 x\xb7;T\xaan x\xb7;Ch\xd8 ti\xaau\r\n06184;\xa7\xe5ng;BHYT\r\n")


def test_a_point_in_a_file_with_commas_is_not_taken_for_thousands() -> None:
    placed = read(text((HEAD, ("06184", "", "BHYT", "2024", "Nam", "3.401", "3512")), ","))

    assert numbers(placed) == {"line 2, column 6": "ambiguous_number", "line 2, column 7": 3512}


def test_a_number_with_a_comma_in_quotes_is_read_and_one_without_is_told() -> None:
    head = "Mã xã,Chỉ tiêu,Kỳ,Giá trị\n"

    assert numbers(read(f'{head}06184,Thấp còi,2024,"12,5"\n'.encode())) == {"line 2, column 4": 12.5}
    assert numbers(read(f"{head}06184,Thấp còi,2024,12,5\n".encode())) == {"line 2, column 5": "wrong_type"}


def test_a_shifted_row_is_told_even_when_its_last_cell_is_empty() -> None:
    body = "Mã xã,Chỉ tiêu,Kỳ,Giá trị,Ghi chú\n06184,Thấp còi,2024,12,5,\n"

    assert numbers(read(body.encode())) == {"line 2, column 6": "wrong_type"}


def test_a_row_may_be_shorter_than_the_header() -> None:
    assert numbers(read("Mã xã;Chỉ tiêu;Kỳ;Tử số;Ghi chú\n06184;Thấp còi;2024;5\n".encode())) == {"line 2, column 4": 5}


def test_a_code_in_text_stays_as_it_is_and_loses_its_apostrophe() -> None:
    placed = read("Mã xã;Chỉ tiêu;Kỳ;Tử số\n6184;Thấp còi;2024;5\n'06187 ;Thấp còi;2024;5\n".encode())

    assert [row.org_unit for _, row in placed if isinstance(row, DataValue)] == ["6184", "06187"]


@pytest.mark.parametrize("formula", ["=1+1", "+1+1", "@SUM(1)", "=cmd|' /C calc'!A0", '"=HYPERLINK(""http://x"")"'])
def test_a_formula_in_text_is_text_and_no_number(formula: str) -> None:
    placed = read(f"Mã xã;Chỉ tiêu;Kỳ;Tử số\n06184;Thấp còi;2024;{formula}\n".encode())

    assert numbers(placed) == {"line 2, column 4": "not_a_number"}


def test_two_header_rows_and_one_with_a_slash_are_the_same() -> None:
    two = "Mã xã;Tên xã;Dân số;;Số người có thẻ BHYT;\n;;Nam;Nữ;Nam;Nữ\n06184;A;10;20;5;6\n"
    one = (
        "Mã xã;Tên xã;Dân số / Nam;Dân số / Nữ;Số người có thẻ BHYT - Nam;Số người có thẻ BHYT Nữ\n06184;A;10;20;5;6\n"
    )

    assert [row for _, row in read(two.encode(), period="2024")] == [
        row for _, row in read(one.encode(), period="2024")
    ]


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_a_file_with_all_its_cells_in_quotes_is_read(delimiter: str) -> None:
    rows = (("Mã xã", "Chỉ tiêu", "Kỳ", "Tử số"), ("06184", "Thấp còi", "2024", "12"))
    body = "\ufeff" + "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)

    assert numbers(read(body.encode())) == {"line 2, column 4": 12}


def test_a_cell_with_line_breaks_moves_the_places_below_it() -> None:
    body = 'Mã xã;Chỉ tiêu;Kỳ;Tử số;Ghi chú\n06184;Thấp còi;2024;5;"a\nb"\n06187;Thấp còi;2024;x5;\n'

    assert list(numbers(read(body.encode()))) == ["line 3, column 4", "line 4, column 4"]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "No header"),
        (b"\xef\xbb\xbf", "No header"),
        (b"a;b\n\x00;1\n", "code 0"),
        ('Mã xã;Chỉ tiêu\n"06184;x\n'.encode(), "is no CSV"),
        (b"a" + b";" * 600, "601 cells; 512 are read"),
        (b"\xff\xfea", "in no encoding"),
    ],
)
def test_what_is_no_table_is_refused_in_words(body: bytes, what: str) -> None:
    with pytest.raises(MalformedBodyError, match=what):
        read(body)


def test_a_list_of_persons_is_refused() -> None:
    with pytest.raises(PatientLevelDataError):
        read(b"MA_LK;HO_TEN;NGAY_SINH\n1;A;1990\n")


def test_the_lines_of_a_file_are_read_one_by_one() -> None:
    body = text((HEAD, *ROWS[:1] * 3)) + b'\r\n06184;"'

    with pytest.raises(MalformedBodyError, match="Line 5 is no CSV"):
        read(body)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda tail: f"Mã xã;Chỉ tiêu;Kỳ;Tử số\n{tail}".encode()))
def test_any_bytes_give_rows_or_a_refusal(body: bytes) -> None:
    try:
        placed = read(body, reader=READER) if body[:4] not in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0") else []
    except IngestError:
        return
    assert all(isinstance(row, DataValue | BadValue) for _, row in placed)
