"""The parameters of dataValueSets: taken, or refused by name, but never ignored."""

from typing import Any

import pytest

from services.ingest.adapters.formats.dhis2_parameters import read_parameters
from services.ingest.domain.errors import UnsupportedRequestError


@pytest.mark.parametrize(
    ("parameters", "dry_run", "atomic"),
    [
        ({}, False, False),
        ({"dryRun": "true"}, True, False),
        ({"dry_run": "true"}, True, False),
        ({"dryRun": "FALSE", "importStrategy": "CREATE_AND_UPDATE", "async": "false"}, False, False),
        ({"importMode": "VALIDATE"}, True, False),
        ({"importMode": "COMMIT", "dryRun": "true"}, True, False),
        ({"importMode": "commit", "atomicMode": "ALL"}, False, True),
        ({"atomic": "true"}, False, True),
        ({"format": "csv", "preheatCache": "true"}, False, False),
    ],
)
def test_what_is_asked_for_is_done(parameters: dict[str, str], dry_run: bool, atomic: bool) -> None:
    asked = read_parameters(parameters)

    assert (asked.dry_run, asked.atomic) == (dry_run, atomic)


@pytest.mark.parametrize(
    ("parameters", "wishes"),
    [
        ({"importStrategy": "DELETE"}, {"delete": True}),
        ({"importStrategy": "new_and_updates"}, {"delete": False}),
        ({"idScheme": "CODE", "orgUnitIdScheme": "NAME"}, {"id_schemes": {"all": "CODE", "orgUnit": "NAME"}}),
        ({"firstRowIsHeader": "false"}, {"first_row_is_header": False}),
        ({}, {"first_row_is_header": None, "delete": False, "id_schemes": {}}),
    ],
)
def test_what_concerns_the_body_is_handed_to_its_reader(parameters: dict[str, str], wishes: dict[str, Any]) -> None:
    found = read_parameters(parameters).wishes

    assert {name: getattr(found, name) for name in wishes} == wishes


@pytest.mark.parametrize(
    "parameters",
    [
        {"importStrategy": "CREATE"},
        {"importStrategy": "NEW"},
        {"importStrategy": "UPDATES"},
        {"async": "true"},
        {"dryRun": "yes"},
        {"importMode": "MAYBE"},
        {"skipExistingCheck": "true"},
        {"force": "true"},
        {"mergeDataValues": "true"},
        {"unknown": "1"},
    ],
)
def test_parameters_that_would_change_the_meaning_are_refused_by_name(parameters: dict[str, str]) -> None:
    with pytest.raises(UnsupportedRequestError, match=next(iter(parameters))):
        read_parameters(parameters)
