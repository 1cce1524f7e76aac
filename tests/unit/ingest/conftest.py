"""What the tests of ingest share: a catalog, a desk, and reading of rows."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from services.ingest.adapters.formats import native_body
from services.ingest.adapters.formats.readers import all_readers
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.adapters.intake import alias_tables
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from services.ingest.domain.tokens import Grant
from shared.catalog.catalog import Catalog
from shared.testing.factories import a_catalog

NOW = dt.datetime(2024, 10, 15, 5, 0, tzinfo=dt.UTC)
Read = Callable[..., Reading]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The small catalog, with a code that changed hands, an indicator of every kind, and a DHIS2 profile."""
    base = a_catalog().model_dump()
    commune = {"level": "commune", "type": "xa", "parent": "D1", "region": "R1"}
    units = [
        *base["units"],
        commune | {"id": "C7", "code": "C7", "name_vi": "Xã Bảy cũ", "effective_to": dt.date(2024, 6, 30)},
        commune | {"id": "C7@new", "code": "C7", "name_vi": "Xã Bảy mới", "effective_from": dt.date(2024, 7, 1)},
    ]
    tele = {"key": "tele", "name_vi": "Từ xa", "measures": ["ratio", "percent", "boolean"], "by": "sex"}
    book = {"key": "book", "name_vi": "Sổ", "measures": ["ratio", "percent", "boolean"]}
    aliases = [
        {"element": "Cards", "option": "Male", "indicator": "rate", "role": "numerator", "sex": "male"},
        {"element": "People", "option": "Male", "indicator": "rate", "role": "denominator", "sex": "male"},
        {"element": "Cards", "option": "Female", "indicator": "rate", "role": "numerator", "sex": "female"},
        {"element": "Share", "option": "Male", "indicator": "rate", "role": "value", "sex": "male"},
        {"element": "Paper", "indicator": "paper", "role": "value"},
        {"element": "Events", "option": "Farm", "indicator": "events", "role": "value", "sector": "agriculture"},
        {"element": "Stunted", "indicator": "kids", "role": "numerator"},
        {"element": "Members", "indicator": "rate", "role": "numerator"},
        {"element": "Residents", "indicator": "rate", "role": "denominator"},
    ]
    sexes = {"names": ["sex", "SEX"], "sex": {"M": "male", "F": "female"}, "total": ["T"]}
    profile = {"source": "hmis", "name_vi": "HMIS", "aliases": aliases, "org_units": {"OrgUnit0001": "C1"},
               "categories": [sexes]}  # fmt: skip
    return a_catalog(units=units, indicators=[*base["indicators"], tele, book], profiles=[profile])


@pytest.fixture(scope="session")
def normalizer(catalog: Catalog) -> Normalizer:
    """The compiled catalog."""
    return Normalizer(catalog)


@pytest.fixture
def desk(normalizer: Normalizer) -> Desk:
    """The desk of the source hmis, which may also send for bhxh."""
    return Desk(normalizer, Grant("hmis", frozenset({"bhxh"})), NOW)


@pytest.fixture
def an_event() -> Callable[..., dict[str, Any]]:
    """A valid native event; a field given as None is left out."""

    def build(**fields: Any) -> dict[str, Any]:
        known: dict[str, Any] = {
            "id": "e1",
            "commune": "C1",
            "indicator": "rate",
            "sex": "female",
            "period": "2024-09",
            "numerator": 950,
            "denominator": 1000,
            "observed_at": "2024-10-02T08:30:00+07:00",
        }
        return {name: value for name, value in (known | fields).items() if value is not None}

    return build


@pytest.fixture
def read(desk: Desk) -> Read:
    """Reads native rows given as objects or raw lines."""

    def run(*rows: dict[str, Any] | bytes | str, at: Desk | None = None) -> Reading:
        lines = [
            row if isinstance(row, bytes) else row.encode() if isinstance(row, str) else msgspec.json.encode(row)
            for row in rows
        ]
        reading = Reading(PayloadFormat.NDJSON)
        for _ in native_body.read_ndjson(b"\n".join(lines), at or desk, reading):
            pass
        return reading

    return run


@pytest.fixture
def read_body(desk: Desk, catalog: Catalog) -> Callable[..., Awaitable[Reading]]:
    """Reads a body of data values by the words of hmis, or of another table; keywords are wishes."""

    async def run(format_: PayloadFormat, body: bytes, table: AliasTable | None = None, **wishes: Any) -> Reading:
        table = table or alias_tables(catalog)["hmis"]
        values = await all_readers(catalog).values[format_](body, Wishes(**wishes), table)
        reading = Reading(format_, locate=values.locate, complete_date=values.complete_date)
        for _ in read_values(values.rows, desk, reading, table):
            pass
        return reading

    return run
