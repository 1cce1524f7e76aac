"""Data values: the common row of all formats whose words only the source's profile explains."""

from typing import Final

import msgspec

from services.ingest.domain.faults import Fault
from services.ingest.domain.native import Evidence
from shared.contracts.vocabulary import Stage


class DataValue(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One number as its sender wrote it, before anybody looked up what it means.

    `element` names what is counted (data element, group code, column), `option` the disaggregation as one name
    (categoryOptionCombo), `categories` the same as pairs of category and option. `role` is set where the format itself
    says which part of the measure this is (numerator, denominator, value); a form whose columns say everything sets
    `indicator`, `role`, `sex` and `sector`, and no profile is asked. `value` is a plain number, a number in quotes, or
    a yes/no. `observed_at` is an ISO 8601 moment with an offset. The quarantine keeps rows in this shape.
    """

    element: str = ""
    org_unit: str = ""
    org_unit_name: str = ""
    period: str = ""
    option: str | None = None
    attribute: str | None = None
    categories: dict[str, str] | None = None
    role: str | None = None
    indicator: str | None = None
    sex: str | None = None
    sector: str | None = None
    value: str | int | float | bool | None = None
    observed_at: str | None = None
    deleted: bool = False
    stage: Stage | None = None
    evidence: Evidence | None = None


class BadValue(msgspec.Struct, gc=False):
    """A row that is no data value: why, and its text as JSON."""

    fault: Fault
    raw: bytes


Row = DataValue | BadValue

encode_values: Final = msgspec.json.Encoder().encode
decode_values: Final = msgspec.json.Decoder(list[DataValue]).decode
