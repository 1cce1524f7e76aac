"""POST /v1/import with the files that people fill in: the delivered forms as workbooks and CSV, alone and together."""

import datetime as dt
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
import xlsxwriter
import xlwt

from shared.catalog.load import load_catalog

pytestmark = pytest.mark.integration
HEAD = ["Mã xã", "Tên xã", "Chỉ tiêu", "Kỳ", "Giới tính", "Tử số", "Mẫu số"]
ROW = ["06196", "", "BHYT", "9T/2024", "Nam", "1201", "1290"]
WRONG = ["99999", "", "BHYT", "9T/2024", "Nam", "1201", "1290"]


def an_xlsx(*rows: list[str]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("Số liệu")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return file.getvalue()


def an_xls(*rows: list[str]) -> bytes:
    file, book = io.BytesIO(), xlwt.Workbook()
    sheet = book.add_sheet("Số liệu")
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            sheet.write(number, column, text)
    book.save(file)
    return file.getvalue()


def a_csv(*rows: list[str]) -> bytes:
    return "\r\n".join(";".join(row) for row in rows).encode("utf-16")


@pytest.fixture
async def real(start_service: Any, database_url: str, redis_url: str) -> AsyncIterator[Any]:
    """The service with the catalog that is delivered; its client sends as a source without a profile."""
    async with start_service(database_url, redis_url, load_catalog()) as running:
        _, token = await running.tokens.create("commune", "xa-06196")
        running.client.headers["authorization"] = f"Bearer {token}"
        yield running


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/vnd.ms-excel", "application/json"])
@pytest.mark.parametrize(("make", "place"), [(an_xlsx, "Số liệu!A3"), (an_xls, "Số liệu!A3"), (a_csv, "line 3")])
async def test_a_sheet_is_recognized_and_bad_cells_are_told_by_place(
    real: Any, make: Any, place: str, content_type: str
) -> None:
    body = make(HEAD, ROW, WRONG)

    answer = await real.client.post("/v1/import", content=body, headers={"Content-Type": content_type})

    assert answer.status_code == 202, answer.text
    assert (answer.json()["accepted"], answer.json()["quarantined"]) == (answer.json()["rows"] // 2,) * 2
    assert answer.json()["conflicts"][0]["code"] == "unknown_commune"
    assert place[:-2] in answer.json()["conflicts"][0]["place"]
    assert len(await real.journal()) == 1


async def test_several_sheets_are_sent_at_once(real: Any) -> None:
    files = [
        ("file", ("Xã Một.xlsx", an_xlsx(HEAD, ROW), "application/octet-stream")),
        ("file", ("Xã Hai.csv", a_csv(HEAD, ROW), "text/csv")),
    ]

    answer = await real.client.post("/v1/import", files=files, data={"observed_at": "2024-10-02T08:00:00+07:00"})

    told = answer.json()["files"]
    assert answer.status_code == 202
    assert [(file["file"], file["format"], file["status"]) for file in told] == [
        ("Xã Một.xlsx", "spreadsheet", 202), ("Xã Hai.csv", "csv", 200),
    ]  # fmt: skip
    assert told[1]["duplicates"] == told[1]["rows"]


async def test_the_rows_of_a_large_form_are_taken_by_and_by_and_are_rows_of_one_request(real: Any) -> None:
    days = [(dt.date(2023, 1, 1) + dt.timedelta(days=day)).strftime("%d/%m/%Y") for day in range(520)]
    codes = [unit.code for unit in load_catalog().units if unit.level == "commune" and unit.effective_to][:20]
    rows = [[code, "", "BHYT", f"từ ngày {day} đến ngày {day}", "Nam", "90", "100"] for code in codes for day in days]
    body = a_csv(HEAD, *rows, WRONG)
    full = a_csv(HEAD, *rows[:10_000])

    assert (await real.client.post("/v1/import", content=full)).json()["accepted"] == 20_000
    answer = await real.client.post("/v1/import", content=body)

    report = answer.json()
    assert (answer.status_code, report["rows"]) == (202, 2 * len(rows) + 2)
    assert (report["duplicates"], report["accepted"]) == (20_000, 2 * len(rows) - 20_000)
    (conflict,) = report["conflicts"]
    assert [place.split(",")[0] for place in conflict["places"]] == [f"line {len(rows) + 2}"] * 2
    assert await real.rows("SELECT count(*) FROM ingest.journal") == [len(rows)]
    assert await real.rows("SELECT count(*), count(DISTINCT request_id) FROM ingest.journal") == [(len(rows), 2)]
    assert len(await real.rows("SELECT id FROM ingest.request")) == 2
    again = (await real.client.post("/v1/import", content=body)).json()
    assert (again["accepted"], again["duplicates"]) == (0, 2 * len(rows))
