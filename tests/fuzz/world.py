"""The catalogs, rights and readers that the targets read with."""

import asyncio
import datetime as dt
from functools import lru_cache
from typing import Any, Final

from services.ingest.adapters.formats.readers import all_readers
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.adapters.intake import alias_tables, read_all
from services.ingest.adapters.retry import read_row
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import FORM_FORMATS, Desk, PayloadFormat, Reading
from services.ingest.domain.tokens import Grant
from shared.catalog.catalog import Catalog
from shared.catalog.load import load_catalog
from shared.testing.factories import a_catalog

NOW: Final = dt.datetime(2024, 10, 15, 5, 0, tzinfo=dt.UTC)
_SEXES: Final = {"names": ["sex", "SEX"], "sex": {"M": "male", "F": "female"}, "total": ["T"]}
_ALIASES: Final = [
    {"element": "Cards", "option": "Male", "indicator": "rate", "role": "numerator", "sex": "male"},
    {"element": "People", "option": "Male", "indicator": "rate", "role": "denominator", "sex": "male"},
    {"element": "Cards", "option": "Female", "indicator": "rate", "role": "numerator", "sex": "female"},
    {"element": "Paper", "indicator": "paper", "role": "value"},
    {"element": "Events", "option": "Farm", "indicator": "events", "role": "value", "sector": "agriculture"},
    {"element": "Stunted", "indicator": "kids", "role": "numerator"},
    {"element": "Members", "indicator": "rate", "role": "numerator"},
    {"element": "Residents", "indicator": "rate", "role": "denominator"},
    {"element": "RATE", "indicator": "rate", "role": "ratio"},
    {"element": "KIDS", "indicator": "kids", "role": "ratio"},
    {"element": "some", "indicator": "kids", "role": "ratio"},
]


def _small_catalog() -> Catalog:
    """The catalog of the unit tests: a code that changed hands, parts that were merged, every kind of indicator."""
    base = a_catalog().model_dump()
    commune = {"level": "commune", "type": "xa", "parent": "D1", "region": "R1"}
    units = [
        *base["units"],
        commune | {"id": "C7", "code": "C7", "name_vi": "Xã Bảy cũ", "effective_to": dt.date(2024, 6, 30)},
        commune | {"id": "C7@new", "code": "C7", "name_vi": "Xã Bảy mới", "effective_from": dt.date(2024, 7, 1)},
    ]
    tele = {"key": "tele", "name_vi": "Từ xa", "measures": ["ratio", "percent", "boolean"], "by": "sex"}
    book = {"key": "book", "name_vi": "Sổ", "measures": ["ratio", "percent", "boolean"]}
    profile = {"source": "hmis", "name_vi": "HMIS", "aliases": _ALIASES, "org_units": {"OrgUnit0001": "C1"},
               "categories": [_SEXES]}  # fmt: skip
    return a_catalog(units=units, indicators=[*base["indicators"], tele, book], profiles=[profile])


class World:
    """One catalog, compiled, and the readers of it."""

    def __init__(self, catalog: Catalog, source: str) -> None:
        self.catalog = catalog
        self.tables = alias_tables(catalog)
        self.readers = all_readers(catalog)
        self.normalizer = Normalizer(catalog)
        self.source = source

    def desk(self) -> Desk:
        """Return a fresh desk of the source, which may also send for bhxh."""
        return Desk(self.normalizer, Grant(self.source, frozenset({"bhxh"})), NOW, tables=self.tables)

    def read(self, format_: PayloadFormat, body: bytes, desk: Desk, **wishes: Any) -> Reading:
        """Read a body as the intake does."""
        reading = Reading(format_)
        asyncio.run(self._read(format_, body, desk, reading, Wishes(**wishes)))
        return reading

    async def _read(self, format_: PayloadFormat, body: bytes, desk: Desk, reading: Reading, wishes: Wishes) -> None:
        events = self.readers.events.get(format_)
        if events is not None:
            await read_all(events(body, desk, reading))
            return
        table = self.tables.get(self.source)
        if table is None:
            assert format_ in FORM_FORMATS
            table = AliasTable.empty(self.source)
        values = await self.readers.values[format_](body, wishes, table)
        reading.locate, reading.complete_date, reading.remarks = values.locate, values.complete_date, values.remarks
        await read_all(read_values(values.rows, desk, reading, table, apart=wishes.apart))

    def retry(self, format_: PayloadFormat, raw: bytes) -> Reading:
        """Read a row as the quarantine kept it."""
        return asyncio.run(read_row(format_, raw, self.desk(), self.tables))


@lru_cache
def small_world() -> World:
    """The world of the small catalog, with the profile of hmis."""
    return World(_small_catalog(), "hmis")


@lru_cache
def shipped_world() -> World:
    """The world of the catalog that is delivered, with its forms and without a profile."""
    return World(load_catalog(), "bhxh")
