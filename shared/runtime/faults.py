"""Fault points: places where the fault suite kills a process, so that a crash between two steps is placed, not lucky.

Nothing happens unless DATCHUAN_FAULT_POINT names a point: "evaluator.before_commit", or "evaluator.before_commit:3" for
the third time it is reached. The process then dies as by kill -9: no handler, no flush, no farewell.
"""

import os
import signal

VARIABLE = "DATCHUAN_FAULT_POINT"

_name, _, _count = os.environ.get(VARIABLE, "").partition(":")
_remaining = int(_count or 1)


def fault_point(name: str) -> None:
    """Die here when this is the point that the environment names."""
    global _remaining  # noqa: PLW0603 - one process dies once
    if name != _name:
        return
    _remaining -= 1
    if _remaining <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
