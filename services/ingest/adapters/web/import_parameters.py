"""What a request to /v1/import says beside its files, in its query or in the fields of its form."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from services.ingest.adapters.formats.detecting import SENDABLE
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.domain.errors import UnsupportedRequestError
from services.ingest.domain.reading import PayloadFormat
from services.ingest.domain.similar_names import did_you_mean

_FORMATS: Final = {format_.value: format_ for format_ in SENDABLE}
_FHIR_JSON: Final = "application/fhir+json"
_SPELLINGS: Final = {"observed_at": "observedAt", "dry_run": "dryRun"}
# FHIR's own parameters that ask for what is answered anyway.
_HARMLESS: Final = {"_format": ("json", "application/json", _FHIR_JSON), "_pretty": ("true", "false")}


class Face(StrEnum):
    """In whose words a report is told."""

    DATCHUAN = "datchuan"
    DHIS2 = "dhis2"
    FHIR = "fhir"


class ImportParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of an import; `format` is None when the content says it."""

    format: PayloadFormat | None = None
    form: str = ""
    period: str = ""
    observed_at: str = ""
    dry_run: bool = False
    atomic: bool = False

    def wishes(self, file_name: str) -> Wishes:
        """Return what is to be taken into account when a file is read."""
        return Wishes(period=self.period, observed_at=self.observed_at, form=self.form, file_name=file_name)


def face_of(query: Mapping[str, str], accept: str) -> Face:
    """Return in whose words to answer: as `report` says, else as the header Accept prefers."""
    asked = query.get("report", "")
    if asked in tuple(Face):
        return Face(asked)
    return Face.FHIR if _FHIR_JSON in accept else Face.DATCHUAN


def read_import_parameters(given: Iterable[tuple[str, str]]) -> ImportParameters:
    """Return the parameters of /v1/import; raises UnsupportedRequestError for one that is unknown or said twice."""
    said = _said(given, ("format", "form", "period", "observedAt", "dryRun", "atomic", "report"))
    if said.get("report", Face.DATCHUAN.value) not in tuple(Face):
        raise _wrong("report", said["report"], [face.value for face in Face])
    asked = said.get("format")
    if asked is not None and asked not in _FORMATS:
        raise _wrong("format", asked, list(_FORMATS))
    return _parameters(said, None if asked is None else _FORMATS[asked])


def read_fhir_parameters(given: Iterable[tuple[str, str]]) -> ImportParameters:
    """Return the parameters of /fhir; raises UnsupportedRequestError for one that is unknown or said twice."""
    said = _said(given, ("period", "observedAt", "dryRun", "atomic", *_HARMLESS))
    for name, values in _HARMLESS.items():
        if said.get(name, values[0]) not in values:
            raise _wrong(name, said[name], list(values))
    return _parameters(said, PayloadFormat.FHIR)


def _parameters(said: Mapping[str, str], format_: PayloadFormat | None) -> ImportParameters:
    return ImportParameters(
        format=format_,
        form=said.get("form", ""),
        period=said.get("period", ""),
        observed_at=said.get("observedAt", ""),
        dry_run=_flag(said, "dryRun"),
        atomic=_flag(said, "atomic"),
    )


def _said(given: Iterable[tuple[str, str]], known: tuple[str, ...]) -> dict[str, str]:
    """Return what was said, by name; an empty value says nothing."""
    said: dict[str, str] = {}
    for spelt, text in given:
        name, value = _SPELLINGS.get(spelt, spelt), text.strip()
        if name not in known:
            raise UnsupportedRequestError(
                f"The parameter {spelt[:60]!r} is unknown{did_you_mean(spelt, known)}; known are: {', '.join(known)}."
            )
        if name in said and said[name] != value:
            raise UnsupportedRequestError(f"The parameter {name} is given twice, with different values.")
        if value:
            said[name] = value
    return said


def _flag(said: Mapping[str, str], name: str) -> bool:
    value = said.get(name, "false").casefold()
    if value not in ("true", "false"):
        raise _wrong(name, value, ["true", "false"])
    return value == "true"


def _wrong(name: str, value: str, allowed: list[str]) -> UnsupportedRequestError:
    return UnsupportedRequestError(f"{name}={value[:60]!r} is not known; it may be: {', '.join(allowed)}.")
