"""Former codes give themselves away: beside them in a message, a code that a merged unit took over is in doubt.

A source that sends the codes of before a merger without saying so has most of them refused, because nobody holds them
any more. The one that the new unit took over would pass for the whole of it, although it is the number of one part.
"""

from services.ingest.domain.aliases import AliasTable, Meaning
from services.ingest.domain.communes import FIELD, Communes
from services.ingest.domain.facts import Fact
from services.ingest.domain.faults import Fault, Remedy, shorten
from services.ingest.domain.figures import Figure
from services.ingest.domain.places import Span
from services.ingest.domain.values import DataValue
from shared.contracts.vocabulary import QuarantineReason

_NOBODY = (QuarantineReason.COMMUNE_NOT_VALID_THEN, QuarantineReason.UNKNOWN_COMMUNE)
_REMEDY = Remedy(
    "If the source sends the codes of before the merger, state their day in its profile: codes_as_of. If the row is of "
    "the whole new unit, send the unit's name beside the code.",
    "Nếu nguồn gửi bộ mã trước khi sắp xếp, khai báo ngày của bộ mã (codes_as_of) trong hồ sơ của nguồn. Nếu là số "
    "liệu của toàn đơn vị mới, ghi thêm tên đơn vị mới bên cạnh mã.",
)
_Key = tuple[object, ...]


class FormerCodes:
    """What one message says of units that are no more, by the unit that each has gone into."""

    def __init__(self, communes: Communes, table: AliasTable) -> None:
        self._communes = communes
        self._table = table
        self._said: dict[_Key, str] = {}

    def note(self, value: DataValue, fault: Fault) -> None:
        """Note a value that was refused; only one whose unit had ended before its period did matters."""
        if fault.reason not in _NOBODY:
            return
        meaning, span = self._table.meaning(value), self._communes.span(value.period)
        code, name = self._table.commune(value.org_unit), value.org_unit_name
        for unit in self._communes.heirs(code, name, value.period):
            self._said.setdefault(_key(unit, span, meaning), code or name)

    def doubt(self, fact: Fact) -> Fault | None:
        """Return why a fact may be that of a part of its unit only, or nothing."""
        if not self._said:
            return None
        return next(filter(None, map(self._doubt, (*fact.figures.values(), *(fact.others or ())))), None)

    def _doubt(self, figure: Figure) -> Fault | None:
        said = self._said.get(_key(figure.spot.unit, figure.span, figure.meaning))
        if said is None or figure.spot.part:
            return None
        code = self._table.commune(figure.value.org_unit)
        former = self._communes.former_holder(code, figure.value.org_unit_name, figure.spot.unit)
        if not former:
            return None
        detail = f"this code is also that of a former part: {former}; the message uses former codes ({shorten(said)})"
        return Fault(
            QuarantineReason.COMMUNE_PART, FIELD, shorten(code), f"{detail}: state codes_as_of in the profile", _REMEDY
        )


def _key(unit: str, span: Span, meaning: Meaning) -> _Key:
    return unit, span.start, span.end, meaning.indicator, meaning.sex, meaning.sector
