"""Remedies that fit the very case: what is told in general about a reason would lead the sender astray."""

from typing import Any

import pytest

from services.ingest.adapters.formats.dhis2_parameters import read_parameters
from services.ingest.adapters.web.dhis2_summary import summary_response
from services.ingest.adapters.web.import_parameters import read_fhir_parameters, read_import_parameters
from services.ingest.adapters.web.problems import problem_of
from services.ingest.domain.aliases import AliasTable, Meaning
from services.ingest.domain.errors import MalformedBodyError, UnsupportedRequestError
from services.ingest.domain.faults import Fault, RefusedError
from services.ingest.domain.figures import read_figure, read_number
from services.ingest.domain.native import event_from
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.reading import Desk, PayloadFormat, judge
from services.ingest.domain.report import ImportReport
from services.ingest.domain.tokens import Grant
from services.ingest.domain.values import DataValue
from shared.catalog.profiles import SourceProfile
from shared.contracts.vocabulary import QuarantineReason as Reason
from shared.testing.factories import a_catalog
from tests.unit.ingest.conftest import NOW

ALIASES = [
    {"element": "Cards", "option": "Male", "indicator": "rate", "role": "numerator", "sex": "male"},
    {"element": "Cards", "option": "Female", "indicator": "rate", "role": "numerator", "sex": "female"},
]
TABLE = AliasTable(SourceProfile.model_validate({"source": "hmis", "name_vi": "HMIS", "aliases": ALIASES}))


def refused(**fields: Any) -> Fault:
    with pytest.raises(RefusedError) as caught:
        TABLE.meaning(DataValue(**fields))
    return caught.value.fault


def remedy_of(fault: Fault) -> str:
    assert fault.remedy is not None
    assert fault.remedy.vi
    return fault.remedy.en


def test_a_mechanism_is_not_to_be_added_to_the_profile_as_an_element() -> None:
    fault = refused(element="Cards", option="Male", attribute="McDonalds")

    assert fault.field == "attributeOptionCombo"
    assert "default attributeOptionCombo only" in remedy_of(fault)
    assert "total: [OPTION]" in remedy_of(fault)


@pytest.mark.parametrize("option", [None, "default", "HllvX50cXC0"])
def test_an_element_by_sex_without_an_option_says_that_it_needs_one(option: str | None) -> None:
    fault = refused(element="Cards", option=option)

    assert (fault.value, fault.detail) == (option or "", "Cards is reported by sex: a value needs its option")
    assert "with its categoryOptionCombo" in remedy_of(fault)


def test_an_option_that_is_not_listed_is_to_be_added_to_the_profile() -> None:
    fault = refused(element="Cards", option="Khac")

    assert (fault.value, fault.remedy) == ("Khac", None)


@pytest.mark.parametrize("value", ["yes", "Đạt"])
def test_a_word_for_yes_is_told_the_words_that_are_read(value: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read_number(DataValue(value=value), Meaning("paper", "value"))

    assert "true or false, or as 1 or 0" in remedy_of(caught.value.fault)


def test_a_number_that_is_neither_yes_nor_no_is_told_what_is_read() -> None:
    event = {"id": "1", "commune": "C1", "indicator": "paper", "period": "2024-09", "value": 2}
    desk = Desk(Normalizer(a_catalog()), Grant("hmis"), NOW)

    fault = judge(desk, event_from(event | {"observed_at": "2024-10-02T08:30:00+07:00"}))

    assert isinstance(fault, Fault)
    assert fault.reason is Reason.WRONG_MEASURE
    assert "true or false, or 1 or 0" in remedy_of(fault)


def test_a_value_without_a_field_names_the_field() -> None:
    communes = Normalizer(a_catalog()).communes(None)
    with pytest.raises(RefusedError) as caught:
        read_figure(0, DataValue(period="202409", org_unit="C1", value="5"), TABLE, communes, "")

    assert remedy_of(caught.value.fault) == "Add the field dataElement."


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("The body is empty.", "Send the reports"),
        ("The gzip body is cut off.", "its end is missing"),
        ("The body is not JSON: trailing characters (byte 5).", "python -m json.tool"),
        ("The XML cannot be read at line 2, column 3: mismatched tag.", "xmllint"),
        ("The form's content type names no boundary.", "Mend what the detail names."),
    ],
)
def test_a_body_that_cannot_be_read_is_told_what_helps(said: str, remedy: str) -> None:
    problem = problem_of(MalformedBodyError(said))

    assert (problem.status, problem.detail) == (400, said)
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("read", "given", "meant"),
    [
        (lambda given: read_import_parameters(given.items()), "dryrun", "dryRun"),
        (lambda given: read_import_parameters(given.items()), "observed-at", "observedAt"),
        (lambda given: read_fhir_parameters(given.items()), "Dryrun", "dryRun"),
        (read_parameters, "dryrun", "dryRun"),
        (read_parameters, "importstrategy", "importStrategy"),
        (read_parameters, "orgunitidscheme", "orgUnitIdScheme"),
    ],
)
def test_a_misspelt_parameter_is_asked_for_what_was_meant(read: Any, given: str, meant: str) -> None:
    with pytest.raises(UnsupportedRequestError, match=rf"'{given}' is unknown \(did you mean {meant}\?\)"):
        read({given: "true"})


def test_a_parameter_like_no_other_is_only_unknown() -> None:
    with pytest.raises(UnsupportedRequestError) as caught:
        read_import_parameters([("zzz", "1")])

    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("counts", "complete"), [({"duplicates": 2, "quarantined": 1}, b"false"), ({"accepted": 3}, b"2024-10-10")]
)
def test_a_data_set_is_complete_only_by_what_was_taken(counts: dict[str, int], complete: bytes) -> None:
    rejected = (2,) if "quarantined" in counts else ()
    known: dict[str, Any] = {"rows": 3, "complete_date": "2024-10-10", "rejected_rows": rejected, **counts}
    report = ImportReport(format=PayloadFormat.DHIS2, source="hmis", **known)

    body = summary_response(report).body

    assert b'"dataSetComplete":"' + complete in body
    assert (b"the others were taken or known already" in body) is ("quarantined" in counts)


def test_the_general_remedy_of_an_alias_stays_for_what_is_missing_in_the_profile() -> None:
    assert refused(element="Nope").remedy is None
    assert refused(element="Nope").reason is Reason.UNKNOWN_ALIAS
