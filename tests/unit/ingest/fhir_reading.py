"""Reading of FHIR in tests: a catalog with the profile of a FHIR sender, and what came out."""

import asyncio
import datetime as dt
from typing import Any

import msgspec

from services.ingest.adapters.formats.fhir import read_fhir
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.adapters.intake import alias_tables
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from services.ingest.domain.tokens import Grant
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import QuarantineReason as Reason
from shared.testing.factories import a_catalog
from tests.unit.ingest.conftest import NOW
from tests.unit.ingest.fhir_forms import (
    GENDER,
    a_group,
    a_measure_report,
)

ALIASES = [
    {"element": "RATE", "indicator": "rate", "role": "ratio"},
    {"element": "RATE_N", "indicator": "rate", "role": "numerator"},
    {"element": "RATE_D", "indicator": "rate", "role": "denominator"},
    {"element": "KIDS", "indicator": "kids", "role": "ratio"},
    {"element": "KIDS_N", "indicator": "kids", "role": "numerator"},
    {"element": "PAPER", "indicator": "paper", "role": "value"},
    {"element": "EVENTS", "indicator": "events", "role": "value"},
    {"element": "SHARE", "indicator": "share", "role": "ratio"},
    {"element": "SHARE_F", "indicator": "share", "role": "value", "unit": "fraction"},
    {"element": "some-measure", "indicator": "kids", "role": "ratio"},
]
CATEGORIES = [
    {"names": [GENDER, "sex"], "sex": {"male": "male", "female": "female"}, "total": ["all"]},
    {"names": ["sector"], "sector": {"farm": "agriculture"}},
]


def a_fhir_catalog() -> Catalog:
    base = a_catalog().model_dump()
    share = {"key": "share", "name_vi": "Tỷ trọng", "measures": ["ratio", "percent"]}
    profile = {"source": "hmis", "name_vi": "H", "aliases": ALIASES, "categories": CATEGORIES,
               "org_units": {"station-1": "C1", "post1": "C2"}}  # fmt: skip
    return a_catalog(indicators=[*base["indicators"], share], profiles=[profile])


CATALOG = a_fhir_catalog()
NORMALIZER = Normalizer(CATALOG)
TABLE: AliasTable = alias_tables(CATALOG)["hmis"]


def read_body(body: bytes, table: AliasTable = TABLE, now: dt.datetime = NOW, **wishes: Any) -> Reading:
    values = asyncio.run(read_fhir(body, Wishes(**wishes), table))
    reading = Reading(PayloadFormat.FHIR, locate=values.locate, remarks=values.remarks)
    for _ in read_values(values.rows, Desk(NORMALIZER, Grant("hmis"), now), reading, table):
        pass
    return reading


def read(document: Any, **wishes: Any) -> Reading:
    return read_body(msgspec.json.encode(document), **wishes)


def read_group(**fields: Any) -> Reading:
    return read(a_measure_report(a_group(**fields)))


def faults(reading: Reading) -> list[tuple[Reason, str]]:
    return [(bad.fault.reason, reading.place(bad.row)) for bad in reading.bad]


def facts(reading: Reading) -> list[tuple[Any, ...]]:
    return sorted(
        (event.unit, event.indicator, event.cell, event.period_start, event.period_end, event.observed_at, event.part,
         event.numerator, event.denominator, event.value, event.stage)
        for event in (draft.event for draft in reading.good)
    )  # fmt: skip
