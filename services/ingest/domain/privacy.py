"""Recognizes data of single persons, which is refused at the door: only counts of people may be sent."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from services.ingest.domain.errors import PatientLevelDataError

# Names with "_", "-" and case removed. Vietnamese names are those of QĐ 130, 4750 and 3176 and of common exports.
PERSONAL_FIELDS: Final = frozenset(
    {
        "birthdate", "cccd", "clinicaldocument", "cmnd", "dateofbirth", "dob", "enrollment", "enrollments", "filehoso",
        "giamdinhhs", "hoten", "hotenbn", "hotencha", "hotenme", "mabhxh", "mabn", "malk", "masobhxh", "mathe",
        "mathebhyt", "ngaysinh", "patient", "patientid", "patientname", "recordtarget", "socccd", "socmnd",
        "tenbenhnhan", "trackedentities", "trackedentity", "trackedentityinstance", "trackedentityinstances",
    }
)  # fmt: skip
HARMLESS_FIELDS: Final = frozenset(
    {
        "attributeOptionCombo", "categoryOptionCombo", "code", "coding", "component", "count", "dataElement", "display",
        "end", "group", "id", "identifier", "lastUpdated", "measureScore", "orgUnit", "period", "population",
        "reference", "resource", "start", "stratifier", "stratum", "system", "unit", "value",
    }
)  # fmt: skip
PERSONAL_RESOURCES: Final = frozenset(
    {
        "AllergyIntolerance", "Appointment", "CarePlan", "Claim", "ClinicalImpression", "Composition", "Condition",
        "Coverage", "DiagnosticReport", "Encounter", "EpisodeOfCare", "ExplanationOfBenefit", "FamilyMemberHistory",
        "Immunization", "MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement",
        "Observation", "Patient", "Person", "Procedure", "QuestionnaireResponse", "RelatedPerson", "ServiceRequest",
        "Specimen",
    }
)  # fmt: skip
# Headers of columns with small letters and digits only, accents removed: exact, because "Số người có thẻ BHYT" counts.
PERSONAL_COLUMNS: Final = PERSONAL_FIELDS | {
    "cccdcmnd", "cmndcccd", "hotenbenhnhan", "hotennguoibenh", "hotentre", "hovaten", "hovatenbenhnhan",
    "hovatennguoibenh", "hovatentre", "mabenhnhan", "mabhxh", "mathebaohiemyte", "namsinh", "ngaythangnamsinh",
    "sobhxh", "socccdcmnd", "socmnd", "socmndcccd", "sodinhdanh", "sodinhdanhcanhan", "sothebaohiemyte",
    "sothebhyt", "tennguoibenh",
}  # fmt: skip
_PERSONAL_REPORTS: Final = frozenset({"individual", "subject-list", "data-collection", "data-exchange"})
_IN_RAW_TEXT: Final = re.compile(
    rb'["<](?:ho_?ten(?:_bn)?|patient(?:_?(?:name|id))?|cccd|so_cccd|cmnd|ma_bn|ma_the(?:_bhyt)?|ma_lk|dob|birthdate|'
    rb"date_of_birth|ngay_sinh|tracked_?entit(?:y|ies)(?:instances?)?|giamdinhhs|encounter|"
    rb'resourcetype"\s*:\s*"(?:patient|encounter|observation|condition|immunization|person))["\s/>]',
    re.IGNORECASE,
)


def refuse_personal_data(document: object) -> int:
    """Raise when a decoded JSON document names a person anywhere inside; return how many names its objects have."""
    waiting, names = [document], 0
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            names += len(item)
            if item.keys() <= HARMLESS_FIELDS:
                pass  # most objects of our formats: no need to look at each name
            elif any(_is_personal_field(name) for name in item) or _is_personal_resource(item):
                raise PatientLevelDataError
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return names


def refuse_personal_names(names: Iterable[str]) -> None:
    """Raise when one of the names (of elements, attributes or columns) is that of a person's datum."""
    if any(_is_personal_field(name) for name in names):
        raise PatientLevelDataError


def refuse_personal_text(raw: bytes) -> None:
    """Raise when a text that cannot be decoded has the marks of data about persons."""
    if _IN_RAW_TEXT.search(raw):
        raise PatientLevelDataError


def refuse_personal_columns(headers: Sequence[str]) -> None:
    """Raise when a row of cells has the header of a column about single persons.

    Two cells make a header: one alone may be the label of a field that somebody signs.
    """
    if len(headers) > 1 and any(plain_letters(header) in PERSONAL_COLUMNS for header in headers):
        raise PatientLevelDataError


def plain_letters(text: str) -> str:
    """Return a header as small letters and digits without accents, which is how columns about persons are known."""
    letters = unicodedata.normalize("NFD", text[:100].casefold().replace("đ", "d"))
    return "".join(letter for letter in letters if letter.isascii() and letter.isalnum())


def _is_personal_field(name: str) -> bool:
    return name.replace("_", "").replace("-", "").casefold() in PERSONAL_FIELDS


def _is_personal_resource(document: dict[str, object]) -> bool:
    kind = document.get("resourceType")
    if kind == "MeasureReport":
        report = document.get("type")
        return isinstance(report, str) and report in _PERSONAL_REPORTS
    return isinstance(kind, str) and kind in PERSONAL_RESOURCES
