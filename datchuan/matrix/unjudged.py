"""Why a matrix has no line: nothing judges its units on that day; and the nearest day on which something does."""

import datetime as dt
from dataclasses import dataclass

from datchuan.matrix.coverage import Matrix, build_matrix
from shared.catalog.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Why no chỉ tiêu is judged for the units of a dispatch on a day, and another day on which one is.

    `judged_on` is the last such day before, else the first one after, within the time of the dispatch; or None.
    """

    on: dt.date
    why: str
    judged_on: dt.date | None

    @property
    def what(self) -> str:
        """The reason, on one line."""
        return f"No chỉ tiêu is judged for the units of this dispatch on {self.on}: {self.why}."

    @property
    def remedy(self) -> str:
        """What to ask for instead."""
        if self.judged_on is None:
            return "There is no day of this dispatch on which one is judged: see `datchuan catalog check`."
        place = "last" if self.judged_on < self.on else "first"
        return f"Give --at {self.judged_on}, the {place} day of this dispatch on which one is judged."


def unjudged(catalog: Catalog, matrix: Matrix) -> Unjudged | None:
    """Return why a matrix has no row, or None when it has some."""
    return None if matrix.rows else Unjudged(matrix.on, _why(catalog, matrix), _judged_on(catalog, matrix))


def _why(catalog: Catalog, matrix: Matrix) -> str:
    if not matrix.units:
        return "no unit of its scope exists, or all have a nearer dispatch"
    if any(not rule.disabled for rule in catalog.rules_in_force(matrix.on)):
        return "the rules of that day are for units of another level"
    judging = {rule.ruleset for rule in catalog.rules if not rule.disabled}
    over = [each for each in catalog.rulesets if each.id in judging and each.span[1] < matrix.on]
    newest = max((each.span[1] for each in over), default=None)
    disabled = [each.number for each in catalog.rulesets if each.disabled and each.in_force(matrix.on)]
    why = [f"QĐ {number} has no thresholds in the catalog (it is disabled)" for number in disabled]
    why += [f"QĐ {each.number} ended on {newest}" for each in over if each.span[1] == newest]
    return "; ".join(why) or "no rule is in force"


def _judged_on(catalog: Catalog, matrix: Matrix) -> dt.date | None:
    """Return the day nearest before the matrix's, else after it, on which some unit of the dispatch is judged."""
    first, last = matrix.dispatch.span
    dated = [*(rule for rule in catalog.rules if not rule.disabled), *catalog.units]
    ends = {min(each.span[1], last) for each in dated}
    starts = {max(each.span[0], first) for each in dated}
    before = sorted((day for day in ends if first <= day < matrix.on), reverse=True)
    after = sorted(day for day in starts if matrix.on < day <= last)
    return next((day for day in (*before, *after) if build_matrix(catalog, matrix.dispatch, day).rows), None)
