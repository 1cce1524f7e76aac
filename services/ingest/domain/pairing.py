"""Makes reports of data values: the two halves of a ratio that stand in one message become one report."""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Final

from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.facts import VALUE, Fact, rate_beside_counts
from services.ingest.domain.faults import Fault, RefusedError, shorten
from services.ingest.domain.figures import Figure, Number, read_figure
from services.ingest.domain.former_codes import FormerCodes
from services.ingest.domain.identity import Arrival, content_id
from services.ingest.domain.merging import Apart, Key, Parts, Sum, fact_key, older_part
from services.ingest.domain.native import NativeEvent
from services.ingest.domain.periods import last_complete
from services.ingest.domain.reading import BadRow, Desk, Reading, draft, judge
from services.ingest.domain.values import BadValue, Row, encode_values
from shared.contracts.vocabulary import Part, QuarantineReason, Stage
from shared.contracts.wire import IndicatorReported

ROWS_PER_SLICE: Final = 500
_ON_ARRIVAL: Final = "on arrival"  # in place of an id that only the journal can complete
_ATTESTATION: Final = Part.ATTESTATION
_LONG_AGO: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_VIET_NAM: Final = dt.timezone(dt.timedelta(hours=7))


def read_values(
    rows: Iterable[Row], desk: Desk, reading: Reading, table: AliasTable, *, apart: bool = False
) -> Iterator[None]:
    """Read data values into `reading`; yields now and then so that a large body lets others work.

    The same value twice is a repetition. Two values of one fact are both taken when their times tell them apart; if
    not, nobody can say which holds, and both are set aside. Values of parts of a merged unit are added up at the end.
    With `apart` two halves are one report only when one moment holds for both: a half that was committed late, between
    the two moments, would otherwise be older than the report that lacks it.
    """
    facts: dict[Key, Fact] = {}
    communes = desk.normalizer.communes(table.profile.codes_as_of)
    former = FormerCodes(communes, table)
    default_period = _default_period(desk, table)
    for row, value in enumerate(rows, reading.first_row):
        if row % ROWS_PER_SLICE == 0:
            yield
        reading.rows += 1
        if isinstance(value, BadValue):
            reading.refuse(row, value.fault, value.raw)
            continue
        try:
            figure = read_figure(row, value, table, communes, default_period)
        except RefusedError as refused:
            reading.refuse(row, refused.fault, encode_values([value]))
            former.note(value, refused.fault)
            continue
        _note(facts, figure)
    _set_doubtful_aside(reading, facts, former)
    _compare_rates(reading, facts)
    parts = Parts(communes, desk.normalizer.takes_events, lambda figures: _wrong(desk, figures))
    for count, fact in enumerate(facts.values()):
        if count % ROWS_PER_SLICE == 0:
            yield
        yield from _close(desk, reading, fact, parts, apart=apart)
    for made in parts.settle(facts):
        _take_made(desk, reading, made, apart=apart)


def _take_made(desk: Desk, reading: Reading, made: Sum | Apart, *, apart: bool) -> None:
    """Take the sum of all parts of a merged unit, or set aside the parts that make none."""
    if not isinstance(made, Sum):
        _set_aside(reading, made.figures, made.fault)
        return
    for one in made.by_moment() if apart else (made,):
        _take(desk, reading, one.figures, one.added)


def _default_period(desk: Desk, table: AliasTable) -> str:
    """Return the period of values that give none: the last one of the profile's kind before they were received."""
    kind = table.profile.default_period
    return last_complete(kind, desk.received_at.astimezone(_VIET_NAM).date()) if kind else ""


def _note(facts: dict[Key, Fact], figure: Figure) -> None:
    key, role = fact_key(figure), figure.meaning.role
    fact = facts.get(key)
    if fact is None:
        facts[key] = Fact({role: figure})
    elif role not in fact.figures:
        fact.figures[role] = figure
    else:
        fact.add(figure)


def _set_doubtful_aside(reading: Reading, facts: dict[Key, Fact], former: FormerCodes) -> None:
    """Set aside the facts of codes that may mean a part of a merged unit in this message."""
    for fact in facts.values():
        fault = former.doubt(fact)
        if fault is None:
            continue
        for figure in (*fact.figures.values(), *(fact.others or ())):
            reading.set_aside(BadRow(figure.row, fault, encode_values([figure.value]), None, fact.rows(figure)))
        fact.figures.clear()
        fact.others = None


def _compare_rates(reading: Reading, facts: dict[Key, Fact]) -> None:
    """Drop a percentage that only repeats the counts beside it; set all of them aside when they are different rates."""
    for key in [key for key in facts if key[-1]]:
        rate, counts = facts[key], facts.get((*key[:-1], False))
        agrees = None if counts is None else rate_beside_counts(rate, counts)
        if counts is None or agrees is None:
            continue
        if agrees:
            reading.repeated_rows += len(rate.figures)
        else:
            _contradict(reading, rate, [*rate.figures.values(), *counts.figures.values()])
            counts.figures.clear()
        rate.figures.clear()


def _moment(figure: Figure) -> dt.datetime:
    return figure.observed_at or _LONG_AGO


def _close(desk: Desk, reading: Reading, fact: Fact, parts: Parts, *, apart: bool) -> Iterator[None]:
    """Take what is left of a fact once the whole message is read; a message may be full of one fact."""
    if fact.others is not None:
        yield from _settle(desk, reading, fact, fact.others)
    figures = tuple(fact.figures.values())
    if figures and figures[0].spot.part:
        parts.add(figures)
    elif apart and len({figure.observed_at for figure in figures}) > 1:
        for figure in sorted(figures, key=_moment):
            _take(desk, reading, (figure,))
    elif figures:
        _take(desk, reading, figures)


def _settle(desk: Desk, reading: Reading, fact: Fact, others: list[Figure]) -> Iterator[None]:
    """Leave the newest figure of each role; older ones are taken alone, and contradictions set aside."""
    by_role: dict[str, list[Figure]] = {role: [figure] for role, figure in fact.figures.items()}
    for other in others:
        by_role[other.meaning.role].append(other)
    for role, said in by_role.items():
        newest = fact.figures.pop(role)
        has_times = all(figure.observed_at is not None for figure in said)
        by_moment: dict[dt.datetime | None, list[Figure]] = {}
        for figure in said:
            by_moment.setdefault(figure.observed_at if has_times else None, []).append(figure)
        for count, moment in enumerate(sorted(by_moment, key=lambda moment: moment or _LONG_AGO)):
            if count % ROWS_PER_SLICE == 0:
                yield
            same = by_moment[moment]
            if len({(type(figure.number), figure.number) for figure in same}) > 1:
                _contradict(reading, fact, same)
                continue
            if role in fact.figures:
                _take_older(desk, reading, newest)
            fact.figures[role] = newest = same[0]
            reading.repeated_rows += len(same) - 1 + sum(len(fact.rows(figure)) for figure in same)


def _take_older(desk: Desk, reading: Reading, figure: Figure) -> None:
    if figure.spot.part:
        _set_aside(reading, (figure,), older_part(figure))
    else:
        _take(desk, reading, (figure,))


def _contradict(reading: Reading, fact: Fact, same: list[Figure]) -> None:
    said = ", ".join(dict.fromkeys(shorten(figure.value.value) for figure in same[:5]))
    for figure in same:
        given = shorten(figure.value.value)
        fault = Fault(QuarantineReason.CONTRADICTED, "value", given, f"the message says {said}")
        reading.set_aside(BadRow(figure.row, fault, encode_values([figure.value]), None, fact.rows(figure)))


def _take(desk: Desk, reading: Reading, figures: tuple[Figure, ...], sent: tuple[Figure, ...] | None = None) -> None:
    """Judge one report made of one or more figures; `sent` are those of the message, when these are their sums."""
    sent = sent or figures
    report = judge(desk, _event(desk, figures))
    if isinstance(report, Fault):
        _set_aside(reading, sent, report)
    else:
        arrival = _arrival(desk, figures, report) if _newest(figures) is None else None
        raw = encode_values([figure.value for figure in sent])
        mates = tuple([figure.row for figure in sent[1:]])
        reading.good.append(draft(sent[0].row, report, raw, arrival, mates))


def _set_aside(reading: Reading, figures: tuple[Figure, ...], fault: Fault) -> None:
    raw = encode_values([figure.value for figure in figures])
    reading.set_aside(BadRow(figures[0].row, fault, raw, None, tuple(figure.row for figure in figures[1:])))


def _wrong(desk: Desk, figures: tuple[Figure, ...]) -> Fault | None:
    """Return what is wrong with figures that would be a report by themselves, or nothing."""
    report = judge(desk, _event(desk, figures))
    return report if isinstance(report, Fault) else None


def _arrival(desk: Desk, figures: tuple[Figure, ...], report: IndicatorReported) -> Arrival:
    """Return the identity of a report whose figures do not all say when they were observed."""
    days = (report.period_start, report.period_end)
    key = content_id(desk.grant.source, report.unit, report.indicator, report.cell, *days, report.part is _ATTESTATION)
    besides = _besides(figures[0])
    said = {figure.meaning.role: encode_values((figure.number, *besides)).decode() for figure in figures}
    single = said.get(VALUE)
    return Arrival(key, said.get("numerator", single), said.get("denominator", single), desk.received_at)


def _besides(figure: Figure) -> tuple[object, ...]:
    """Return what a value says beside its number."""
    value = figure.value
    evidence = value.evidence
    dates = () if evidence is None else (evidence.issued_on, evidence.valid_until)
    return value.deleted, value.stage, *dates


def _event_id(desk: Desk, figures: tuple[Figure, ...], newest: dt.datetime) -> str:
    first = figures[0]
    meaning, span = first.meaning, first.span
    numbers = {figure.meaning.role: figure.number for figure in figures}
    roles = sorted(numbers)
    fact = (first.spot.unit, span.start, span.end, meaning.indicator, meaning.sex, meaning.sector, *roles)
    said = (*map(numbers.__getitem__, roles), *_besides(first))
    return content_id(desk.grant.source, *fact, *said, newest - _EPOCH)  # one moment, whatever its offset


def _event(desk: Desk, figures: tuple[Figure, ...]) -> NativeEvent:
    first = figures[0]
    value, meaning = first.value, first.meaning
    numbers: dict[str, Number] = {figure.meaning.role: figure.number for figure in figures}
    newest = _newest(figures)
    single = numbers.get(VALUE)
    return NativeEvent(
        id=_ON_ARRIVAL if newest is None else _event_id(desk, figures, newest),
        commune=first.spot.unit,
        indicator=meaning.indicator,
        period=value.period,
        observed_at=desk.received_at if newest is None else newest,
        sex=meaning.sex,
        sector=meaning.sector,
        numerator=_half(numbers, "numerator", deleted=value.deleted),
        denominator=_half(numbers, "denominator", deleted=value.deleted),
        value=single if single is None or isinstance(single, bool) else float(single),
        deleted=value.deleted,
        stage=Stage(value.stage) if value.stage else None,
        evidence=value.evidence,
    )


def _newest(figures: tuple[Figure, ...]) -> dt.datetime | None:
    """Return when the newest of the figures was observed, or nothing when one of them does not say."""
    newest = figures[0].observed_at
    for figure in figures[1:]:
        if newest is None or figure.observed_at is None:
            return None
        newest = max(newest, figure.observed_at)
    return newest


def _half(numbers: dict[str, Number], role: str, *, deleted: bool) -> int | None:
    """Return one half of the ratio; a deleted half needs no number, only its role."""
    if role not in numbers:
        return None
    number = numbers[role]
    if number is None:
        return 0 if deleted else None
    return int(number)
