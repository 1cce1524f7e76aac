"""DHIS2's id schemes: in which words a message names things, compared with those that the source's profile knows."""

from collections.abc import Mapping
from typing import Final

from services.ingest.domain.errors import UnsupportedRequestError
from shared.catalog.profiles import SourceProfile

ALL: Final = "all"
# Parameter, XML attribute or JSON field -> what it names.
SCHEME_FIELDS: Final = {
    "idScheme": ALL,
    "dataElementIdScheme": "dataElement",
    "categoryIdScheme": "category",
    "categoryOptionIdScheme": "categoryOption",
    "categoryOptionComboIdScheme": "categoryOptionCombo",
    "attributeOptionComboIdScheme": "attributeOptionCombo",
    "orgUnitIdScheme": "orgUnit",
    "dataSetIdScheme": "dataSet",
}
_EXPLAINED: Final = ("dataElement", "categoryOptionCombo", "categoryOption", "category")
_PLAIN_UNITS: Final = frozenset({"", "uid", "code"})
_NAME: Final = "name"


def are_units_named(asked: Mapping[str, str], head: Mapping[str, str], profile: SourceProfile) -> bool:
    """Return whether organisation units come by name and not by id.

    `asked` are the schemes of the request by what they name, `head` the fields above the rows, which go before. Raises
    UnsupportedRequestError for a scheme that the profile does not know; without one, its own is assumed.
    """
    said = {**asked, **{what: head[field] for field, what in SCHEME_FIELDS.items() if head.get(field)}}
    general = said.get(ALL, "")
    for what in _EXPLAINED:
        scheme = said.get(what) or general
        if scheme:
            _need(what, scheme, profile)
    units = said.get("orgUnit") or general
    if units.casefold() not in {*_PLAIN_UNITS, _NAME}:
        _need("orgUnit", units, profile)
    return units.casefold() == _NAME


def _need(what: str, scheme: str, profile: SourceProfile) -> None:
    if scheme.casefold() not in {known.casefold() for known in profile.id_schemes}:
        raise UnsupportedRequestError(
            f"The message names its {what} by the scheme {scheme[:60]}; the profile of {profile.source} knows "
            f"{', '.join(profile.id_schemes)}. Send one of these, or have the profile say which ids are meant."
        )
