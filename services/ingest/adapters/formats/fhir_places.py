"""Whom a FHIR report is about: a reference as an organisation unit, by its code and by its name."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from services.ingest.adapters.formats.fhir_model import Named, Reference
from services.ingest.domain.errors import PatientLevelDataError

_PERSONS: Final = re.compile(r"(?:^|/)(?:Patient|Person|RelatedPerson)/")
_VERSION: Final = "/_history/"
# A health station has a name of its own, which is not its commune's; a name that says what it is can be compared.
_COMMUNE_NAME: Final = re.compile(r"(?:xã|phường|thị trấn|đặc khu)\s", re.IGNORECASE)


class OrgUnit(NamedTuple):
    """An organisation unit as the sender names it."""

    code: str = ""
    name: str = ""


class _Names(NamedTuple):
    """What a resource says of itself: its identifier, if any, and its name."""

    code: str = ""
    name: str = ""


_UNNAMED: Final = _Names()


class Directory:
    """The resources that references may mean: those of a Bundle, or those contained in a report and those beyond."""

    def __init__(self, known_codes: Mapping[str, str], beyond: "Directory | None" = None) -> None:
        """`known_codes` are the ids that the profile maps to communes."""
        self._known_codes = known_codes
        self._beyond = beyond
        self._resources: dict[str, Any] = {}
        self._found: dict[str, _Names] = {}

    def add(self, resource: Mapping[str, Any], full_url: str | None) -> None:
        """Add a resource of a Bundle."""
        if full_url:
            self._resources[full_url] = resource
        kind, id_ = resource.get("resourceType"), resource.get("id")
        if isinstance(kind, str) and isinstance(id_, str):
            self._resources[f"{kind}/{id_}"] = resource

    def holding(self, contained: Iterable[Any]) -> "Directory":
        """Return a directory that knows the resources contained in one report as well."""
        inner = Directory(self._known_codes, self)
        inner._resources = {f"#{item.get('id')}": item for item in contained if isinstance(item, dict)}
        return inner

    def find(self, reference: Reference) -> OrgUnit:
        """Return the unit of a reference: the identifier's value, else what the resource says, else its id.

        Raises PatientLevelDataError when it means a person.
        """
        text = (reference.reference or "").partition(_VERSION)[0]
        if _PERSONS.search(text):
            raise PatientLevelDataError
        named = self.look_up(text)
        name = named.name or reference.display or ""
        code = (reference.identifier and reference.identifier.value) or named.code
        if code:
            return OrgUnit(code, name if _names_commune(name) else "")
        tail = text.rpartition("/")[2].lstrip("#")
        known = next((key for key in (tail, name) if key in self._known_codes), tail if not name else "")
        return OrgUnit(known) if known or not name else OrgUnit("", name)

    def look_up(self, text: str) -> _Names:
        """Return what a resource says of itself; remembered, for many reports may mean the same one."""
        found = self._found.get(text)
        if found is None:
            resource = self._resources.get(text) or self._resources.get("/".join(text.split("/")[-2:]))
            if resource is None and self._beyond is not None:
                return self._beyond.look_up(text)
            found = self._found[text] = self._names(resource)
        return found

    def _names(self, resource: object) -> _Names:
        """Return the identifier that the profile knows, else the first; and the name."""
        try:
            named = msgspec.convert(resource, Named)
        except msgspec.ValidationError:
            return _UNNAMED
        values = [identifier.value for identifier in named.identifier if identifier.value]
        code = next((value for value in values if value in self._known_codes), values[0] if values else "")
        return _Names(code, named.name or "")


def _names_commune(name: str) -> bool:
    return _COMMUNE_NAME.match(unicodedata.normalize("NFC", name)) is not None
