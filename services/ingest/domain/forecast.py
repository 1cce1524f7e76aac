"""What a dry run would change: verdicts that would flip, and who would be told. Made outside of this service."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from shared.contracts.wire import IndicatorReported

MAX_LISTED: Final = 500


class VerdictForecast(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict that would change: of which unit and chỉ tiêu, from what to what, and how many are missing then."""

    unit: str
    unit_name_vi: str
    node: str
    node_name_vi: str
    from_status: str
    to_status: str
    reason: str
    gap: int | None = None
    text_vi: str = ""


class AlertForecast(msgspec.Struct, frozen=True, kw_only=True):
    """One addressee who would be told of it: in which role, by which clause of which dispatch, and by which channel.

    `notice` is what would be told (a `NoticeKind` of the notifier: opened, resolved, data_lost, rollup), `text_vi` the
    headline of that mail. `unroutable` says why nobody would get it ("no_address", "no_assignment", "no_dispatch").
    Addresses themselves are nobody's business who only sends numbers.
    """

    unit: str
    node: str
    cell: str = ""
    notice: str = ""
    addressee_vi: str
    role: str
    role_vi: str = ""
    dispatch: str
    clause: str
    channel: str = ""
    unroutable: str = ""
    text_vi: str = ""


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What reports would change if they were committed. `omitted` counts the verdicts beyond those listed.

    `as_of` is the day by whose rules they were judged, None when there is no forecast. `note` says in English, and
    `note_vi` in Vietnamese, why there is none, or why it does not cover everything; both are "" otherwise.
    """

    verdicts: tuple[VerdictForecast, ...] = ()
    alerts: tuple[AlertForecast, ...] = ()
    omitted: int = 0
    alerts_omitted: int = 0
    as_of: dt.date | None = None
    note: str = ""
    note_vi: str = ""


def together(one: Forecast | None, other: Forecast | None) -> Forecast | None:
    """Return what two parts of one body would change, each by itself; of one verdict changed twice the later holds."""
    if one is None or other is None:
        return one or other
    verdicts = {(verdict.unit, verdict.node): verdict for verdict in (*one.verdicts, *other.verdicts)}
    alerts = tuple(dict.fromkeys((*one.alerts, *other.alerts)))
    return Forecast(
        as_of=one.as_of or other.as_of,
        verdicts=tuple(verdicts.values())[:MAX_LISTED],
        alerts=alerts[:MAX_LISTED],
        omitted=one.omitted + other.omitted + max(0, len(verdicts) - MAX_LISTED),
        alerts_omitted=one.alerts_omitted + other.alerts_omitted + max(0, len(alerts) - MAX_LISTED),
        note=_both(one.note, other.note),
        note_vi=_both(one.note_vi, other.note_vi),
    )


def _both(one: str, other: str) -> str:
    return one if other in one else f"{one} {other}".strip()


Foresee = Callable[[Sequence[IndicatorReported]], Awaitable[Forecast]]
