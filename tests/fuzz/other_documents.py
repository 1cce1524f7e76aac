"""Small grammars of XML and of tables in text: DHIS2's XML and CSV, ADX, and the forms of the catalog as CSV."""

import csv
import io
from collections.abc import Sequence
from random import Random
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from tests.fuzz.json_documents import data_value
from tests.fuzz.words import COMMUNES, MOMENTS, NAMES, NUMBERS, PERIODS, number, sometimes, usually

_NOT_IN_XML: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF))
_DECLARATIONS: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>',
    "",
    '<?xml version="1.0"?>\n',
    '<?xml version="1.1"?>',
)
_WIDE: Final = (
    ("TT", "Mã xã", "Tên xã, thị trấn", "Dân số", "", "Số người có thẻ BHYT", "", "Tỷ lệ (%)", "Ghi chú"),
    ("", "", "", "Nam", "Nữ", "Nam", "Nữ", "", ""),
)
_LONG: Final = ("Mã xã", "Tên xã", "Chỉ tiêu", "Kỳ", "Giới tính", "Ngành quản lý", "Tử số", "Mẫu số", "Giá trị")
_TITLES: Final = (
    "BIỂU TỔNG HỢP TỶ LỆ THAM GIA BHYT 9 THÁNG NĂM 2024",
    "Tháng 9 năm 2024",
    "Năm 2024, quý III/2024",
    "",
)
_INDICATORS: Final = ("bhyt_coverage", "Tỷ lệ tham gia BHYT", "stunting_u5", "food_safety_incident", "x", "")
_ENCODINGS: Final = ("utf-8", "utf-8-sig", "utf-8", "utf-16", "utf-16-le", "cp1258")


def _attributes(fields: dict[str, Any]) -> str:
    texts = {name: "" if value is None else str(value) for name, value in fields.items() if name.isalpha()}
    return "".join(f" {name}={quoteattr(text.translate(_NOT_IN_XML))}" for name, text in texts.items())


def _noise(random: Random) -> str:
    return (
        random.choice(("<!-- x -->", "<?pi?>", "<![CDATA[ ]]>", "<other a='1'/>", "text", "\n"))
        if sometimes(random, 0.1)
        else ""
    )


def dhis2_xml(random: Random) -> bytes:
    """Return a DHIS2 data value set as XML."""
    head = {"period": usually(random, PERIODS, 0.8)} | ({"orgUnit": "C1"} if sometimes(random) else {})
    head |= {"completeDate": usually(random, MOMENTS)} if sometimes(random) else {}
    values = "".join(
        f"<dataValue{_attributes(data_value(random))}/>{_noise(random)}" for _ in range(random.randrange(8))
    )
    namespace = random.choice(("", ' xmlns="http://dhis2.org/schema/dxf/2.0"', ' xmlns="urn:x"'))
    return f"{random.choice(_DECLARATIONS)}<dataValueSet{namespace}{_attributes(head)}>{values}</dataValueSet>".encode()


def adx(random: Random) -> bytes:
    """Return an ADX message."""
    groups = []
    for _ in range(random.randrange(1, 4)):
        period = usually(random, ("2024-09-01/P1M", "2024-01-01/P9M", *PERIODS))
        head = {"orgUnit": usually(random, COMMUNES), "period": period, "dataSet": "x"}
        rows = []
        for _ in range(random.randrange(6)):
            value = {"dataElement": random.choice(("Members", "Residents", "Cards", "Paper")), "value": number(random)}
            value |= {"sex": random.choice(("M", "F", "T", "?"))} if sometimes(random, 0.5) else {}
            value |= {"age": "all"} if sometimes(random) else {}
            note = f"<annotation>{escape(random.choice(NUMBERS))}</annotation>" if sometimes(random, 0.2) else ""
            rows.append(f"<dataValue{_attributes(value)}>{note}</dataValue>{_noise(random)}")
        groups.append(f"<group{_attributes(head)}>{''.join(rows)}</group>{_noise(random)}")
    head = {"exported": usually(random, MOMENTS)}
    prefix = random.choice(("", "", "a:"))
    body = "".join(groups)
    if prefix:
        body = body.replace("<group", "<a:group").replace("</group", "</a:group").replace("dataValue>", "dataValue>")
    name = f"{prefix}adx"
    space = f' xmlns{":a" if prefix else ""}="urn:ihe:qrph:adx:2015"'
    return f"{random.choice(_DECLARATIONS)}<{name}{space}{_attributes(head)}>{body}</{name}>".encode()


def _as_csv(random: Random, rows: Sequence[Sequence[Any]]) -> str:
    stored = io.StringIO()
    writer = csv.writer(
        stored,
        delimiter=random.choice(",,;\t"),
        quoting=random.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
        lineterminator=random.choice(("\n", "\r\n", "\r")),
    )
    writer.writerows(rows)
    return stored.getvalue()


def dhis2_csv(random: Random) -> bytes:
    """Return DHIS2 data values as CSV."""
    columns = ["dataelement", "period", "orgunit", "catoptcombo", "attroptcombo", "value", "storedby", "lastupdated",
               "comment", "followup", "deleted"][: random.choice((6, 8, 11, 11))]  # fmt: skip
    rows: list[list[Any]] = [columns] if sometimes(random, 0.9) else []
    for _ in range(random.randrange(1, 8)):
        value = data_value(random)
        cells = [
            value.get("dataElement"), usually(random, PERIODS), value.get("orgUnit"), value.get("categoryOptionCombo"),
            None, value.get("value"), "admin", usually(random, MOMENTS), "", "false",
            random.choice(("", "true", "false")),
        ]  # fmt: skip
        rows.append([str(cell) if cell is not None else "" for cell in cells[: len(columns)]])
    return _as_csv(random, rows).encode(usually(random, _ENCODINGS, 0.8), "replace")


def form_rows(random: Random) -> list[list[Any]]:
    """Return the cells of a sheet that one of the forms describes."""
    title = [[random.choice(_TITLES)]] if sometimes(random, 0.9) else []
    codes = ("06208", "06187", "C1", "", "6208", "06208.0")
    if sometimes(random, 0.6):
        rows = [
            [index, usually(random, codes), random.choice(NAMES), *(_cell(random) for _ in range(4)), "96,7", ""]
            for index in range(random.randrange(1, 6))
        ]
        if sometimes(random, 0.3):
            rows.append(["", "", "Tổng cộng", *(_cell(random) for _ in range(4)), "", ""])
        return [*title, *([[]] if sometimes(random, 0.3) else []), *map(list, _WIDE), *rows]
    rows = [
        [usually(random, codes), random.choice(NAMES), usually(random, _INDICATORS), usually(random, PERIODS),
         random.choice(("Nam", "Nữ", "", "x")), random.choice(("", "Y tế", "Nông nghiệp")),
         *(_cell(random) for _ in range(3))]
        for _ in range(random.randrange(1, 6))
    ]  # fmt: skip
    return [*title, list(_LONG), *rows]


def _cell(random: Random) -> Any:
    return random.randint(1, 5_000) if sometimes(random, 0.6) else random.choice((*NUMBERS, "", "-", "…", "#DIV/0!"))


def csv_form(random: Random) -> bytes:
    """Return a form of the catalog as CSV, in one of the encodings of offices."""
    return _as_csv(random, form_rows(random)).encode(usually(random, _ENCODINGS, 0.6), "replace")


def units_csv(random: Random) -> bytes:
    """Return a table of units, or of succession."""
    if sometimes(random, 0.5):
        rows: list[list[Any]] = [["code", "name", "level", "type", "parent", "effective_from", "effective_to", "kind"]]
        rows += [
            [f"0{code}", random.choice(NAMES), random.choice(("commune", "district", "province", "x")),
             random.choice(("xa", "phuong", "")), random.choice(("01", "", "00")),
             random.choice(("2025-07-01", "", "2025-02-30")), random.choice(("", "2026-01-01")), ""]
            for code in range(random.randrange(1, 6))
        ]  # fmt: skip
        return _as_csv(random, rows).encode()
    rows = [["old_code", "old_name", "old_district_code", "old_district", "new_code", "new_name", "new_province_code",
             "new_province", "kind", "default"]]  # fmt: skip
    for _ in range(random.randrange(1, 8)):
        rows.append([random.choice(("06208", "06187", "", "1")), random.choice(NAMES), random.choice(("183", "")),
                     "Huyện Cao Lộc", random.choice(("06211", "06187", "")), random.choice(NAMES), "20", "Lạng Sơn",
                     random.choice(("whole", "split", "split-default", "")), ""])  # fmt: skip
    return _as_csv(random, rows).encode()
