"""Every real file of DATCHUAN_TEST_DATA, posted to the running service: what became of each row, and why.

`reference` says what the software or the guide of a file does with it. "DHIS2's test" are counts that tests of
dhis2-core assert for this very file (DataValueSetServiceTest, DataValueSetServiceIntegrationTest,
AdxDataServiceIntegrationTest, the end-to-end tests), "DHIS2's rule" are those that follow from others of its tests and
from its error codes; FHIR's are the numbers that fhir.resources R4B finds in the report.
"""

import datetime as dt
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from fhir.resources.R4B.measurereport import MeasureReport

from shared.catalog.load import load_catalog
from tests.integration.ingest.conftest import Service
from tests.integration.ingest.payload_catalog import dhis2_catalog

DATA = os.environ.get("DATCHUAN_TEST_DATA")
TABLE = os.environ.get("DATCHUAN_PAYLOAD_TABLE")
pytestmark = [pytest.mark.integration, pytest.mark.skipif(not DATA, reason="DATCHUAN_TEST_DATA names no folder")]
FILES = Path(DATA or "") / "payloads"
NOW = dt.datetime(2026, 11, 2, 5, 0, tzinfo=dt.UTC)
COUNTS = ("accepted", "updated", "deleted", "duplicates", "stale", "quarantined", "refused")
IMPORT, DHIS2, FHIR, EVENTS = "/v1/import", "/api/dataValueSets", "/fhir", "/v1/events"
STORED = "SELECT (SELECT count(*) FROM ingest.request) + (SELECT count(*) FROM ingest.quarantine)"

DELETE, NO_HEADER = "?importStrategy=DELETE", "?firstRowIsHeader=false"
BARE = "dhis2/dxf2_dataValueSetBNoHeader.csv"
XML, JSON, CSV, ADX = "application/xml", "application/json", "text/csv", "application/adx+xml"
CLOUDEVENT, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
TYPES = {".xml": XML, ".json": JSON, ".csv": CSV, ".yaml": "application/yaml", ".feature": "text/plain"}

TIME_RULES = "we order by the sender's time, not by arrival"
A_DUPLICATE = "what is known already is a duplicate, not an update"
NO_SUMS = "a disaggregation that the profile does not list is never summed or dropped"
NO_TEXTS = "we take numbers and yes/no, no texts"
NOT_OURS = "a well-formed event whose data measure nothing of ours is kept in the quarantine"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One file sent to one endpoint, after others were sent to the same: status, counts, reasons of the quarantine."""

    file: str
    path: str
    status: int
    rows: int = 0
    counts: dict[str, int] = {}
    reasons: dict[str, int] = {}
    slug: str = ""
    after: tuple[str, ...] = ()
    query: str = ""
    content_type: str = ""
    reference: str = ""
    why: str = ""

    @property
    def name(self) -> str:
        """What the test is called."""
        after = "".join(f" after {Path(file).stem}" for file in self.after)
        return f"{Path(self.file).name}{self.query} to {self.path}{after}"


def values(file: str, rows: int, reference: str, why: str = "", **fields: Any) -> list[Case]:
    """A file of data values at both of its endpoints: the counts are one, the status follows each one's custom."""
    counts = fields.get("counts", {})
    is_new = any(counts.get(name) for name in ("accepted", "updated", "deleted", "stale"))
    is_known = bool(counts.get("duplicates"))
    statuses = {IMPORT: 202 if is_new else 200 if is_known else 422, DHIS2: 200 if is_new or is_known else 409}
    query, paths = fields.get("query", ""), [IMPORT, DHIS2]
    if query in (DELETE, NO_HEADER) or (file == BARE and not query):
        paths = [DHIS2]  # what only DHIS2's endpoint asks, or knows without being told
    elif query:
        paths = [IMPORT]
    return [
        Case(file=file, path=path, status=statuses[path], rows=rows, reference=reference, why=why, **fields)
        for path in paths
    ]


def aside(**reasons: int) -> dict[str, Any]:
    """Counts and reasons of rows that are set aside, none of them taken."""
    return {"counts": {"quarantined": sum(reasons.values())}, "reasons": reasons}


def dhis2(imported: int = 0, updated: int = 0, deleted: int = 0) -> str:
    """Counts that a test of DHIS2's asserts for the file."""
    return f"DHIS2's test: imported {imported}, updated {updated}, deleted {deleted}"


def by_rule(imported: int = 0, updated: int = 0) -> str:
    """Counts that follow from DHIS2's rules; none of its tests that we found has this very case."""
    return f"DHIS2's rule: imported {imported}, updated {updated}, deleted 0"


def refused(file: str, statuses: dict[str, int], slug: str, reference: str, why: str = "") -> list[Case]:
    """A file that is refused whole: nothing of it is stored."""
    return [
        Case(file=file, path=path, status=statuses[path], slug=slug, reference=reference, why=why) for path in statuses
    ]


def reports(name: str, rows: int, reference: str, why: str = "") -> list[Case]:
    """A summary at both of its endpoints."""
    statuses, counts = {IMPORT: 202, FHIR: 200}, {"accepted": rows}
    return [
        Case(file=f"fhir/{name}.json", path=path, status=statuses[path], rows=rows, counts=counts, reference=reference,
             why=why) for path in statuses
    ]  # fmt: skip


def events(file: str, rows: int, content_type: str = CLOUDEVENT) -> list[Case]:
    """CloudEvents of the specification at both of their endpoints."""
    return [
        Case(
            file=file, path=path, status=422, rows=rows, reference="valid by the specification", why=NOT_OURS,
            content_type=content_type, **aside(unsupported_data=rows),
        )
        for path in (IMPORT, EVENTS)
    ]  # fmt: skip


PERSONS = "patient_level_data"
INDIVIDUAL, RATIO = (f"fhir/deqm_MeasureReport-{name}-measurereport01.json" for name in ("indv", "ratio"))
DESCRIPTIONS = tuple(
    f"cloudevents/conformance_{name}" for name in ("v1.yaml", "v1_minimum.yaml", "http-protocol-binding.feature")
)
NO_BODY = "describes events, is none itself: see below"
WIDE, OLD = "vietnam/synthetic_bhyt_xa_9thang_2024.xlsx", "vietnam/synthetic_legacy.xls"
WRITTEN = "DHIS2's test: written, never read"
NINE = "DHIS2's test: 9 values (disabled there since it moved to PostgreSQL)"
A_TEXT = {"not_a_number": 1}
TWO_OF_NINE: dict[str, Any] = {
    "counts": {"accepted": 2, "quarantined": 7}, "reasons": {"unknown_alias": 6, "not_a_number": 1},
}  # fmt: skip
A, A_DELETED, B, B_UPDATE = (f"dhis2/dataValueSet{name}.xml" for name in ("A", "ADeleted", "B", "BUpdate"))
J = "dhis2/dataValueSetJ.json"
NO_VALUE = "dhis2/dataValueSetJDeleteNoValue.json"
CASES = [
    *values(A, 3, dhis2(3), counts={"accepted": 3}),
    *values(A, 3, by_rule(0, 3), A_DUPLICATE, counts={"duplicates": 3}, after=(A,)),
    *values(A_DELETED, 3, dhis2(0, 0, 3), counts={"deleted": 3}, after=(A,)),
    *values(A_DELETED, 3, by_rule(3), "a deletion is one, known or not", counts={"deleted": 3}),
    *values(B, 12, dhis2(12), counts={"accepted": 12}),
    *values(B, 12, by_rule(0, 12), A_DUPLICATE, counts={"duplicates": 12}, after=(B,)),
    *values(B, 12, dhis2(0, 0, 12), counts={"deleted": 12}, after=(B,), query=DELETE),
    *values(B_UPDATE, 6, dhis2(2, 4), counts={"accepted": 2, "updated": 4}, after=(B,)),
    *values(B, 12, by_rule(8, 4), TIME_RULES, counts={"accepted": 8, "stale": 4}, after=(B_UPDATE,)),
    *values(J, 1, dhis2(1), counts={"accepted": 1}),
    *values(J, 1, by_rule(0, 1), A_DUPLICATE, counts={"duplicates": 1}, after=(J,)),
    *values(J, 1, dhis2(0, 0, 1), counts={"deleted": 1}, after=(J,), query=DELETE),
    *values(NO_VALUE, 1, dhis2(0, 0, 1), counts={"deleted": 1}, after=(J,), query=DELETE),
    *values(NO_VALUE, 1, "DHIS2's rule: a value is required (E7618)", **aside(no_measure=1)),
    *values("dhis2/dataValueSetCreateDate.json", 1, by_rule(1), counts={"accepted": 1}),
    *values("dhis2/dxf2_dataValueSetA.xml", 3, dhis2(3), counts={"accepted": 3}),
    *values("dhis2/dxf2_dataValueSetACatCombo.xml", 3, dhis2(3), counts={"accepted": 3}),
    *values("dhis2/dxf2_dataValueSetACode.xml", 3, dhis2(3), counts={"accepted": 3}),
    *values("dhis2/dxf2_dataValueSetB.csv", 12, dhis2(12), counts={"accepted": 12}),
    *values("dhis2/dxf2_dataValueSetB.csv", 12, by_rule(0, 12), A_DUPLICATE, counts={"duplicates": 12}, after=(B,)),
    *values(BARE, 12, dhis2(12), counts={"accepted": 12}, query="?format=dhis2_csv"),
    *values(BARE, 12, dhis2(12), counts={"accepted": 12}, query=NO_HEADER),
    *values(BARE, 12, "DHIS2's rule: the first row is the header", "seen by its look", counts={"accepted": 12}),
    *values("dhis2/dxf2_dataValueSetC.xml", 3, dhis2(3), counts={"accepted": 3}),
    *values("dhis2/dxf2_dataValueSetIllegalOrgUnit.xml", 1, "DHIS2's rule: 409, none", **aside(unknown_commune=1)),
    *values("dhis2/dxf2_dataValueSetWithDataSetHeader.csv", 3, dhis2(3), counts={"accepted": 3}),
    *values("dhis2/e2e_dataValues_single_dataset.json", 2, "DHIS2's test: 2 taken", counts={"accepted": 2}),
    *refused("dhis2/e2e_empty_file.json", {IMPORT: 400, DHIS2: 409}, "malformed_body", "DHIS2's rule: nothing"),
    *values(
        "adx/adx_data_sample1.xml", 13, "DHIS2's test: both groups read, summaries full of conflicts",
        f"said twice alike is a duplicate; {NO_SUMS}", reasons={"unknown_alias": 6},
        counts={"accepted": 4, "duplicates": 3, "quarantined": 6},
    ),
    *values("adx/exportA.adx.xml", 2, WRITTEN, f"{NO_SUMS}; {NO_TEXTS}", **aside(**A_TEXT, unknown_alias=1)),
    *values("adx/exportC.adx.xml", 4, WRITTEN, f"{NO_SUMS}; {NO_TEXTS}", **aside(**A_TEXT, unknown_alias=3)),
    *values("adx/importA.adx.xml", 9, NINE, f"{NO_SUMS}; {NO_TEXTS}", **TWO_OF_NINE),
    *values("adx/importB.adx.xml", 9, NINE, f"{NO_SUMS}; {NO_TEXTS}", **TWO_OF_NINE),
    *reports("deqm_MeasureReport-summ-measurereport01", 2, "R4B: 1 group, 80 of 100"),
    *reports("deqm_MeasureReport-attestation-boolean", 1, "R4B: 1 group, a yes"),
    *reports("ihe_mADX_MeasureReport-compiled-from-fsh", 1, "R4B: 1 group, 426, and 29 strata by age or test", NO_SUMS),
    *refused(INDIVIDUAL, {IMPORT: 422, FHIR: 422}, PERSONS, "R4B: type individual", "one person is none of ours"),
    *refused(RATIO, {IMPORT: 422, FHIR: 422}, PERSONS, "R4B: type individual", "one person is none of ours"),
    *(case for number in (1, 3, 5) for case in events(f"cloudevents/spec_jsonformat_{number}_event.json", 1)),
    *events("cloudevents/spec_jsonformat_7_batch.json", 2, BATCH),
    *(case for file in DESCRIPTIONS for case in refused(file, {EVENTS: 415}, "unsupported_format", NO_BODY)),
    *refused(DESCRIPTIONS[0], {IMPORT: 415}, "unsupported_format", NO_BODY),
    *(case for file in DESCRIPTIONS[1:] for case in refused(file, {IMPORT: 400}, "malformed_body", NO_BODY)),
    Case(
        file=WIDE, path=IMPORT, status=202, rows=12, counts={"accepted": 11, "quarantined": 1},
        reasons={"ambiguous_number": 1}, reference="11 numbers, and 3.512 as a number (3512 or 3,512?)",
    ),
    Case(file=WIDE, path=IMPORT, status=200, rows=12, counts={"duplicates": 11, "quarantined": 1},
         reasons={"ambiguous_number": 1}, after=(WIDE,), reference="the same again"),
    Case(
        file=OLD, path=IMPORT, query="?form=bhyt-so-the&period=9T/2024", status=202, rows=2, counts={"accepted": 2},
        reference="2 numbers; the sheet names neither its form nor its period",
    ),
    *refused(OLD, {IMPORT: 400}, "malformed_body", "2 numbers; the sheet names neither its form nor its period",
             "never guessed: the request has to name both"),
    Case(file="vietnam/synthetic_semicolon_utf8bom.csv", path=IMPORT, status=202, rows=4, counts={"accepted": 4},
         reference="2 rows of 2 numbers"),
    *refused("vietnam/synthetic_qd4750_GIAMDINHHS.xml", {IMPORT: 422, DHIS2: 422}, PERSONS, "QĐ 4750: one patient"),
]  # fmt: skip


@pytest.fixture(scope="module")
def lines() -> Iterator[list[str]]:
    """The lines of the table: written where the environment says, once the tests of this module have run."""
    collected: list[str] = []
    yield collected
    if TABLE:
        head = "| file | sent to | status | rows | what came out | the reference | why different |\n" + "|---" * 7 + "|"
        Path(TABLE).write_text("\n".join([head, *collected, ""]), encoding="utf-8")


@pytest.fixture
def start(start_service: Callable[..., Any], database_url: str, redis_url: str) -> Callable[[str], Any]:
    """Starts the service with the catalog of a file: the shipped one for the forms of Viet Nam."""

    def begin(file: str) -> Any:
        catalog = load_catalog() if file.startswith("vietnam/") else dhis2_catalog()
        return start_service(database_url, redis_url, catalog)

    return begin


async def send(service: Service, path: str, file: str, content_type: str = "") -> Any:
    service.clock.set(NOW)
    kind = content_type or TYPES.get(Path(file).suffix, "")
    if path.startswith(FHIR):
        kind = "application/fhir+json"
    if file.startswith("adx/"):
        kind = ADX
    return await service.client.post(path, content=(FILES / file).read_bytes(), headers={"Content-Type": kind})


def outcome(path: str, answer: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Counts and reasons of an answer, in rows, whichever endpoint gave it."""
    body = answer.json()
    if path == FHIR:
        told = [(issue["details"].get("coding", [{}])[0], issue) for issue in body["issue"]]
        counts = {
            coding["code"]: int(issue["details"]["text"].split()[1])
            for coding, issue in told
            if coding.get("system") == "urn:datchuan:count"
        }
        return counts, {}
    if path == DHIS2:
        response = body["response"]
        counted = response["importCount"] | response
        counted["accepted"] = counted.pop("imported")
        reasons = [(conflict["errorCode"], len(conflict["indexes"])) for conflict in response["conflicts"]]
    elif path == EVENTS:
        counted, reasons = body, [(error["reason"], 1) for error in body["errors"]]
    else:
        counted, reasons = body, [(conflict["code"], len(conflict["places"])) for conflict in body["conflicts"]]
    summed: Counter[str] = Counter()
    for reason, rows in reasons:
        summed[reason] += rows
    return {name: counted[name] for name in COUNTS if counted.get(name)}, dict(summed)


def line_of(case: Case, answer: Any, told: dict[str, int]) -> str:
    parts = [f"{count} {name}" for name, count in told.items() if name != "rows"]
    parts += [f"{count} {reason}" for reason, count in case.reasons.items()] or ([case.slug] if case.slug else [])
    after = "".join(f", after {Path(file).name}" for file in case.after)
    cells = (case.file, f"{case.path}{case.query}{after}", str(answer.status_code), str(case.rows or "-"),
             ", ".join(parts), case.reference, case.why)  # fmt: skip
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_each_row_of_a_real_file_becomes_what_its_format_says(
    start: Callable[[str], Any], case: Case, lines: list[str]
) -> None:
    async with start(case.file) as service:
        for file in case.after:
            assert (await send(service, case.path, file)).status_code in (200, 202)

        answer = await send(service, f"{case.path}{case.query}", case.file, case.content_type)

        told: dict[str, int] = {}
        assert answer.status_code == case.status, answer.text
        if case.slug:
            assert case.path == DHIS2 or case.slug in answer.text
            assert await service.rows(STORED) == [0]
        else:
            told, reasons = outcome(case.path, answer)
            assert (told.pop("rows", case.rows), told) == (case.rows, case.counts)
            assert sum(told.values()) == case.rows
            assert reasons == case.reasons
    lines.append(line_of(case, answer, told))


def test_every_file_is_tried() -> None:
    tried = {case.file for case in CASES}

    assert tried == {str(file.relative_to(FILES)) for file in FILES.glob("*/*")}


def test_the_oracle_finds_in_the_summaries_what_the_table_says_of_them() -> None:
    found = {}
    for case in CASES:
        if case.path == FHIR:
            report = MeasureReport.model_validate_json((FILES / case.file).read_bytes())
            counts = [item.count for group in report.group or () for item in group.population or ()]
            strata = [
                stratum for group in report.group or () for by in group.stratifier or () for stratum in by.stratum or ()
            ]
            found[Path(case.file).stem] = (report.type, counts, len(strata))

    assert found == {
        "deqm_MeasureReport-summ-measurereport01": ("summary", [100, 80, 100], 0),
        "deqm_MeasureReport-attestation-boolean": ("summary", [15], 0),
        "ihe_mADX_MeasureReport-compiled-from-fsh": ("summary", [426], 29),
        "deqm_MeasureReport-indv-measurereport01": ("individual", [1, 1, 1], 0),
        "deqm_MeasureReport-ratio-measurereport01": ("individual", [1, 1, 1, 9, 1], 0),
    }


def described_events() -> list[tuple[dict[str, str], bytes]]:
    """The requests that the conformance files describe: headers and body of each."""
    requests = []
    for name in ("v1", "v1_minimum"):
        for event in yaml.safe_load_all((FILES / f"cloudevents/conformance_{name}.yaml").read_bytes()):
            attributes = dict(event["ContextAttributes"])
            attributes |= attributes.pop("Extensions", {})
            headers = {"Content-Type": attributes.pop("datacontenttype", JSON)}
            headers |= {f"ce-{key}": str(text).strip() for key, text in attributes.items()}
            requests.append((headers, event["Data"].encode()))
    text = (FILES / "cloudevents/conformance_http-protocol-binding.feature").read_text()
    for sent, table in re.findall(r'"""\s+(POST.*?)"""(.*?)(?:Scenario|\Z)', text, re.DOTALL):
        head, _, body = sent.partition("\n\n")
        for kind in re.findall(
            r"\| (application/\S+?(?:; charset=utf-8)?) +\|\n", table.partition("Examples:")[2] + "\n"
        ):
            named = dict(re.findall(r"([\w-]+): (.+)", head)) | {"Content-Type": kind}
            requests.append(({name: value for name, value in named.items() if name[:2] in ("ce", "Co")}, body.encode()))
    return requests


async def test_the_events_that_the_conformance_files_describe_are_read_and_kept_as_none_of_ours(
    start: Callable[[str], Any], lines: list[str]
) -> None:
    requests = described_events()
    async with start("cloudevents/") as service:
        for path in (EVENTS, IMPORT):
            answers = []
            for headers, body in requests:
                headers.pop("Content-Length", None)
                answers.append(await service.client.post(path, content=body, headers=headers))

            assert [answer.status_code for answer in answers] == [422] * len(requests)
            assert {tuple(outcome(path, answer)[1]) for answer in answers} == {("unsupported_data",)}
    case = Case(
        file="cloudevents/conformance_* (each event)", path=f"{EVENTS}, {IMPORT}", status=422, rows=len(requests),
        reasons={"unsupported_data": len(requests)}, reference="attributes and data as described", why=NOT_OURS,
    )  # fmt: skip
    lines.append(line_of(case, answers[0], {"quarantined": len(requests)}))
