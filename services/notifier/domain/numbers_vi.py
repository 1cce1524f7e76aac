"""Numbers and dates as Vietnamese officials write them: 1.234.567; 91,25; 15/10/2024."""

import datetime as dt
import functools
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from operator import ge, gt, le, lt

from babel.dates import format_date
from babel.numbers import format_decimal

from shared.contracts.vocabulary import Operator

# Viet Nam has had one time zone without daylight saving since 1975.
VIET_NAM = dt.timezone(dt.timedelta(hours=7))
# Formatting by locale rules is slow, and the same numbers come again: thresholds, and each measure once per addressee.
_REMEMBERED = 10_000
_CENT = Decimal("0.01")
# How each comparison is met, and which way leads away from its target.
_TARGETS: dict[Operator, tuple[Callable[[Decimal, Decimal], bool], str]] = {
    Operator.AT_LEAST: (ge, ROUND_FLOOR),
    Operator.MORE_THAN: (gt, ROUND_FLOOR),
    Operator.AT_MOST: (le, ROUND_CEILING),
    Operator.LESS_THAN: (lt, ROUND_CEILING),
}


@functools.lru_cache(maxsize=_REMEMBERED)
def count_vi(number: int) -> str:
    """Return a whole number.

    >>> count_vi(1234567)
    '1.234.567'
    """
    return str(format_decimal(number, locale="vi"))


@functools.lru_cache(maxsize=_REMEMBERED)
def threshold_vi(number: float) -> str:
    """Return a threshold with no more decimals than it has.

    >>> threshold_vi(90.0), threshold_vi(21.8)
    ('90', '21,8')
    """
    return str(format_decimal(Decimal(str(number)), format="#,##0.####", locale="vi"))


def percent_of(numerator: int | None, denominator: int | None, value: float | None) -> Decimal | None:
    """Return the exact percentage of a measure, from its counts when it has them."""
    if numerator is not None and denominator:
        return Decimal(numerator) * 100 / Decimal(denominator)
    return None if value is None else Decimal(str(value))


@functools.lru_cache(maxsize=_REMEMBERED)
def percent_vi(percent: Decimal, operator: str | None = None, threshold: float | None = None) -> str:
    """Return a percentage with two decimals, so that one figure reads alike wherever it stands.

    With the operator and threshold of a target that it misses: rounded away from the target where it would read as met.

    >>> percent_vi(Decimal("91.25")), percent_vi(Decimal("89.999"), ">=", 90), percent_vi(Decimal("92.879"), ">=", 95)
    ('91,25', '89,99', '92,88')
    """
    shown = percent.quantize(_CENT, rounding=ROUND_HALF_UP)
    target = None if operator is None else _TARGETS.get(Operator(operator))
    if target is not None and threshold is not None:
        holds, away = target
        limit = Decimal(str(threshold))
        if holds(shown, limit) and not holds(percent, limit):
            shown = percent.quantize(_CENT, rounding=away)
    return str(format_decimal(shown, format="#,##0.00", locale="vi"))


def date_vi(moment: dt.date | dt.datetime) -> str:
    """Return a day in Viet Nam.

    >>> date_vi(dt.datetime(2024, 10, 14, 18, 0, tzinfo=dt.UTC))
    '15/10/2024'
    """
    return _day_vi(moment.astimezone(VIET_NAM).date() if isinstance(moment, dt.datetime) else moment)


@functools.lru_cache(maxsize=_REMEMBERED)
def _day_vi(day: dt.date) -> str:
    return format_date(day, "dd/MM/yyyy", locale="vi")


def moment_vi(moment: dt.datetime) -> str:
    """Return a moment in Viet Nam, to the minute.

    >>> moment_vi(dt.datetime(2024, 10, 14, 18, 5, tzinfo=dt.UTC))
    '01:05 ngày 15/10/2024'
    """
    local = moment.astimezone(VIET_NAM)
    return f"{local:%H:%M} ngày {date_vi(moment)}"
