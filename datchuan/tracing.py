"""What would become of every value of a file by the profile of a source: read as ingest reads it, nothing stored."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from services.ingest.adapters.formats.readers import all_readers
from services.ingest.adapters.formats.value_set import Wishes
from services.ingest.adapters.intake import read_all
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.faults import RefusedError
from services.ingest.domain.figures import Figure, read_figure
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import BadRow, Desk, Draft, PayloadFormat, Reading
from services.ingest.domain.remedies import REMEDIES
from services.ingest.domain.tokens import ANY_SOURCE, Grant
from services.ingest.domain.values import DataValue, Row
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import QuarantineReason
from shared.contracts.wire import IndicatorReported

TAKEN: Final = "taken"
REPEATED: Final = "repeated"
_AS_SENT: Final = (
    "element", "option", "attribute", "categories", "org_unit", "org_unit_name", "period", "value", "observed_at",
)  # fmt: skip
_UNKNOWN: Final = QuarantineReason.UNKNOWN_ALIAS


@dataclass
class Trace:
    """One value: where it stands, what was sent, what it means, and what would become of it.

    `outcome` is "taken", "repeated" (another row says the same) or the reason why it is set aside.
    """

    row: int
    place: str
    outcome: str
    sent: dict[str, Any] = field(default_factory=dict)
    meaning: dict[str, Any] | None = None
    detail: str = ""
    remedy: str = ""
    remedy_vi: str = ""
    faulty_field: str = ""
    faulty_value: str = ""

    def document(self) -> dict[str, Any]:
        """Return the trace for programs; what is not known is left out."""
        fault = {
            "field": self.faulty_field, "value": self.faulty_value, "detail": self.detail, "remedy": self.remedy,
            "remedy_vi": self.remedy_vi,
        }  # fmt: skip
        known = {"row": self.row, "place": self.place, "outcome": self.outcome, "sent": self.sent}
        return known | ({"becomes": self.meaning} if self.meaning else {}) | (fault if self.remedy else {})


@dataclass
class Summary:
    """Values by outcome; what the file says and the profile does not know, how often; and what it never uses."""

    outcomes: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    unused: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether every value would be taken."""
        return not set(self.outcomes) - {TAKEN, REPEATED}


class Tracer:
    """Reads bodies by one profile and keeps what becomes of each value."""

    def __init__(self, catalog: Catalog, table: AliasTable, source: str, now: dt.datetime) -> None:
        self._catalog = catalog
        self._table = table
        self._readers = all_readers(catalog)
        normalizer = Normalizer(catalog)
        self._desk = Desk(normalizer, Grant(source, frozenset({ANY_SOURCE})), now, tables={source: table})
        self._communes = normalizer.communes(table.profile.codes_as_of)
        self._used: set[tuple[str, str]] = set()
        self._was_asked = False
        self.summary = Summary()

    async def trace(self, format_: PayloadFormat, body: bytes, wishes: Wishes) -> list[Trace]:
        """Return what becomes of each row of a body, in order; raises IngestErrors for a body that is refused."""
        reading = Reading(format_)
        rows: list[Row] = []
        read_events = self._readers.events.get(format_)
        if read_events is not None:
            await read_all(read_events(body, self._desk, reading))
        else:
            values = await self._readers.values[format_](body, wishes, self._table)
            reading.locate, reading.line = values.locate, values.line
            rows = list(values.rows)
            figures = [self._figure(row, value) for row, value in enumerate(rows)]
            await read_all(read_values(rows, self._desk, reading, self._table))
            return self._count(list(self._of_values(reading, rows, figures)))
        good = [self._of_event(reading, draft) for draft in reading.good]
        return self._count([*good, *(self._of_bad(reading, bad) for bad in reading.bad)])

    def finish(self) -> Summary:
        """Return the summary of all that was traced; a profile that was never asked has no unused entries."""
        self.summary.unused = [
            alias.element if alias.option == "*" else f"{alias.element} / {alias.option}"
            for alias in self._table.profile.aliases
            if self._was_asked and (alias.element, alias.option) not in self._used
        ]
        return self.summary

    def _figure(self, row: int, value: Row) -> Figure | None:
        if not isinstance(value, DataValue):
            return None
        alias = self._table.alias(value) if value.indicator is None else None
        self._was_asked = self._was_asked or value.indicator is None
        if alias is not None:
            self._used.add((alias.element, alias.option))
        try:
            return read_figure(row, msgspec.structs.replace(value), self._table, self._communes, "")
        except RefusedError:
            return None

    def _of_values(self, reading: Reading, rows: list[Row], figures: list[Figure | None]) -> Iterator[Trace]:
        good = {row: draft.event for draft in reading.good for row in (draft.row, *draft.mates)}
        bad = {row: found for found in reading.bad for row in (found.row, *found.mates)}
        for row, (value, figure) in enumerate(zip(rows, figures, strict=True)):
            trace = Trace(row, reading.place(row), REPEATED, _sent(value))
            if row in bad:
                self._explain(trace, bad[row])
            elif row in good:
                trace.outcome = TAKEN
            trace.meaning = self._meaning(figure, good.get(row))
            yield trace

    def _meaning(self, figure: Figure | None, event: IndicatorReported | None) -> dict[str, Any] | None:
        if figure is None:
            return None
        meaning, value = figure.meaning, figure.value
        unit = self._catalog.unit_by_id.get(figure.spot.unit)
        known = {
            "indicator": meaning.indicator, "role": meaning.role, "sex": meaning.sex, "sector": meaning.sector,
            "unit": figure.spot.unit, "unit_name_vi": unit.name_vi if unit else None,
            "by_code": self._table.commune(value.org_unit) or None, "by_name": value.org_unit_name or None,
            "codes_as_of": self._table.profile.codes_as_of or (event.period_end if event else None),
            "part_of_merged": figure.spot.part or None,
            "period_start": event.period_start if event else None, "period_end": event.period_end if event else None,
            "number": figure.number, "observed_at": figure.observed_at, "deleted": value.deleted or None,
        }  # fmt: skip
        return {name: text for name, text in known.items() if text is not None}

    def _of_event(self, reading: Reading, draft: Draft) -> Trace:
        event = draft.event
        unit = self._catalog.unit_by_id.get(event.unit)
        meaning = msgspec.to_builtins(event) | {"unit_name_vi": unit.name_vi if unit else None}
        meaning.pop("seq", None)
        return Trace(draft.row, reading.place(draft.row), TAKEN, {"id": event.event_id}, meaning)

    def _of_bad(self, reading: Reading, bad: BadRow) -> Trace:
        trace = Trace(bad.row, reading.place(bad.row), "", {"id": bad.event_id} if bad.event_id else {})
        self._explain(trace, bad)
        return trace

    def _explain(self, trace: Trace, bad: BadRow) -> None:
        fault, remedy = bad.fault, bad.fault.remedy or REMEDIES[bad.fault.reason]
        trace.outcome, trace.detail = fault.reason.value, fault.detail
        trace.remedy, trace.remedy_vi = remedy.en, remedy.vi
        trace.faulty_field, trace.faulty_value = fault.field, fault.value
        if fault.reason is _UNKNOWN:
            element = trace.sent.get("element", "")
            said = fault.value if fault.field == "dataElement" else f"{element} / {fault.field}={fault.value}"
            self.summary.unknown[said] += 1

    def _count(self, traces: list[Trace]) -> list[Trace]:
        traces.sort(key=lambda trace: trace.row)
        self.summary.outcomes.update(trace.outcome for trace in traces)
        return traces


def _sent(value: Row) -> dict[str, Any]:
    if not isinstance(value, DataValue):
        return {}
    return {name: found for name in _AS_SENT if (found := getattr(value, name)) not in (None, "", {})}
