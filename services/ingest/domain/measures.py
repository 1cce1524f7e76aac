"""What the numbers of an event say: a whole ratio, half of one, a percentage, a yes/no, or a number of events."""

from typing import Final

from services.ingest.domain.cells import CellPlan, missing_group, unexpected_group
from services.ingest.domain.faults import RefusedError, refuse
from services.ingest.domain.native import NativeEvent
from services.ingest.domain.remedies import YES_OR_NO
from shared.contracts.vocabulary import Part, QuarantineReason

Measure = tuple[Part, int | None, int | None, float | None]

# Looking up a member of an enumeration takes ten times as long as a name of the module.
_MEASURE, _ATTESTATION, _NUMERATOR, _DENOMINATOR = Part.MEASURE, Part.ATTESTATION, Part.NUMERATOR, Part.DENOMINATOR

# A percentage beside its ratio is rounded by the sender; a larger difference means that one of the two is wrong.
PERCENT_TOLERANCE: Final = 0.5


def read_measure(plan: CellPlan, event: NativeEvent) -> Measure:
    """Return what the event reports, or refuse it. The usual whole ratio is settled by the first test."""
    numerator, denominator = event.numerator, event.denominator
    if (
        numerator is not None
        and denominator is not None
        and plan.ratio
        and event.value is None
        and not event.deleted
        and 0 <= numerator <= denominator <= plan.max_denominator
        and (denominator or plan.zero_denominator)
    ):
        return _MEASURE, numerator, denominator, None
    if event.deleted:
        return _deleted(plan, event), None, None, None
    if numerator is None and denominator is None:
        return _value(plan, event)
    _need_ratio(plan, event)
    part = _ratio(plan, numerator, denominator)
    if event.value is not None:
        _agree(plan, event)
    return part, numerator, denominator, None


def _need_ratio(plan: CellPlan, event: NativeEvent) -> None:
    if plan.ratio:
        return
    if plan.by is not None:
        raise missing_group(plan.by)
    field = "numerator" if event.numerator is not None else "denominator"
    raise refuse(QuarantineReason.WRONG_MEASURE, field, getattr(event, field), _takes(plan))


def _ratio(plan: CellPlan, numerator: int | None, denominator: int | None) -> Part:
    for field, number in (("numerator", numerator), ("denominator", denominator)):
        if number is None:
            continue
        if number < 0:
            raise refuse(QuarantineReason.NEGATIVE_NUMBER, field, number)
        if number > plan.max_denominator:
            raise refuse(QuarantineReason.NUMBER_TOO_LARGE, field, number, f"at most {plan.max_denominator}")
    if denominator == 0 and not plan.zero_denominator:
        raise refuse(QuarantineReason.ZERO_DENOMINATOR, "denominator", denominator)
    if denominator is None:
        return _NUMERATOR
    if numerator is None:
        return _DENOMINATOR
    if numerator > denominator:
        raise refuse(QuarantineReason.NUMERATOR_OVER_DENOMINATOR, "numerator", f"{numerator}/{denominator}")
    return _MEASURE


def _agree(plan: CellPlan, event: NativeEvent) -> None:
    value, numerator, denominator = event.value, event.numerator, event.denominator
    if not plan.percent or isinstance(value, bool) or value is None:
        raise _wrong(plan, value, "send a value or a ratio, not both")
    if numerator is None or denominator is None:
        raise _wrong(plan, value, "a value beside half a ratio")
    if denominator and abs(value - 100 * numerator / denominator) > PERCENT_TOLERANCE:
        raise _wrong(plan, value, f"{numerator}/{denominator} is another rate")


def _value(plan: CellPlan, event: NativeEvent) -> Measure:
    value = event.value
    if value is None:
        raise refuse(QuarantineReason.NO_MEASURE, "value", detail=_takes(plan))
    if isinstance(value, bool):
        if not plan.boolean:
            raise unexpected_group(plan) if plan.attested else _wrong(plan, value)
        return _ATTESTATION, None, None, float(value)
    if value < 0:
        raise refuse(QuarantineReason.NEGATIVE_NUMBER, "value", value)
    if plan.boolean and value in (0, 1):
        if plan.percent:
            raise _wrong(plan, value, "a rate or a yes/no? send true or false, or a ratio")
        return _ATTESTATION, None, None, value
    return _MEASURE, None, None, _percent_or_count(plan, value)


def _percent_or_count(plan: CellPlan, value: float) -> float:
    if plan.count:
        if not value.is_integer():
            raise refuse(QuarantineReason.NOT_AN_INTEGER, "value", value)
        if value > plan.max_denominator:
            raise refuse(QuarantineReason.NUMBER_TOO_LARGE, "value", value, f"at most {plan.max_denominator}")
    elif plan.percent:
        if value > 100:
            raise refuse(QuarantineReason.NUMBER_TOO_LARGE, "value", value, "a percentage is at most 100")
    elif plan.by is not None:
        raise missing_group(plan.by)
    else:
        raise _wrong(plan, value)
    return value


def _deleted(plan: CellPlan, event: NativeEvent) -> Part:
    if event.numerator is not None or event.denominator is not None:
        _need_ratio(plan, event)
        if event.numerator is None:
            return _DENOMINATOR
        return _MEASURE if event.denominator is not None else _NUMERATOR
    if not plan.boolean:
        return _MEASURE
    if isinstance(event.value, bool) or not (plan.ratio or plan.percent or plan.count):
        return _ATTESTATION
    if event.value is not None and event.value not in (0, 1):
        return _MEASURE
    detail = "this indicator takes a rate and a yes/no: repeat the one that is deleted"
    raise refuse(QuarantineReason.NO_MEASURE, "value", detail=detail)


def _wrong(plan: CellPlan, value: object, detail: str = "") -> RefusedError:
    remedy = YES_OR_NO if plan.boolean and not (plan.ratio or plan.percent or plan.count) else None
    return refuse(QuarantineReason.WRONG_MEASURE, "value", value, detail or _takes(plan), remedy)


def _takes(plan: CellPlan) -> str:
    kinds = (
        ("numerator and denominator", plan.ratio),
        ("a percentage in value", plan.percent),
        ("true or false in value", plan.boolean),
        ("a number of events in value", plan.count),
    )
    return "it takes " + " or ".join(text for text, taken in kinds if taken)
