"""Findings: the verdict of one node as a value. Equal findings are one object, so the engine compares by identity."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status

# Tallies are sums of weights: how many children are met, not evaluable and not met, in one number. A node has fewer
# than 2 ** 16 children.
_ONE_OPEN, _ONE_NOT_MET = 1 << 16, 1 << 32
_WEIGHTS = {Status.MET: 1, Status.NOT_EVALUABLE: _ONE_OPEN, Status.NOT_MET: _ONE_NOT_MET, Status.NOT_APPLICABLE: 0}


@dataclass(frozen=True, slots=True)
class Finding:
    """Status, reason, and the cells (sexes, sectors) at fault; "" stands for the whole chỉ tiêu.

    `weight` is what the finding adds to the tally of the node above it (see `rolled_up`).
    """

    status: Status
    reason: Reason
    cells: tuple[str, ...] = ()
    weight: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Weigh the status once, so that nobody hashes it later."""
        object.__setattr__(self, "weight", _WEIGHTS[self.status])


def finding(status: Status, reason: Reason, cells: tuple[str, ...] = ()) -> Finding:
    """Return the one finding of these values."""
    return _only(status, reason, cells)


@cache  # unbounded on purpose: an evicted finding would no longer be the same object; there are a few hundred at most
def _only(status: Status, reason: Reason, cells: tuple[str, ...]) -> Finding:
    return Finding(status, reason, cells)


TARGET_MET = finding(Status.MET, Reason.TARGET_MET)
NO_DATA = finding(Status.NOT_EVALUABLE, Reason.NO_DATA)
RULE_UNKNOWN = finding(Status.NOT_EVALUABLE, Reason.RULE_UNKNOWN)
RULE_ENDED = finding(Status.NOT_APPLICABLE, Reason.RULE_ENDED)
UNIT_ENDED = finding(Status.NOT_APPLICABLE, Reason.UNIT_ENDED)
NO_TITLE = finding(Status.NOT_APPLICABLE, Reason.NO_TITLE_FOR_UNIT)
ALL_MET = finding(Status.MET, Reason.ALL_MET)
CHILD_NOT_MET = finding(Status.NOT_MET, Reason.CHILD_NOT_MET)
CHILD_NOT_EVALUABLE = finding(Status.NOT_EVALUABLE, Reason.CHILD_NOT_EVALUABLE)
NONE_APPLICABLE = finding(Status.NOT_APPLICABLE, Reason.NONE_APPLICABLE)


def roll_up(children: Iterable[Finding]) -> Finding:
    """Return the finding of a tiêu chí or standard: met when everything that applies is met.

    One part not met decides; otherwise one that cannot be evaluated keeps the whole open.
    """
    result = NONE_APPLICABLE
    for child in children:
        status = child.status
        if status is Status.NOT_MET:
            return CHILD_NOT_MET
        if status is Status.NOT_EVALUABLE:
            result = CHILD_NOT_EVALUABLE
        elif status is Status.MET and result is NONE_APPLICABLE:
            result = ALL_MET
    return result


def rolled_up(tally: int) -> Finding:
    """Return what `roll_up` returns for children whose weights add up to `tally`."""
    if tally >= _ONE_NOT_MET:
        return CHILD_NOT_MET
    if tally >= _ONE_OPEN:
        return CHILD_NOT_EVALUABLE
    return ALL_MET if tally else NONE_APPLICABLE
