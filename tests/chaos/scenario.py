"""What a scenario is: a name, what it proves, and a coroutine that strikes and returns the evidence of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.chaos.world import World

Evidence = dict[str, Any]
Strike = Callable[[World], Awaitable[Evidence]]


class NotPossibleHereError(Exception):
    """This machine does not let the fault happen; the text says why. The scenario counts as failed, not as passed."""


@dataclass(frozen=True)
class Scenario:
    """One fault: `strike` brings it about under load and fails unless it has really happened."""

    name: str
    proves: str
    strike: Strike
