"""The same synthetic figures in every format that ingest reads: communes by month, ten figures each.

A figure is one half of a ratio of workload v1's indicators, so two of them make one report.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import xlsxwriter
import yaml

from benchmarks.workload import SCALES
from services.ingest.domain.reading import PayloadFormat

MONTHS: Final = 12
OBSERVED_AT: Final = "2027-01-10T08:30:00.000"
_SHEET_HEAD: Final = ("Mã xã", "Kỳ")
_CSV_HEAD: Final = "dataelement,period,orgunit,categoryoptioncombo,attributeoptioncombo,value,storedby,lastupdated"


@dataclass(frozen=True)
class Figure:
    """What a figure is: its indicator, its part of the ratio, and for whom."""

    indicator: str
    role: str
    sex: str | None = None

    @property
    def element(self) -> str:
        """The data element that stands for it."""
        return f"{self.indicator}_{self.role[0].upper()}"

    @property
    def title(self) -> str:
        """The header of its column."""
        return " ".join((self.indicator, self.role, self.sex or "")).strip()


_ROLES: Final = ("numerator", "denominator")
FIGURES: Final = (
    *(Figure(key, role, sex) for key in ("15.1", "14.1") for sex in ("male", "female") for role in _ROLES),
    *(Figure("15.3", role) for role in _ROLES),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """The figures of one commune in one month, in the order of FIGURES."""

    commune: str
    month: int
    numbers: tuple[int, ...]

    @property
    def period(self) -> str:
        """The month as DHIS2 writes it."""
        return f"2026{self.month:02d}"


def rows(count: int) -> Iterator[Row]:
    """Yield the rows of all communes for one month, then the next; there are no more than communes times months."""
    communes = SCALES["national"].communes
    if count > communes * MONTHS:
        raise ValueError(f"there are {communes * MONTHS} rows, not {count}")
    for number in range(count):
        commune, month = number % communes, number // communes + 1
        numbers = tuple(
            1_000 if figure.role == "denominator" else (number * 7 + at * 31) % 1_000
            for at, figure in enumerate(FIGURES)
        )
        yield Row(f"X{commune:05d}", month, numbers)


def write_profile(catalog: Path) -> None:
    """Add the source's profile and the form to a catalog folder."""
    options = {None: "*", "male": "M", "female": "F"}
    aliases = [
        {
            "element": figure.element, "option": options[figure.sex], "indicator": figure.indicator,
            "role": figure.role, **({"sex": figure.sex} if figure.sex else {}),
        }
        for figure in FIGURES
    ] + [{"element": key, "indicator": key, "role": "ratio"} for key in ("15.1", "14.1", "15.3")]  # fmt: skip
    categories = [{"names": ["sex", "gender"], "sex": {"M": "male", "F": "female"}}]
    profile = {"source": "hmis", "name_vi": "Nguồn đo", "aliases": aliases, "categories": categories}
    columns: list[dict[str, Any]] = [
        {"header": [_SHEET_HEAD[0]], "holds": "commune_code"},
        {"header": [_SHEET_HEAD[1]], "holds": "period"},
    ]
    for figure in FIGURES:
        column = {"header": [figure.title], "holds": "measure", "indicator": figure.indicator, "role": figure.role}
        columns.append(column | ({"sex": figure.sex} if figure.sex else {}))
    form = {"id": "bench", "name_vi": "Biểu đo", "columns": columns, "period": ["column"]}
    for folder, name, content in (("profiles", "hmis", profile), ("forms", "bench", form)):
        (catalog / folder).mkdir(exist_ok=True)
        text = yaml.dump(content, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
        (catalog / folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def body_of(format_: PayloadFormat, count: int, times: int = 0) -> bytes:
    """Return the first `count` rows as a body in a format, ten values a row; `times` makes them later ones."""
    if format_ is PayloadFormat.SPREADSHEET:
        return _workbook(count)
    before, between, after = _FRAMES[format_]
    return before + between.join(_part(format_, row, times) for row in rows(count)) + after


def large_body(format_: PayloadFormat, size: int) -> tuple[bytes, int]:
    """Return a body of at least `size` bytes and how many rows of figures it holds; they repeat with later times."""
    before, between, after = _FRAMES[format_]
    parts: list[bytes] = []
    length = times = 0
    while length < size:
        for row in rows(SCALES["national"].communes * MONTHS):
            part = _part(format_, row, times)
            parts.append(part)
            length += len(part) + len(between)
            if length >= size:
                break
        times += 1
    return before + between.join(parts) + after, len(parts)


_HEAD_JSON: Final = b'{"dataSet":"bench","dataValues":['
_ADX_HEAD: Final = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<adx xmlns="urn:ihe:qrph:adx:2015" exported="{OBSERVED_AT}Z">\n'
)
_FRAMES: Final = {
    PayloadFormat.DHIS2: (_HEAD_JSON, b",", b"]}"),
    PayloadFormat.DHIS2_XML: (b'<dataValueSet xmlns="http://dhis2.org/schema/dxf/2.0">\n', b"\n", b"\n</dataValueSet>"),
    PayloadFormat.DHIS2_CSV: (_CSV_HEAD.encode() + b"\n", b"", b""),
    PayloadFormat.ADX: (_ADX_HEAD.encode(), b"\n", b"\n</adx>"),
    PayloadFormat.FHIR: (b'{"resourceType":"Bundle","type":"collection","entry":[', b",", b"]}"),
    PayloadFormat.NDJSON: (b"", b"\n", b"\n"),
    PayloadFormat.NATIVE_JSON: (b"[", b",", b"]"),
}


def _part(format_: PayloadFormat, row: Row, times: int = 0) -> bytes:
    """Return the ten values of a row; `times` makes them later ones."""
    observed_at = f"2027-01-10T08:{30 + times % 30:02d}:{times // 30:02d}.000"
    if format_ is PayloadFormat.ADX:
        return _adx_group(row).encode()
    if format_ is PayloadFormat.FHIR:
        return _entry(row, observed_at)
    if format_ in (PayloadFormat.NDJSON, PayloadFormat.NATIVE_JSON):
        joined = b"\n" if format_ is PayloadFormat.NDJSON else b","
        return joined.join(msgspec.json.encode(event) for event in _events(row, observed_at))
    write = _WRITERS[format_]
    return write(
        (figure.element, row.period, row.commune, (figure.sex or "")[:1].upper(), str(number), observed_at)
        for figure, number in zip(FIGURES, row.numbers, strict=True)
    ).encode()


_Values = Iterator[tuple[str, str, str, str, str, str]]


def _as_json(values: _Values) -> str:
    return ",".join(
        f'{{"dataElement":"{element}","period":"{period}","orgUnit":"{unit}",'
        + (f'"categoryOptionCombo":"{option}",' if option else "")
        + f'"value":"{value}","lastUpdated":"{at}"}}'
        for element, period, unit, option, value, at in values
    )


def _as_xml(values: _Values) -> str:
    return "\n".join(
        f'<dataValue dataElement="{element}" period="{period}" orgUnit="{unit}" '
        + (f'categoryOptionCombo="{option}" ' if option else "")
        + f'value="{value}" lastUpdated="{at}"/>'
        for element, period, unit, option, value, at in values
    )


def _as_csv(values: _Values) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(
        (element, period, unit, option, "", value, "bench", at) for element, period, unit, option, value, at in values
    )
    return text.getvalue()


_WRITERS: Final = {
    PayloadFormat.DHIS2: _as_json, PayloadFormat.DHIS2_XML: _as_xml, PayloadFormat.DHIS2_CSV: _as_csv,
}  # fmt: skip


def _adx_group(row: Row) -> str:
    values = "".join(
        f'<dataValue dataElement="{figure.element}" '
        + (f'sex="{figure.sex[0].upper()}" ' if figure.sex else "")
        + f'value="{number}"/>\n'
        for figure, number in zip(FIGURES, row.numbers, strict=True)
    )
    return f'<group orgUnit="{row.commune}" period="2026-{row.month:02d}-01/P1M" dataSet="bench">\n{values}</group>'


def _ratios(row: Row) -> Iterator[tuple[str, str | None, int, int]]:
    """Yield indicator, sex, numerator and denominator of a row."""
    for at in range(0, len(FIGURES), 2):
        yield FIGURES[at].indicator, FIGURES[at].sex, row.numbers[at], row.numbers[at + 1]


def _events(row: Row, observed_at: str) -> Iterator[dict[str, Any]]:
    for indicator, sex, numerator, denominator in _ratios(row):
        event = {
            "id": f"{row.commune}-{row.period}-{indicator}-{sex}-{observed_at}", "commune": row.commune,
            "indicator": indicator, "sex": sex, "period": row.period, "numerator": numerator,
            "denominator": denominator, "observed_at": f"{observed_at}Z",
        }  # fmt: skip
        yield {name: value for name, value in event.items() if value is not None}


def _entry(row: Row, observed_at: str) -> bytes:
    def counts(numerator: int, denominator: int) -> list[dict[str, Any]]:
        parts = (("numerator", numerator), ("denominator", denominator))
        return [{"code": {"coding": [{"code": code}]}, "count": count} for code, count in parts]

    groups = []
    for key in ("15.1", "14.1"):
        strata = [
            {"value": {"coding": [{"code": (sex or "")[:1].upper()}]}, "population": counts(numerator, denominator)}
            for indicator, sex, numerator, denominator in _ratios(row)
            if indicator == key
        ]
        stratifier = {"code": [{"coding": [{"code": "sex"}]}], "stratum": strata}
        groups.append({"code": {"coding": [{"code": key}]}, "stratifier": [stratifier]})
    _, _, numerator, denominator = list(_ratios(row))[-1]
    groups.append({"code": {"coding": [{"code": "15.3"}]}, "population": counts(numerator, denominator)})
    report = {
        "resourceType": "MeasureReport", "status": "complete", "type": "summary", "date": f"{observed_at}Z",
        "measure": "http://example.org/Measure/bench", "subject": {"identifier": {"value": row.commune}},
        "period": {"start": f"2026-{row.month:02d}-01", "end": f"2026-{row.month:02d}-{_LAST_DAYS[row.month - 1]}"},
        "group": groups,
    }  # fmt: skip
    return msgspec.json.encode({"resource": report})


_LAST_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _workbook(count: int) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Biểu")
        sheet.write_row(0, 0, [*_SHEET_HEAD, *(figure.title for figure in FIGURES)])
        for at, row in enumerate(rows(count), 1):
            sheet.write_row(at, 0, [row.commune, row.period, *row.numbers])
    return out.getvalue()
