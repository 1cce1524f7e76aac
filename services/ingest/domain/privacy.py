"""Recognizes data of single persons, which is refused at the door: only counts of people may be sent."""

import re
from typing import Final

from services.ingest.domain.errors import PatientLevelDataError

# Names with "_", "-" and case removed. Vietnamese names are those of QĐ 130, 4750 and 3176 and of common exports.
PERSONAL_FIELDS: Final = frozenset(
    {
        "birthdate", "cccd", "cmnd", "dateofbirth", "dob", "enrollment", "enrollments", "giamdinhhs", "hoten",
        "hotenbn", "mabn", "malk", "masobhxh", "mathe", "mathebhyt", "ngaysinh", "patient", "patientid", "patientname",
        "socccd", "tenbenhnhan", "trackedentities", "trackedentity", "trackedentityinstance",
        "trackedentityinstances",
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
_PERSONAL_REPORTS: Final = frozenset({"individual", "subject-list", "data-collection"})
_IN_RAW_TEXT: Final = re.compile(
    rb'["<](?:ho_?ten(?:_bn)?|patient(?:_?(?:name|id))?|cccd|so_cccd|cmnd|ma_bn|ma_the(?:_bhyt)?|ma_lk|dob|birthdate|'
    rb"date_of_birth|ngay_sinh|tracked_?entit(?:y|ies)(?:instances?)?|giamdinhhs|encounter|"
    rb'resourcetype"\s*:\s*"(?:patient|encounter|observation|condition|immunization|person))["\s/>]',
    re.IGNORECASE,
)


def refuse_personal_data(document: object) -> None:
    """Raise when a decoded JSON document names a person anywhere inside."""
    waiting = [document]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if any(_is_personal_field(name) for name in item) or _is_personal_resource(item):
                raise PatientLevelDataError
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def refuse_personal_text(raw: bytes) -> None:
    """Raise when a text that cannot be decoded has the marks of data about persons."""
    if _IN_RAW_TEXT.search(raw):
        raise PatientLevelDataError


def _is_personal_field(name: str) -> bool:
    return name.replace("_", "").replace("-", "").casefold() in PERSONAL_FIELDS


def _is_personal_resource(document: dict[str, object]) -> bool:
    kind = document.get("resourceType")
    if kind == "MeasureReport":
        return document.get("type") in _PERSONAL_REPORTS
    return isinstance(kind, str) and kind in PERSONAL_RESOURCES
