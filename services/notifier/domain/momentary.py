"""Momentary gaps: what is missing for a moment only while a commune's first reports come in."""

from collections.abc import Iterable

import msgspec

from shared.contracts.vocabulary import VerdictStatus
from shared.contracts.wire import VerdictChanged


def without_momentary_gaps(changes: Iterable[VerdictChanged]) -> list[VerdictChanged]:
    """Return the changes without the gaps that the next change of the same chỉ tiêu fills at once.

    The first report of a commune is of one sex, the second of the other: between the two nothing is missing that was
    ever there, and nobody must hear of it. The two changes become one.
    """
    kept: dict[int, VerdictChanged] = {}
    gaps: dict[tuple[str, str], int] = {}
    for number, change in enumerate(changes):
        key = (change.unit, change.node)
        place = gaps.pop(key, None)
        if place is not None and kept[place].sequence < change.sequence:
            kept[number] = _joined(kept.pop(place), change)
        else:
            kept[number] = change
        if kept[number].from_status is change.to_status is VerdictStatus.NOT_EVALUABLE:
            gaps[key] = number
    return list(kept.values())


def _joined(first: VerdictChanged, second: VerdictChanged) -> VerdictChanged:
    return msgspec.structs.replace(second, from_status=first.from_status, from_reason=first.from_reason)
