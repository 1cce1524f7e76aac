"""Small grammars of the JSON formats: native events, CloudEvents, DHIS2 data values, FHIR MeasureReports."""

import base64
import json
from random import Random
from typing import Any, Final

from tests.fuzz.words import COMMUNES, MOMENTS, PERIODS, number, sometimes, spoiled, usually

_INDICATORS: Final = ("rate", "kids", "food", "events", "paper", "mixed", "tele", "book", "nothing")
_ELEMENTS: Final = ("Cards", "People", "Paper", "Events", "Stunted", "Members", "Residents", "Nothing", "RATE", "KIDS")
_OPTIONS: Final = ("Male", "Female", "Farm", "M", "F", "T", "HllvX50cXC0", "default", None, "?")
_STAGES: Final = ("final", "preliminary", "draft", "")
_SUBJECTS: Final = ({"identifier": {"value": "C1"}}, {"reference": "Location/C1"}, {"display": "Xã Một"})
_SPACES: Final = (None, None, None, 1, "\t", "\r\n ")


def written(random: Random, document: Any) -> bytes:
    """Return a document as JSON, in one of the ways that software writes it."""
    text = json.dumps(document, ensure_ascii=sometimes(random, 0.3), indent=random.choice(_SPACES))
    if sometimes(random, 0.03):  # a name said twice
        text = text.replace('"value"', '"period"', 1) if sometimes(random, 0.5) else text.replace('": ', '":1,"a": ', 1)
    return text.encode("utf-8", "surrogatepass")


def event(random: Random) -> dict[str, Any]:
    """Return a native event."""
    indicator = usually(random, _INDICATORS, 0.4)
    known: dict[str, Any] = {
        "id": usually(random, (f"e{random.randrange(50)}", "", "a\0b", "e\u0301", "x" * 300, "\u200b"), 0.9),
        "commune": usually(random, COMMUNES),
        "indicator": indicator,
        "period": usually(random, PERIODS),
        "observed_at": usually(random, MOMENTS),
    }
    if indicator in ("rate", "tele"):
        known["sex"] = usually(random, ("female", "male", "other", None))
    if indicator in ("food", "events"):
        known["sector"] = usually(random, ("agriculture", "health", "farm"))
    if indicator in ("events", "paper"):
        known["value"] = random.choice((True, False, 0, 3, 96.7)) if sometimes(random, 0.8) else number(random)
    else:
        known |= {"numerator": number(random), "denominator": number(random)}
    for name, value in (("source", "bhxh"), ("deleted", True), ("stage", random.choice(_STAGES))):
        if sometimes(random):
            known[name] = value
    if sometimes(random):
        known["evidence"] = spoiled(random, {"uri": "https://example.org/1", "sha256": "0" * 64,
                                             "issued_on": "2024-01-02", "valid_until": "2027-01-02"})  # fmt: skip
    return spoiled(random, known)


def native_json(random: Random) -> bytes:
    """Return one event, or an array of them."""
    if sometimes(random, 0.3):
        return written(random, event(random))
    return written(random, [event(random) for _ in range(random.randrange(8))])


def ndjson(random: Random) -> bytes:
    """Return one event a line."""
    rows = [json.dumps(event(random), ensure_ascii=False).encode() for _ in range(random.randrange(1, 8))]
    return random.choice((b"\n", b"\n", b"\r\n", b"\n\n", b"\n \n")).join(rows)


def data_value(random: Random) -> dict[str, Any]:
    """Return one DHIS2 data value."""
    known: dict[str, Any] = {
        "dataElement": usually(random, _ELEMENTS, 0.3),
        "orgUnit": usually(random, COMMUNES),
        "value": number(random),
    }
    option = random.choice(_OPTIONS)
    if option is not None:
        known["categoryOptionCombo"] = {"sex": option} if sometimes(random, 0.2) else option
    more: tuple[tuple[str, Any], ...] = (
        ("period", usually(random, PERIODS)), ("lastUpdated", usually(random, MOMENTS)), ("deleted", True),
        ("attributeOptionCombo", random.choice(("HllvX50cXC0", "x"))), ("comment", "ghi chú"), ("followup", False),
        ("storedBy", "admin"), ("created", usually(random, MOMENTS)),
    )  # fmt: skip
    known |= {name: value for name, value in more if sometimes(random, 0.2)}
    return spoiled(random, known)


def data_value_set(random: Random) -> dict[str, Any]:
    """Return a DHIS2 data value set."""
    head: dict[str, Any] = {"period": usually(random, PERIODS, 0.8)}
    more: tuple[tuple[str, Any], ...] = (
        ("orgUnit", "C1"), ("completeDate", usually(random, MOMENTS)), ("dataSet", "abc"), ("idScheme", "code"),
        ("orgUnitIdScheme", "UID"), ("dryRun", True), ("attributeOptionCombo", "default"),
        ("attributeCategoryOptions", ["x"]), ("importStrategy", "DELETE"),
    )  # fmt: skip
    head |= {name: value for name, value in more if sometimes(random, 0.06)}
    return spoiled(random, head | {"dataValues": [data_value(random) for _ in range(random.randrange(8))]})


def dhis2(random: Random) -> bytes:
    """Return a DHIS2 data value set as JSON."""
    return written(random, data_value_set(random))


def _concept(random: Random, *codes: str) -> Any:
    concept = {
        "coding": [{"system": "http://example.org", "code": code} for code in codes],
        "text": random.choice(codes),
    }
    return spoiled(random, concept)


def _populations(random: Random) -> list[Any]:
    names = ["initial-population", "numerator", "denominator", "denominator-exclusion"]
    return [
        spoiled(random, {"code": _concept(random, name), "count": number(random), "id": "p"})
        for name in names[: random.randrange(5)]
    ]


def _score(random: Random) -> dict[str, Any]:
    value: Any = {"value": number(random), "unit": random.choice(("%", "1", "")), "code": random.choice(("%", "1"))}
    if sometimes(random, 0.1):
        value = {
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "nan"}]
        }
    return {random.choice(("measureScore", "measureScoreQuantity")): value}


def _group(random: Random) -> dict[str, Any]:
    group: dict[str, Any] = {
        "code": _concept(random, usually(random, _ELEMENTS, 0.1)),
        "population": _populations(random),
    }
    if sometimes(random, 0.3):
        group |= _score(random)
    if sometimes(random, 0.4):
        strata = []
        for sex in ("M", "F", "T")[: random.randrange(4)]:
            value: dict[str, Any] = random.choice(
                ({"value": _concept(random, sex)}, {"valueCodeableConcept": _concept(random, sex)},
                 {"component": [{"code": _concept(random, "sex"), "value": _concept(random, sex)}]})
            )  # fmt: skip
            strata.append(spoiled(random, value | {"population": _populations(random)} | _score(random)))
        group["stratifier"] = [spoiled(random, {"code": [_concept(random, "sex")], "stratum": strata})]
    return spoiled(random, group)


def measure_report(random: Random) -> dict[str, Any]:
    """Return a FHIR MeasureReport."""
    start, end = usually(
        random, (("2024-09-01", "2024-09-30"), ("2024-09", "2024-09"), ("2024", "2023"), ("0001", "9999"))
    )
    return spoiled(random, {
        "resourceType": "MeasureReport",
        "id": "mr1",
        "status": usually(random, ("complete", "pending", "error", "x")),
        "type": usually(random, ("summary", "summary", "subject-list", "individual", ""), 0.95),
        "measure": "http://example.org/Measure/some|1",
        "subject": random.choice(_SUBJECTS),
        "date": usually(random, MOMENTS),
        "period": spoiled(random, {"start": start, "end": end}),
        "group": [_group(random) for _ in range(random.randrange(4))],
    })  # fmt: skip


def fhir(random: Random) -> bytes:
    """Return a MeasureReport, or a Bundle of them."""
    if sometimes(random, 0.6):
        return written(random, measure_report(random))
    others = ({"resourceType": "Location", "id": "C1", "name": "Xã Một"}, {"resourceType": "Measure", "id": "some"})
    resources = [measure_report(random) if sometimes(random, 0.7) else random.choice(others) for _ in range(3)]
    entries = [spoiled(random, {"fullUrl": "urn:uuid:1", "resource": resource}) for resource in resources]
    return written(random, spoiled(random, {"resourceType": "Bundle", "type": "collection", "entry": entries}))


def cloud_event(random: Random) -> dict[str, Any]:
    """Return a CloudEvent with native events, or a document of another format, as its data."""
    known: dict[str, Any] = {
        "specversion": usually(random, ("1.0", "0.3", "1.1"), 0.95),
        "id": usually(random, (f"c{random.randrange(50)}", "", "a\0", "y" * 300), 0.9),
        "source": usually(random, ("hmis", "bhxh", "/hmis", "", "bad\u0000")),
        "type": usually(random, ("vn.datchuan.report", "x"), 0.9),
        "time": usually(random, MOMENTS),
        "subject": usually(random, COMMUNES),
    }
    kind = random.random()
    if kind < 0.4:
        inner = event(random)
        inner.pop("id", None)
        known["data"] = inner if sometimes(random, 0.7) else [inner, event(random)]
    elif kind < 0.8:
        known["data"] = random.choice((data_value_set, measure_report))(random)
        known["datacontenttype"] = random.choice(("application/json", "application/fhir+json", ""))
    else:
        body = random.choice((dhis2, fhir, native_json))(random)
        known["data_base64"] = base64.b64encode(body).decode()
        known["datacontenttype"] = random.choice(("application/json", "text/csv", "application/xml", "text/plain"))
    return spoiled(random, known)


def cloudevents(random: Random) -> bytes:
    """Return a CloudEvent, or a batch of them."""
    if sometimes(random, 0.5):
        return written(random, cloud_event(random))
    return written(random, [cloud_event(random) for _ in range(random.randrange(5))])


def binary_event(random: Random) -> bytes:
    """Return a CloudEvent in binary mode: headers, an empty line, and the body."""
    attributes = cloud_event(random)
    body = random.choice((native_json, dhis2, fhir))(random)
    lines = [
        f"ce-{name}: {value}" for name, value in attributes.items() if isinstance(value, str) and "\n" not in value
    ]
    lines.append(f"content-type: {random.choice(('application/json', 'text/csv', 'application/fhir+json', ''))}")
    return "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body
