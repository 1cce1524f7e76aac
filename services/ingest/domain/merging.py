"""Numbers of merged units: the parts of one are added up when all of them are there, and set aside when not.

The number of a part is not the number of the whole, so it never stands in its place. Parts are added within one message
only: in another message they may be of another day, and nobody could say which of them belong together. Nothing is ever
divided. Only counts are added: people, establishments, events; two percentages have no sum, nor have two certificates.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from typing import Final

import msgspec

from services.ingest.domain.communes import FIELD, Communes, Spot
from services.ingest.domain.faults import Fault, Remedy, shorten
from services.ingest.domain.figures import Figure, Number
from shared.contracts.vocabulary import QuarantineReason, Stage

_VALUE: Final = "value"
_MAX_SHOWN: Final = 6
_NO_COUNT: Final = Remedy(
    "Report the merged unit as a whole: what is no count cannot be added up.",
    "Báo cáo toàn đơn vị mới: tỷ lệ, có/không và giấy chứng nhận của các đơn vị cũ không cộng lại được.",
)
_EITHER: Final = Remedy(
    "Nothing, if the number of the whole is right; else leave it out, and send all former units.",
    "Không cần làm gì nếu số liệu toàn đơn vị mới đã đúng; nếu chưa, bỏ số liệu đó và gửi đủ các đơn vị cũ.",
)
_OLDER: Final = Remedy(
    "Nothing: the newer value counts.", "Không cần làm gì: giá trị mới hơn của đơn vị cũ này được dùng."
)
Key = tuple[object, ...]


class Sum(msgspec.Struct, gc=False):
    """What the parts make: one figure for each role, as the merged unit would have sent it, and the figures added."""

    figures: tuple[Figure, ...]
    added: tuple[Figure, ...]

    def by_moment(self) -> "list[Sum]":
        """Return this sum, or one for each role when the roles were not observed at one moment."""
        if len({figure.observed_at for figure in self.figures}) == 1:
            return [self]
        return [
            Sum((figure,), tuple(part for part in self.added if part.meaning.role == figure.meaning.role))
            for figure in self.figures
        ]


class Apart(msgspec.Struct, gc=False):
    """Figures of parts that make no number of the merged unit, and why."""

    figures: tuple[Figure, ...]
    fault: Fault


class Parts:
    """The figures of one message that speak of parts of merged units, gathered until all of it is read.

    `takes_events` says of an indicator, sex and sector whether its single value is a number of events. `judge` returns
    what is wrong with the figures of one part taken alone: two mistakes must not make one plausible sum.
    """

    def __init__(
        self,
        communes: Communes,
        takes_events: Callable[[str, str | None, str | None], bool],
        judge: Callable[[tuple[Figure, ...]], Fault | None],
    ) -> None:
        self._communes = communes
        self._takes_events = takes_events
        self._judge = judge
        self._facts: dict[Key, dict[str, tuple[Figure, ...]]] = {}

    def add(self, figures: tuple[Figure, ...]) -> None:
        """Take in the figures of one part, one for each role."""
        first = figures[0]
        self._facts.setdefault((*fact_key(first, part=""), first.spot.parts), {})[first.spot.part] = figures

    def settle(self, said: Container[Key]) -> Iterator[Sum | Apart]:
        """Yield what becomes of everything that was gathered; `said` are the keys of all facts of the message."""
        for key, by_part in self._facts.items():
            yield from self._settle(by_part, is_whole=key[:-1] in said)

    def _settle(self, by_part: dict[str, tuple[Figure, ...]], *, is_whole: bool) -> Iterator[Sum | Apart]:
        good: dict[str, tuple[Figure, ...]] = {}
        for part, figures in by_part.items():
            fault = self._judge(figures) if self._are_counts(figures) else None
            if fault is None:
                good[part] = figures
            else:
                yield Apart(figures, fault)
        if not good:
            return
        spot = next(iter(good.values()))[0].spot
        of_role: dict[str, list[Figure]] = {}
        for figures in good.values():
            for figure in figures:
                of_role.setdefault(figure.meaning.role, []).append(figure)
        whole: list[list[Figure]] = []
        for same in of_role.values():
            why = self._why_apart(spot, same, is_whole=is_whole)
            if why:
                yield _apart(same, *why)
            else:
                whole.append(same)
        if whole:
            yield _sum(whole)

    def _are_counts(self, figures: Sequence[Figure]) -> bool:
        meaning = figures[0].meaning
        return meaning.role != _VALUE or self._takes_events(meaning.indicator, meaning.sex, meaning.sector)

    def _why_apart(self, spot: Spot, figures: list[Figure], *, is_whole: bool) -> tuple[str, Remedy | None] | None:
        """Return why the figures of one role cannot be added up, with the remedy of this very case, or nothing."""
        communes, unit = self._communes, self._communes.names((spot.unit,))
        if is_whole:
            return f"a part of {unit}, which this message reports as a whole, too", _EITHER
        if not self._are_counts(figures) or any(type(figure.number) is bool for figure in figures):
            why = f"a part of {unit}: only counts of the parts can be added, not a rate, a yes/no or a certificate"
            return why, _NO_COUNT
        there = {figure.spot.part for figure in figures}
        missing = tuple(part for part in spot.parts if part not in there)
        if not missing:
            return None
        role = figures[0].meaning.role
        return f"a part of {unit}; this message does not give the {role} of {communes.names(missing)}", None


def older_part(figure: Figure) -> Fault:
    """Return why the older of two values of one part is set aside: only the newer one is added."""
    what = "this message has a newer value of the same part"
    return Fault(QuarantineReason.COMMUNE_PART, FIELD, _said(figure), what, _OLDER)


def fact_key(figure: Figure, part: str | None = None) -> Key:
    """Return what one message says one thing of: unit, part (the figure's own unless given), period, indicator, cell.

    The halves of a ratio are of one fact, a single value is of another; so is the deletion of either. A period is its
    days, however it is written.
    """
    meaning, span, spot = figure.meaning, figure.span, figure.spot
    return (spot.unit, spot.part if part is None else part, span.start, span.end, meaning.indicator, meaning.sex,
            meaning.sector, figure.value.deleted, meaning.role == _VALUE)  # fmt: skip


def _said(figure: Figure) -> str:
    return shorten(figure.value.org_unit or figure.value.org_unit_name)


def _apart(figures: list[Figure], why: str, remedy: Remedy | None) -> Apart:
    ordered = _by_row(figures)
    said = [_said(figure) for figure in ordered[:_MAX_SHOWN]]
    value = ", ".join(said) if len(ordered) <= _MAX_SHOWN else f"{', '.join(said)}, …"
    return Apart(ordered, Fault(QuarantineReason.COMMUNE_PART, FIELD, shorten(value), why, remedy))


def _by_row(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    return tuple(sorted(figures, key=lambda figure: figure.row))


def _sum(whole: list[list[Figure]]) -> Sum:
    added = _by_row([figure for figures in whole for figure in figures])
    return Sum(tuple(sorted(map(_total, whole), key=lambda figure: figure.row)), added)


def _total(figures: list[Figure]) -> Figure:
    """Return the one figure that the parts make: their numbers added, observed when the last of them was."""
    ordered = _by_row(figures)
    first = ordered[0]
    times = [figure.observed_at for figure in ordered if figure.observed_at is not None]
    evidence = first.value.evidence
    value = msgspec.structs.replace(
        first.value,
        stage=_stage([figure.value.stage for figure in ordered]),
        evidence=evidence if all(figure.value.evidence == evidence for figure in ordered) else None,
    )
    return msgspec.structs.replace(
        first,
        value=value,
        spot=Spot(first.spot.unit),
        number=_added([figure.number for figure in ordered]),
        observed_at=max(times) if len(times) == len(ordered) else None,
    )


def _added(numbers: list[Number]) -> Number:
    """Return the sum, or None when the parts are deleted without numbers."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _stage(stages: list[Stage | None]) -> Stage | None:
    """Return what the whole is: provisional when any part is, final only when all are."""
    if Stage.PROVISIONAL in stages:
        return Stage.PROVISIONAL
    return Stage.FINAL if all(stage is Stage.FINAL for stage in stages) else None
