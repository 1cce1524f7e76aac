"""What a source's words mean: options, categories, roles and units; what is not listed is never guessed."""

from typing import Any

import pytest

from services.ingest.domain.aliases import AliasTable, Meaning
from services.ingest.domain.faults import RefusedError
from services.ingest.domain.figures import read_number
from services.ingest.domain.values import DataValue
from shared.catalog.profiles import SourceProfile
from shared.contracts.vocabulary import QuarantineReason as Reason

PROFILE = {
    "source": "hmis",
    "name_vi": "HMIS",
    "categories": [
        {"names": ["sex", "GENDER"], "sex": {"M": "male", "F": "female"}, "total": ["T"]},
        {"names": ["sector"], "sector": {"Y": "health"}},
    ],
    "aliases": [
        {"element": "Cards", "option": "Male", "indicator": "rate", "role": "numerator", "sex": "male"},
        {"element": "Cards", "option": "Female", "indicator": "rate", "role": "numerator", "sex": "female"},
        {"element": "Any", "indicator": "rate", "role": "denominator"},
        {"element": "Wild", "option": "*", "indicator": "rate", "role": "denominator"},
        {"element": "Both", "indicator": "rate", "role": "ratio"},
        {"element": "Share", "indicator": "share", "role": "value"},
        {"element": "Percent", "indicator": "share", "role": "value", "unit": "percent"},
        {"element": "Yes", "indicator": "paper", "role": "value"},
    ],
    "unit": "fraction",
}


@pytest.fixture(scope="module")
def table() -> AliasTable:
    return AliasTable(SourceProfile.model_validate(PROFILE), rates=["share"])


def of(table: AliasTable, **fields: Any) -> Meaning:
    return table.meaning(DataValue(**fields))


@pytest.mark.parametrize(
    ("fields", "sex", "role"),
    [
        ({"element": "Cards", "option": "Male"}, "male", "numerator"),
        ({"element": "Cards", "option": "M"}, "male", "numerator"),
        ({"element": "Cards", "categories": {"GENDER": "F"}}, "female", "numerator"),
        ({"element": "Cards", "option": "Female", "categories": {"sex": "F"}}, "female", "numerator"),
        ({"element": "Any", "categories": {"sex": "M"}}, "male", "denominator"),
        ({"element": "Any", "option": "F"}, "female", "denominator"),
        ({"element": "Any"}, None, "denominator"),
        ({"element": "Any", "categories": {"sex": "T"}}, None, "denominator"),
        ({"element": "Any", "option": "HllvX50cXC0"}, None, "denominator"),
        ({"element": "Any", "option": "T"}, None, "denominator"),
        ({"element": "Wild", "option": "P0Y--P5Y"}, None, "denominator"),
        ({"element": "Wild", "option": "M"}, "male", "denominator"),
        ({"element": "Any", "attribute": "default"}, None, "denominator"),
        ({"element": "Both", "role": "numerator", "categories": {"sex": "M"}}, "male", "numerator"),
    ],
)
def test_a_disaggregation_is_read_however_it_is_named(
    table: AliasTable, fields: dict[str, Any], sex: str | None, role: str
) -> None:
    meaning = of(table, **fields)

    assert (meaning.indicator, meaning.sex, meaning.role) == ("rate", sex, role)


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"element": "Unknown"}, Reason.UNKNOWN_ALIAS, "dataElement"),
        ({"element": "Cards"}, Reason.UNKNOWN_ALIAS, "categoryOptionCombo"),
        ({"element": "Cards", "option": "Other"}, Reason.UNKNOWN_ALIAS, "categoryOptionCombo"),
        ({"element": "Any", "option": "P0Y--P5Y"}, Reason.UNKNOWN_ALIAS, "categoryOptionCombo"),
        ({"element": "Cards", "categories": {"sex": "O"}}, Reason.UNKNOWN_ALIAS, "sex"),
        ({"element": "Any", "categories": {"ageGroup": "P0Y--P5Y"}}, Reason.UNKNOWN_ALIAS, "ageGroup"),
        ({"element": "Any", "categories": {"sex": "M", "age": "1"}}, Reason.UNKNOWN_ALIAS, "age"),
        ({"element": "Cards", "option": "Male", "categories": {"sex": "F"}}, Reason.UNKNOWN_ALIAS, "categories"),
        ({"element": "Any", "attribute": "McDonalds"}, Reason.UNKNOWN_ALIAS, "attributeOptionCombo"),
        ({"element": "Both"}, Reason.WRONG_MEASURE, "dataElement"),
    ],
)
def test_what_the_profile_does_not_list_is_refused_twice_alike(
    table: AliasTable, fields: dict[str, Any], reason: Reason, field: str
) -> None:
    for _ in range(2):  # the second answer comes from memory
        with pytest.raises(RefusedError) as caught:
            of(table, **fields)

        assert (caught.value.fault.reason, caught.value.fault.field) == (reason, field)


@pytest.mark.parametrize(
    ("element", "given", "number"),
    [
        ("Share", "0.967", 96.7),
        ("Share", 1, 100.0),
        ("Percent", "96.7", 96.7),
        ("Yes", "1", 1.0),
        ("Yes", "true", True),
        ("Any", "3401", 3401),
        ("Any", "3401.0", 3401),
        ("Any", " 12 ", 12),
    ],
)
def test_a_number_is_read_in_the_unit_of_the_profile(
    table: AliasTable, element: str, given: str | int, number: float
) -> None:
    value = DataValue(element=element, value=given)

    assert read_number(value, table.meaning(value)) == number


@pytest.mark.parametrize(
    ("element", "given", "reason"),
    [
        ("Share", "96.7", Reason.AMBIGUOUS_NUMBER),
        ("Any", "3.512", Reason.NOT_AN_INTEGER),
        ("Any", "3,512", Reason.NOT_A_NUMBER),
        ("Any", "٣", Reason.NOT_A_NUMBER),
        ("Any", "9" * 40, Reason.NOT_A_NUMBER),
        ("Any", "true", Reason.NOT_A_NUMBER),
        ("Any", None, Reason.NO_MEASURE),
    ],
)
def test_a_number_that_can_be_read_in_two_ways_is_refused(
    table: AliasTable, element: str, given: str | None, reason: Reason
) -> None:
    value = DataValue(element=element, value=given)

    with pytest.raises(RefusedError) as caught:
        read_number(value, table.meaning(value))

    assert caught.value.fault.reason is reason
