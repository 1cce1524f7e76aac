"""The query parameters of dataValueSets: those that would change the meaning of a request are refused, not ignored."""

from collections.abc import Mapping
from typing import Final

from services.ingest.domain.errors import UnsupportedRequestError

# Parameter -> the values under which it asks for what this service does anyway.
_HARMLESS: Final[dict[str, frozenset[str]]] = {
    "async": frozenset({"false"}),
    "categoryIdScheme": frozenset({"uid", "code"}),
    "categoryOptionComboIdScheme": frozenset({"uid", "code"}),
    "categoryOptionIdScheme": frozenset({"uid", "code"}),
    "dataElementIdScheme": frozenset({"uid", "code"}),
    "dataSetIdScheme": frozenset({"uid", "code"}),
    "force": frozenset({"false"}),
    "format": frozenset({"json"}),
    "idScheme": frozenset({"uid", "code"}),
    "importStrategy": frozenset({"create_and_update", "new_and_updates"}),
    "mergeDataValues": frozenset({"false"}),
    "orgUnitIdScheme": frozenset({"uid", "code"}),
    "preheatCache": frozenset({"false", "true"}),
    "skipAudit": frozenset({"false"}),
    "skipExistingCheck": frozenset({"false"}),
    "strictAttributeOptionCombos": frozenset({"false", "true"}),
    "strictCategoryOptionCombos": frozenset({"false", "true"}),
    "strictOrganisationUnits": frozenset({"false", "true"}),
    "strictPeriods": frozenset({"false"}),
}
_DRY_RUN: Final = ("dryRun", "dry_run")


def read_dry_run(parameters: Mapping[str, str]) -> bool:
    """Return whether the request is a dry run; refuses every parameter that asks for something else."""
    dry_run = False
    for name, value in parameters.items():
        given = value.strip().casefold()
        if name in _DRY_RUN:
            if given not in ("true", "false"):
                raise UnsupportedRequestError(f"{name} must be true or false.")
            dry_run = dry_run or given == "true"
        elif given not in _HARMLESS.get(name, frozenset()):
            allowed = ", ".join(sorted(_HARMLESS.get(name, frozenset()))) or "nothing"
            raise UnsupportedRequestError(
                f"The parameter {name[:60]}={value[:60]} is not supported; {name[:60]} may be: {allowed}."
            )
    return dry_run
