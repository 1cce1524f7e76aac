"""Momentary gaps: what is missing for a moment only while a commune's first reports come in."""

from collections.abc import Iterable

import msgspec

from shared.contracts.vocabulary import VerdictStatus
from shared.contracts.wire import VerdictChanged

_NOT_EVALUABLE = VerdictStatus.NOT_EVALUABLE


def without_momentary_gaps(changes: Iterable[VerdictChanged]) -> list[VerdictChanged]:
    """Return the changes without the gaps that the next change of the same chỉ tiêu fills at once.

    The first report of a commune is of one sex, the second of the other: between the two nothing is missing that was
    ever there, and nobody must hear of it. The two changes become one.
    """
    kept: list[VerdictChanged | None] = []
    gaps: dict[tuple[str, str], int] = {}
    for change in changes:
        found = change
        if gaps:
            place = gaps.pop((change.unit, change.node), None)
            if place is not None:
                gap = kept[place]
                if gap is not None and gap.sequence < change.sequence:
                    kept[place] = None
                    found = _joined(gap, change)
        if found.from_status is _NOT_EVALUABLE and change.to_status is _NOT_EVALUABLE:
            gaps[change.unit, change.node] = len(kept)
        kept.append(found)
    return [change for change in kept if change is not None]


def _joined(first: VerdictChanged, second: VerdictChanged) -> VerdictChanged:
    return msgspec.structs.replace(second, from_status=first.from_status, from_reason=first.from_reason)
