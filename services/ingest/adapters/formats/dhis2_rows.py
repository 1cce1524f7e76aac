"""What stands above the rows of DHIS2, in whichever writing, and a row put together with it."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UnsetType

from services.ingest.adapters.formats.dhis2_schemes import are_units_named
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import MalformedBodyError, UnsupportedRequestError
from services.ingest.domain.faults import refuse
from services.ingest.domain.values import DataValue
from shared.contracts.vocabulary import QuarantineReason, Stage

# What may stand in the head of a set, beside the id schemes.
HEAD_FIELDS: Final = (
    "dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo", "dataSet", "completeDate",
    "completedDate", "dryRun", "importStrategy", "strategy",
)  # fmt: skip
# Whether a strategy of DHIS2's takes values back; those that would leave a known value as it is are none of ours.
STRATEGIES: Final = {"CREATE_AND_UPDATE": False, "NEW_AND_UPDATES": False, "DELETE": True, "DELETES": True}
MAX_HEAD_TEXT: Final = 500
# A number or a yes/no, as far as its look goes.
FIGURE: Final = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?|true|false")
_FLAGS: Final = {"": False, "false": False, "0": False, "true": True, "1": True}


# A field of a row: empty, null and missing are all one.
Said = str | UnsetType | None


class RowContext(msgspec.Struct, frozen=True, kw_only=True):
    """The defaults of the rows, and what head and request say of all of them.

    `units` are the organisation units that the profile knows, when those of the rows are names and not ids.
    """

    element: str = ""
    period: str = ""
    org_unit: str = ""
    option: str | None = None
    attribute: str | None = None
    observed_at: str | None = None
    delete: bool = False
    stage: Stage | None = None
    units: Mapping[str, str] | None = None
    complete_date: str | None = None

    @staticmethod
    def of(head: Mapping[str, object], wishes: Wishes, table: AliasTable) -> "RowContext":
        """Return the context of a set with this head.

        Raises MalformedBodyError for a field that is no text, UnsupportedRequestError for what we do not do.
        """
        texts = {name: head_text(name, value) for name, value in head.items()}
        if texts.get("dryRun", "").casefold() not in ("", "false"):
            raise UnsupportedRequestError("dryRun in the body is not read: say dryRun=true in the address.")
        complete_date = texts.get("completeDate") or texts.get("completedDate") or None
        return RowContext(
            element=texts.get("dataElement", ""),
            period=texts.get("period") or wishes.period,
            org_unit=texts.get("orgUnit", ""),
            option=texts.get("categoryOptionCombo") or None,
            attribute=texts.get("attributeOptionCombo") or None,
            observed_at=wishes.observed_at or None,
            delete=read_strategy(texts.get("importStrategy") or texts.get("strategy") or "") or wishes.delete,
            stage=Stage.FINAL if complete_date else None,
            units=table.profile.org_units if are_units_named(wishes.id_schemes, texts, table.profile) else None,
            complete_date=complete_date,
        )

    def value(
        self,
        element: Said,
        period: Said,
        org_unit: Said,
        option: Said,
        attribute: Said,
        value: str | float | None,
        observed_at: Said,
        deleted: bool | UnsetType | None = False,
        categories: dict[str, str] | None = None,
    ) -> DataValue:
        """Return a row; what it leaves empty is taken from the head, as DHIS2 does."""
        unit, name = org_unit or self.org_unit, ""
        if self.units is not None and unit not in self.units:
            unit, name = "", unit
        return DataValue(
            element=element or self.element,
            org_unit=unit,
            org_unit_name=name,
            period=period or self.period,
            option=option or self.option,
            attribute=attribute or self.attribute,
            categories=categories,
            value=value,
            observed_at=observed_at or self.observed_at,
            deleted=deleted or self.delete,
            stage=self.stage,
        )


def head_text(name: str, value: object) -> str:
    """Return a field of the head as text; raises MalformedBodyError when it is an object or a list with anything."""
    if value is None or value in ({}, []):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        refuse_long_head({name: str(value)})
        return str(value)
    raise MalformedBodyError(f'"{name}" above the rows must be a text in quotes.')


def refuse_long_head(head: Mapping[str, str]) -> None:
    """Raise MalformedBodyError for a long text above the rows: it would be kept with every row that is set aside."""
    for name, text in head.items():
        if len(name) + len(text) > MAX_HEAD_TEXT:
            what = f"{name[:60]!r} above the rows is longer than {MAX_HEAD_TEXT} characters."
            raise MalformedBodyError(what)


def read_strategy(strategy: str) -> bool:
    """Return whether an import strategy takes the values back; raises UnsupportedRequestError for others than ours."""
    is_delete = STRATEGIES.get(strategy.strip().upper() or "CREATE_AND_UPDATE")
    if is_delete is None:
        raise UnsupportedRequestError(
            f"importStrategy={strategy[:60]} is not supported: whether a value is new is settled by its time, so none "
            f"is left out for being known or unknown. importStrategy may be: {', '.join(STRATEGIES)}."
        )
    return is_delete


def read_flag(name: str, text: str | None) -> bool:
    """Return a yes/no that came as text; refuses any other word."""
    if not text:
        return False
    flag = _FLAGS.get(text.strip().casefold())
    if flag is None:
        raise refuse(QuarantineReason.WRONG_TYPE, name, text, "must be true or false")
    return flag
