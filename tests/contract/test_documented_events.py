"""The report that README shows is accepted as it stands."""

import datetime as dt
import re
from pathlib import Path

import msgspec
import pytest

from services.ingest.adapters.formats.native_body import read_json
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from services.ingest.domain.tokens import Grant
from shared.catalog.load import load_catalog

ROOT = Path(__file__).resolve().parents[2]
JSON_BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
AS_OF = dt.datetime(2024, 10, 15, tzinfo=dt.UTC)


@pytest.mark.parametrize("page", ["README.md"])
def test_the_report_that_a_page_shows_is_accepted_as_it_stands(page: str) -> None:
    desk = Desk(Normalizer(load_catalog(None)), Grant(source="hmis"), AS_OF)
    shown = JSON_BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))

    for body in shown:
        reading = Reading(PayloadFormat.NATIVE_JSON)
        for _ in read_json(body.encode(), desk, reading):
            pass
        assert [msgspec.to_builtins(bad.fault) for bad in reading.bad] == []
        assert len(reading.good) == 1

    assert shown
