"""Id schemes: in which words a message names things, and whether the profile knows them."""

import pytest

from services.ingest.adapters.formats.dhis2_rows import RowContext
from services.ingest.adapters.formats.dhis2_schemes import are_units_named
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import UnsupportedRequestError
from shared.catalog.profiles import SourceProfile

PROFILE = SourceProfile(
    source="hmis", name_vi="HMIS", id_schemes=("uid", "attribute:ncw1"), org_units={"OrgUnit0001": "C1"}
)


@pytest.mark.parametrize(
    ("asked", "head", "named"),
    [
        ({}, {}, False),
        ({"all": "UID", "dataSet": "NAME"}, {}, False),
        ({"orgUnit": "name"}, {}, True),
        ({"orgUnit": "CODE"}, {"dataElementIdScheme": "ATTRIBUTE:ncw1"}, False),
        ({"all": "NAME"}, {"idScheme": "UID"}, False),
        ({"orgUnit": "UID"}, {"orgUnitIdScheme": "NAME"}, True),
    ],
)
def test_what_the_profile_knows_is_taken_and_the_body_goes_before_the_request(
    asked: dict[str, str], head: dict[str, str], named: bool
) -> None:
    assert are_units_named(asked, head, PROFILE) is named


@pytest.mark.parametrize(
    ("asked", "head", "words"),
    [
        ({"all": "NAME"}, {}, "dataElement by the scheme NAME"),
        ({"categoryOptionCombo": "CODE"}, {}, "categoryOptionCombo by the scheme CODE"),
        ({}, {"dataElementIdScheme": "CODE"}, "hmis knows uid, attribute:ncw1"),
        ({"orgUnit": "ATTRIBUTE:other"}, {}, "orgUnit by the scheme ATTRIBUTE:other"),
    ],
)
def test_what_it_does_not_know_is_refused_by_both_names(
    asked: dict[str, str], head: dict[str, str], words: str
) -> None:
    with pytest.raises(UnsupportedRequestError, match=words):
        are_units_named(asked, head, PROFILE)


def test_a_unit_by_name_is_an_id_only_where_the_profile_lists_it() -> None:
    context = RowContext.of({}, Wishes(id_schemes={"orgUnit": "NAME"}), AliasTable(PROFILE))

    found = [context.value("Cards", "2024", unit, None, None, "1", None) for unit in ("Xã Một", "OrgUnit0001")]

    assert [(value.org_unit, value.org_unit_name) for value in found] == [("", "Xã Một"), ("OrgUnit0001", "")]
