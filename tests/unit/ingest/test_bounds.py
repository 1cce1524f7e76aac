"""What reading may cost: texts that would take much memory or time for their size are refused before they do."""

import io
import json
import mmap
import tempfile
import zipfile

import pytest

from services.ingest.adapters.formats.cutting_xml import cut_elements
from services.ingest.adapters.formats.xml_elements import MAX_EMPTY
from services.ingest.adapters.web.unzip import Unzip
from services.ingest.domain.documents import MAX_VALUES, decode_document, refuse_crowded
from services.ingest.domain.errors import BodyTooLargeError, MalformedBodyError, PatientLevelDataError
from services.ingest.domain.faults import Fault, RefusedError
from services.ingest.domain.native import NativeEvent, diagnose
from shared.contracts.vocabulary import QuarantineReason as Reason

EVENT = {"id": "e", "commune": "C1", "indicator": "kids", "period": "2024"}


@pytest.mark.parametrize("value", [b"{},", b"1,", b"[],"])
def test_a_text_of_millions_of_values_is_refused_before_it_is_decoded(value: bytes) -> None:
    crowded = b"[" + value * MAX_VALUES + b"1]"

    with pytest.raises(BodyTooLargeError, match="1500000 values"):
        decode_document(crowded)
    with pytest.raises(PatientLevelDataError):
        refuse_crowded(crowded[:-1] + b',{"ho_ten":"x"}]')
    refuse_crowded(b"[" + value * 100 + b" " * MAX_VALUES + b"1]")


def test_a_large_text_that_is_no_strict_json_is_not_given_to_the_slow_parser() -> None:
    assert decode_document(b'{"note":"%s","value":NaN}' % (b"x" * 1_000_000)) is not None
    with pytest.raises(RefusedError) as refused:
        decode_document(b'{"note":"%s","value":NaN}' % (b"x" * 2_000_000))

    assert refused.value.fault.reason is Reason.MALFORMED_JSON
    assert "no strict JSON" in refused.value.fault.detail


def test_an_event_of_more_than_a_hundred_fields_is_none() -> None:
    known = json.dumps(EVENT | {f"x{number}": number for number in range(90)}).encode()
    found = diagnose(json.dumps(EVENT | {f"x{number}": number for number in range(97)}).encode())

    assert isinstance(diagnose(known), NativeEvent)
    assert isinstance(found, Fault)
    assert (found.reason, found.detail) == (Reason.WRONG_TYPE, "an event has more than 100 fields")


@pytest.mark.parametrize("name", ["delete", "Sex", "observedAt", "numeratr", "xperiod"])
def test_a_field_that_is_nearly_a_known_one_is_pointed_at(name: str) -> None:
    found = diagnose(json.dumps(EVENT | {name: 1}).encode())

    assert isinstance(found, Fault)
    assert found.reason is Reason.MISSPELT_FIELD


def test_a_large_xml_of_elements_that_say_nothing_is_refused_where_there_are_too_many() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"<dataValueSet>" + b"<a/>" * (2 * MAX_EMPTY) + b"</dataValueSet>")
        file.flush()
        with (
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body,
            pytest.raises(MalformedBodyError, match="say nothing"),
        ):
            list(cut_elements(body))


@pytest.mark.parametrize("name", ["../../etc/x.json", "C:\\Windows\\x.json", "/etc/x.json", "x\r\n.json"])
def test_the_name_of_a_file_in_a_zip_is_told_without_its_folders(name: str) -> None:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr(name, b"{}")

    assert Unzip(stored.getvalue()).name == "x.json"
