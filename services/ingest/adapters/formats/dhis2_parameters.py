"""The query parameters of dataValueSets: those that would change the meaning of a request are refused, not ignored."""

from collections.abc import Mapping
from typing import Final

import msgspec

from services.ingest.adapters.formats.dhis2_rows import read_strategy
from services.ingest.adapters.formats.dhis2_schemes import SCHEME_FIELDS
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.domain.errors import UnsupportedRequestError
from services.ingest.domain.similar_names import did_you_mean

# Parameter -> the values under which it asks for what this service does anyway.
_HARMLESS: Final[dict[str, frozenset[str]]] = {
    "async": frozenset({"false"}),
    "force": frozenset({"false"}),
    "format": frozenset({"json", "xml", "csv", "adx"}),
    "mergeDataValues": frozenset({"false"}),
    "preheatCache": frozenset({"false", "true"}),
    "skipAudit": frozenset({"false"}),
    "skipExistingCheck": frozenset({"false"}),
    "skipNotifications": frozenset({"false"}),
    "skipPatternValidation": frozenset({"false"}),
    "strictAttributeOptionCombos": frozenset({"false", "true"}),
    "strictCategoryOptionCombos": frozenset({"false", "true"}),
    "strictDataElements": frozenset({"false"}),
    "strictDataSetApproval": frozenset({"false"}),
    "strictDataSetInputPeriods": frozenset({"false"}),
    "strictDataSetLocking": frozenset({"false"}),
    "strictOrganisationUnits": frozenset({"false", "true"}),
    "strictPeriods": frozenset({"false"}),
}
_FLAGS: Final = {"true": True, "false": False}
_MODES: Final = {"validate": True, "commit": False}
_ATOMIC_MODES: Final = {"all": True, "object": False, "none": False}
# Parameter -> what it sets, and its values.
_SETTINGS: Final[dict[str, tuple[str, dict[str, bool]]]] = {
    "dryRun": ("dry_run", _FLAGS),
    "dry_run": ("dry_run", _FLAGS),
    "importMode": ("dry_run", _MODES),
    "atomic": ("atomic", _FLAGS),
    "atomicMode": ("atomic", _ATOMIC_MODES),
    "firstRowIsHeader": ("first_row_is_header", _FLAGS),
}
_STRATEGIES: Final = ("importStrategy", "strategy")
_KNOWN: Final = (*_SETTINGS, *_STRATEGIES, *SCHEME_FIELDS, *_HARMLESS)


class Asked(msgspec.Struct, frozen=True):
    """What a request asks for beside its body."""

    wishes: Wishes
    dry_run: bool = False
    atomic: bool = False


def read_parameters(parameters: Mapping[str, str]) -> Asked:
    """Return what the parameters ask for; raises UnsupportedRequestError, naming it, for one that we do not do."""
    said: dict[str, bool] = {}
    schemes: dict[str, str] = {}
    is_delete = False
    for name, text in parameters.items():
        given = text.strip()
        if name in _SETTINGS:
            key, values = _SETTINGS[name]
            flag = values.get(given.casefold())
            if flag is None:
                raise _unsupported(name, text, values)
            said[key] = said.get(key, False) or flag
        elif name in _STRATEGIES:
            is_delete = read_strategy(given)
        elif name in SCHEME_FIELDS:
            schemes[SCHEME_FIELDS[name]] = given
        else:
            _need_harmless(name, given)
    wishes = Wishes(id_schemes=schemes, delete=is_delete, first_row_is_header=said.get("first_row_is_header"))
    return Asked(wishes, dry_run=said.get("dry_run", False), atomic=said.get("atomic", False))


def _need_harmless(name: str, given: str) -> None:
    if name not in _HARMLESS:
        raise UnsupportedRequestError(f"The parameter {name[:60]!r} is unknown{did_you_mean(name, _KNOWN)}.")
    allowed = _HARMLESS[name]
    if given.casefold() in allowed:
        return
    if name == "async":
        raise UnsupportedRequestError(
            "async=true is not supported: every answer is complete and comes at once, so there is no job to ask for "
            "later. Leave the parameter out."
        )
    raise _unsupported(name, given, dict.fromkeys(allowed, True))


def _unsupported(name: str, given: str, allowed: Mapping[str, bool]) -> UnsupportedRequestError:
    may_be = ", ".join(sorted(allowed))
    return UnsupportedRequestError(
        f"The parameter {name[:60]}={given[:60]} is not supported; {name[:60]} may be: {may_be}."
    )
