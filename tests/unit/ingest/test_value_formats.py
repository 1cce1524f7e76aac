"""Whatever DHIS2's data values are written in, the same values become the same reports; real files show it."""

import asyncio
import csv
import datetime as dt
import io
import os
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import quoteattr

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.reading import PayloadFormat, Reading
from shared.catalog.profiles import SourceProfile
from shared.contracts.vocabulary import QuarantineReason as Reason

ReadBody = Callable[..., Coroutine[Any, Any, Reading]]
Written = dict[str, str]
_FIELDS: Final = (
    "dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo", "value", "lastUpdated",
    "deleted",
)  # fmt: skip

_ODD: Final = st.text(alphabet="ab09.,;\"'<&>é-Đ", max_size=6)
_VALUES: Final = st.fixed_dictionaries(
    {
        "dataElement": st.sampled_from(["Cards", "People", "Paper", "Stunted", "<&\"'", ""]),
        "period": st.sampled_from(["202409", "2024-08-01/P1M", "2023Q4", "soon"]),
        "orgUnit": st.sampled_from(["C1", "OrgUnit0001", "C2", 'Xã "é" <1>']),
        "categoryOptionCombo": st.sampled_from(["Male", "Female", ""]),
        "attributeOptionCombo": st.sampled_from(["", "", "HllvX50cXC0", "A"]),
        "value": st.sampled_from(["950", "1000", "10.0", "true", "0", "-3"]) | _ODD,
        "lastUpdated": st.sampled_from(["", "2024-10-02T01:30:00.000+0000", "2024-10-03"]),
        "deleted": st.sampled_from(["", "false", "true"]),
    }
)


def as_json(values: list[Written]) -> bytes:
    rows = [value | {"deleted": value["deleted"] == "true"} for value in values]
    return msgspec.json.encode({"dataValues": rows})


def as_xml(values: list[Written]) -> bytes:
    return f"<dataValueSet>{''.join(f'<dataValue {_attributes(value)}/>' for value in values)}</dataValueSet>".encode()


def as_csv(values: list[Written]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, _FIELDS)
    writer.writeheader()
    writer.writerows(values)
    return text.getvalue().encode()


def as_adx(values: list[Written]) -> bytes:
    groups = [
        f"<group {_attributes({name: value[name] for name in ('orgUnit', 'period')})}>"
        f"<dataValue {_attributes({name: text for name, text in value.items() if name not in ('orgUnit', 'period')})}/>"
        "</group>"
        for value in values
    ]
    return f'<adx xmlns="urn:ihe:qrph:adx:2015">{"".join(groups)}</adx>'.encode()


def _attributes(value: Written) -> str:
    return " ".join(f"{name}={quoteattr(text)}" for name, text in value.items())


_WRITERS: Final = {
    PayloadFormat.DHIS2: as_json,
    PayloadFormat.DHIS2_XML: as_xml,
    PayloadFormat.DHIS2_CSV: as_csv,
    PayloadFormat.ADX: as_adx,
}


def _outcome(reading: Reading) -> dict[str, Any]:
    return {
        "good": sorted((draft.row, draft.mates, draft.tail) for draft in reading.good),
        "bad": sorted((bad.row, bad.mates, bad.fault.reason, bad.fault.field, bad.fault.value) for bad in reading.bad),
        "rows": (reading.rows, reading.repeated_rows),
    }


@given(st.lists(_VALUES, min_size=1, max_size=12))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_values_become_the_same_reports_in_every_format(read_body: ReadBody, values: list[Written]) -> None:
    outcomes = [
        _outcome(asyncio.run(read_body(format_, write(values), first_row_is_header=True)))
        for format_, write in _WRITERS.items()
    ]

    assert all(outcome == outcomes[0] for outcome in outcomes)


class Came(NamedTuple):
    """What comes of a file: rows, reports, repetitions, and bad rows by reason."""

    rows: int
    reports: int
    repeated: int = 0
    bad: dict[Reason, int] = {}  # noqa: RUF012 - a constant of this module


# DHIS2 takes as many values of each file, save that it stores free text, ages and mechanisms, which are none of our
# measures, and that it refuses all of a group whose values repeat.
EXPECTED: Final = {
    "dhis2/dataValueSetA.xml": Came(3, 3),
    "dhis2/dataValueSetADeleted.xml": Came(3, 3),
    "dhis2/dataValueSetB.xml": Came(12, 8),
    "dhis2/dataValueSetBUpdate.xml": Came(6, 6),
    "dhis2/dataValueSetCreateDate.json": Came(1, 1),
    "dhis2/dataValueSetJ.json": Came(1, 1),
    "dhis2/dataValueSetJDeleteNoValue.json": Came(1, 0, 0, {Reason.NO_MEASURE: 1}),
    "dhis2/dxf2_dataValueSetA.xml": Came(3, 3),
    "dhis2/dxf2_dataValueSetACatCombo.xml": Came(3, 2),
    "dhis2/dxf2_dataValueSetACode.xml": Came(3, 2),
    "dhis2/dxf2_dataValueSetB.csv": Came(12, 8),
    "dhis2/dxf2_dataValueSetBNoHeader.csv": Came(12, 8),
    "dhis2/dxf2_dataValueSetC.xml": Came(3, 2),
    "dhis2/dxf2_dataValueSetIllegalOrgUnit.xml": Came(1, 0, 0, {Reason.UNKNOWN_COMMUNE: 1}),
    "dhis2/dxf2_dataValueSetWithDataSetHeader.csv": Came(3, 3),
    "dhis2/e2e_dataValues_single_dataset.json": Came(2, 2),
    "adx/adx_data_sample1.xml": Came(13, 4, 3, {Reason.UNKNOWN_ALIAS: 6}),
    "adx/exportA.adx.xml": Came(2, 1, 0, {Reason.NOT_A_NUMBER: 1}),
    "adx/exportC.adx.xml": Came(4, 1, 0, {Reason.NOT_A_NUMBER: 1, Reason.UNKNOWN_ALIAS: 2}),
    "adx/importA.adx.xml": Came(9, 3, 0, {Reason.NOT_A_NUMBER: 1, Reason.UNKNOWN_ALIAS: 5}),
    "adx/importB.adx.xml": Came(9, 3, 0, {Reason.NOT_A_NUMBER: 1, Reason.UNKNOWN_ALIAS: 5}),
}
_EMPTY: Final = "dhis2/e2e_empty_file.json"


@pytest.fixture(scope="session")
def payloads() -> Path:
    """The folder of real files."""
    folder = os.environ.get("DATCHUAN_TEST_DATA")
    if not folder:
        pytest.skip("DATCHUAN_TEST_DATA names no folder of real files")
    return Path(folder) / "payloads"


@pytest.fixture(scope="session")
def their_words() -> AliasTable:
    """A profile in the words of the real files: their elements are counts of children, of people and papers."""
    of_dhis2 = {
        "f7n9E0hX8qk": ("kids", "numerator"), "Ix2HsbDMLea": ("kids", "denominator"),
        "eY5ehpbEsB7": ("mixed", "numerator"),
        "DE_A": ("kids", "numerator"), "DE_B": ("kids", "denominator"), "DE_C": ("mixed", "numerator"),
    }  # fmt: skip
    aliases: list[dict[str, Any]] = [
        {"element": element, "option": "*", "indicator": indicator, "role": role}
        for element, (indicator, role) in of_dhis2.items()
    ]
    aliases += [
        {"element": "BjDrgVrkBI3", "option": option, "indicator": "rate", "role": "numerator", "sex": sex}
        for option, sex in (("oPcWGgS2Liz", "male"), ("rtfSaMjPyq6", "female"))
    ]
    numbers, texts = ("Malaria numeric", "Mal_num", "MalNummmmmm"), ("Malaria text", "Mal_text", "MalTexttttt")
    aliases += [{"element": name, "option": "default", "indicator": "rate", "role": "numerator"} for name in numbers]
    aliases += [{"element": name, "indicator": "paper", "role": "value"} for name in texts]
    food = {"indicator": "food", "role": "numerator"}
    aliases += [
        {"element": "MAL01", "indicator": "kids", "role": "numerator"},
        {"element": "MAL02", "indicator": "mixed", "role": "numerator"},
        food | {"element": "MAL03", "sector": "health"},
        food | {"element": "MAL04", "sector": "agriculture"},
    ]
    women, men = ("FFFFFFFFFFF", "F", "Female"), ("MMMMMMMMMMM", "M", "Male")
    sexes = dict.fromkeys(women, "female") | dict.fromkeys(men, "male")
    under_5 = ("under555555", "under5", "Under 5")
    profile = {
        "source": "hmis",
        "name_vi": "HMIS",
        "aliases": aliases,
        "categories": [
            {"names": ["Sex_category", "sex", "sexxxxxxxxx"], "sex": sexes},
            {"names": ["Age_category", "age", "ageeeeeeeee"], "total": under_5},
        ],
        "org_units": dict.fromkeys(
            ("DiszpKrYNg8", "OU_A", "O6uvpzGd5pu", "342", "123", "P1233333333", "Provincial Hospital"), "C1"
        )
        | dict.fromkeys(("BdfsJfj87js", "456", "D4566666666", "District Hospital"), "C2"),
    }
    return AliasTable(SourceProfile.model_validate(profile))


def _format_of(name: str) -> PayloadFormat:
    formats = {
        ".json": PayloadFormat.DHIS2,
        ".csv": PayloadFormat.DHIS2_CSV,
        ".xml": PayloadFormat.ADX if name.startswith("adx/") else PayloadFormat.DHIS2_XML,
    }
    return formats[Path(name).suffix]


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_real_file_gives_what_its_format_says(
    payloads: Path, their_words: AliasTable, read_body: ReadBody, name: str
) -> None:
    reading = await read_body(_format_of(name), (payloads / name).read_bytes(), their_words)

    bad = Counter(bad.fault.reason for bad in reading.bad)
    assert Came(reading.rows, len(reading.good), reading.repeated_rows, dict(bad)) == EXPECTED[name]
    taken = sum(1 + len(draft.mates) for draft in reading.good)
    assert taken + reading.repeated_rows + len(reading.bad) == reading.rows


def test_every_real_file_is_looked_at(payloads: Path) -> None:
    files = {f"{path.parent.name}/{path.name}" for folder in ("dhis2", "adx") for path in (payloads / folder).iterdir()}

    assert files == {*EXPECTED, _EMPTY}


async def test_a_real_empty_file_is_refused(payloads: Path, read_body: ReadBody) -> None:
    with pytest.raises(MalformedBodyError, match="empty"):
        await read_body(PayloadFormat.DHIS2, (payloads / _EMPTY).read_bytes())


async def test_a_real_value_without_number_can_be_deleted_by_strategy(
    payloads: Path, their_words: AliasTable, read_body: ReadBody
) -> None:
    body = (payloads / "dhis2/dataValueSetJDeleteNoValue.json").read_bytes()

    (draft,) = (await read_body(PayloadFormat.DHIS2, body, their_words, delete=True)).good

    assert (draft.event.deleted, draft.event.period_end) == (True, dt.date(2012, 1, 31))
