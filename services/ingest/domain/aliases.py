"""One source's words for what we measure: its data elements, option combinations and organisation units."""

from typing import Final

from services.ingest.domain.faults import refuse
from shared.catalog.profiles import DEFAULT_OPTION, Alias, SourceProfile
from shared.contracts.vocabulary import QuarantineReason

# The uid that every DHIS2 gives to "no disaggregation", and its name.
DHIS2_DEFAULTS: Final = ("HllvX50cXC0", "default")


class AliasTable:
    """Look-ups of one source profile."""

    def __init__(self, profile: SourceProfile) -> None:
        self.source = profile.source
        self._aliases = {(alias.element, alias.option): alias for alias in profile.aliases}
        self._elements = {alias.element for alias in profile.aliases}
        self._org_units = profile.org_units

    def find(self, element: str, option: object, attribute: object = None) -> Alias:
        """Return what (element, option) means, or refuse it; an unlisted option is never taken for another."""
        if attribute is not None and attribute not in DHIS2_DEFAULTS:
            detail = "only the default is read: this attribute would merge values that are kept apart"
            raise refuse(QuarantineReason.UNKNOWN_ALIAS, "attributeOptionCombo", attribute, detail)
        if element not in self._elements:
            raise refuse(QuarantineReason.UNKNOWN_ALIAS, "dataElement", element, f"not in the profile {self.source}")
        if option is not None and not isinstance(option, str):
            raise refuse(QuarantineReason.UNKNOWN_ALIAS, "categoryOptionCombo", option, "must be a text in quotes")
        options = (*DHIS2_DEFAULTS, DEFAULT_OPTION) if option is None else (option, DEFAULT_OPTION)
        found = next((self._aliases[element, name] for name in options if (element, name) in self._aliases), None)
        if found is None:
            detail = f"{element} is known, but not with this option"
            raise refuse(QuarantineReason.UNKNOWN_ALIAS, "categoryOptionCombo", option, detail)
        return found

    def commune(self, org_unit: str) -> str:
        """Return the commune code of an organisation unit: the profile's, or the id itself when it is a code."""
        return self._org_units.get(org_unit, org_unit)
