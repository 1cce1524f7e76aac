"""Fault points: places where the fault suite kills a process, so that a crash between two steps is placed, not lucky.

Nothing happens unless DATCHUAN_FAULT_POINT names a point: "evaluator.before_commit", or "evaluator.before_commit:3" for
the third time it is reached. The process then dies as by kill -9: no handler, no flush, no farewell.
"""

import os
import signal
from functools import cache
from itertools import count

VARIABLE = "DATCHUAN_FAULT_POINT"


@cache
def _wanted() -> tuple[str, int]:
    """Return the point that the environment names and how often it must be reached, as of the first time asked."""
    name, _, times = os.environ.get(VARIABLE, "").partition(":")
    return name, int(times or 1)


_reached = count(1)


def fault_point(name: str) -> None:
    """Die here when this is the point that the environment names."""
    wanted, times = _wanted()
    if name == wanted and next(_reached) >= times:
        os.kill(os.getpid(), signal.SIGKILL)
